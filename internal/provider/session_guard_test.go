package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestClaims_FindTwoInstancesThatContradictEachOther(t *testing.T) {
	t.Parallel()
	const warning, conflict = "Two resources manage one session", "Plan deletes a session that it keeps"
	keep := func(instance string) claim {
		return claim{instance: instance, resource: "B", effect: keeps, extends: true}
	}
	remove := func(instance string) claim {
		return claim{instance: instance, resource: "A", effect: deletes, extends: true}
	}
	type row struct {
		claims []claim
		want   string
	}
	eachRow(t, map[string]row{
		"one instance planned twice":                {[]claim{keep("a"), keep("a")}, ""},
		"two new instances":                         {[]claim{keep(""), keep("")}, warning},
		"two instances in the state":                {[]claim{keep("a"), keep("b")}, warning},
		"one in the state, one new":                 {[]claim{keep("a"), keep("")}, warning},
		"palabra_session without ttl_seconds":       {[]claim{{instance: "a", effect: keeps}, keep("b")}, ""},
		"the same, the other way round":             {[]claim{keep("b"), {instance: "a", effect: keeps}}, ""},
		"two instances delete":                      {[]claim{remove("a"), remove("b")}, ""},
		"one deletes, another keeps":                {[]claim{remove("a"), keep("b")}, conflict},
		"one keeps, another deletes":                {[]claim{keep("a"), remove("b")}, conflict},
		"one deletes, a new one creates":            {[]claim{remove("a"), keep("")}, conflict},
		"a new one creates, one deletes":            {[]claim{keep(""), remove("a")}, conflict},
		"kept, then deleted by the same instance":   {[]claim{keep("a"), remove("a")}, ""},
		"deleted after all, another deletes":        {[]claim{keep("a"), remove("a"), remove("b")}, ""},
		"a twin and a deletion":                     {[]claim{keep("a"), remove("b"), keep("c")}, conflict},
		"kept by two, then deleted by the first":    {[]claim{keep("a"), keep("b"), remove("a")}, conflict},
		"a replacement that deletes, another keeps": {[]claim{{instance: "a", resource: "A", effect: deletes, spared: true}, keep("b")}, conflict},
	}, func(t *testing.T, test row) {
		var g sessionGuard
		var got string
		for _, each := range test.claims {
			if diags := g.claimSession("a.session", each); len(diags) > 0 {
				got = diags[0].Summary()
				if text := diags[0].Detail(); got == conflict && !strings.Contains(text, `instance (A) deletes session "a.session", and another one (B) keeps`) {
					t.Error(text)
				}
			}
			g.claimSession("another.session", claim{instance: "z" + each.instance, effect: each.effect})
		}
		if got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
		g.beginApply()
		if diags := g.claimSession("a.session", remove("y")); len(diags) > 0 {
			t.Errorf("after the first write: %v", diags)
		}
	})
}

func TestClaims_ErrorSaysWhichInstanceDeletes(t *testing.T) {
	t.Parallel()
	const want = `One resource instance (palabra_session_expiry with ttl_seconds = 7200, renew_before_seconds = 60, delete_on_destroy = true) ` +
		`deletes session "a.session", and another one (palabra_session_expiry with ttl_seconds = 600, delete_on_destroy = true) keeps or creates it.`
	deleting, keeping := givenLifetime(7200), givenLifetime(600)
	deleting.RenewBeforeSeconds = types.Int64Value(60)
	first, second := newClaim(sessionExpiryType, deleting, sessionNote{Instance: "a"}, deletes), newClaim(sessionExpiryType, keeping, sessionNote{Instance: "b"}, keeps)
	for range 2 {
		var g sessionGuard
		diags := append(g.claimSession("a.session", first), g.claimSession("a.session", second)...)
		if len(diags) != 1 || !strings.HasPrefix(diags[0].Detail(), want) {
			t.Errorf("diagnostics: %v\nwant: %s", diags, want)
		}
		first, second = second, first
	}
}
