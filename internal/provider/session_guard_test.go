package provider

import (
	"strconv"
	"strings"
	"testing"
)

func keep(instance string) claim {
	return claim{instance: instance, resource: "B", effect: keeps, extends: true}
}

func remove(instance string) claim {
	return claim{instance: instance, resource: "A", effect: deletes, extends: true}
}

func TestClaims_FindTwoInstancesThatContradictEachOther(t *testing.T) {
	t.Parallel()
	const warning, conflict = "Two resources manage one session", "Plan deletes a session that it keeps"
	for name, test := range map[string]struct {
		claims []claim
		want   string
	}{
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
	} {
		var g sessionGuard
		var got, text string
		for _, each := range test.claims {
			if diags := g.claimSession("a.session", each); len(diags) > 0 {
				got, text = diags[0].Summary(), diags[0].Detail()
			}
			g.claimSession("another.session", claim{instance: "z" + each.instance, effect: each.effect})
		}
		if got != test.want || got == conflict && !strings.Contains(text, `instance (A) deletes session "a.session", and another one (B) keeps`) {
			t.Errorf("%s: %q, want %q: %s", name, got, test.want, text)
		}
		g.beginApply()
		if diags := g.claimSession("a.session", remove("y")); len(diags) > 0 {
			t.Errorf("%s: after the first write: %v", name, diags)
		}
	}
}

// TestClaims_ManyConflictsAreExplainedOnce, and each names its session.
func TestClaims_ManyConflictsAreExplainedOnce(t *testing.T) {
	t.Parallel()
	ids := []string{"s1", "s2", "s3", "s4"}
	for _, known := range []bool{true, false} {
		for _, deletesFirst := range []bool{true, false} {
			var g sessionGuard
			var said strings.Builder
			for _, deleting := range []bool{deletesFirst, !deletesFirst} {
				for _, id := range ids {
					added := keep("")
					if deleting {
						added = remove(id)
					} else if !known {
						id = unknownSession
					}
					said.WriteString(details(g.claimSession(id, added)))
				}
			}
			for _, id := range ids {
				if strings.Count(said.String(), strconv.Quote(id)) != 1 || strings.Count(said.String(), "-refresh=false") != 1 {
					t.Errorf("known: %t, deletes first: %t: want session %s once, and one explanation: %s", known, deletesFirst, id, said.String())
				}
			}
		}
	}
}

func TestClaims_DescribeTheInstance(t *testing.T) {
	t.Parallel()
	const want = "palabra_session_expiry with ttl_seconds = 7200, renew_before_seconds = 60, delete_on_destroy = true"
	expectEqual(t, "resource", newClaim(sessionExpiryType, givenLifetime(withLead(60)), sessionNote{}, deletes).resource, want)
}
