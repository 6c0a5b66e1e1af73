package provider

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var epoch = time.Date(2031, time.March, 14, 9, 26, 53, 0, time.UTC)

func expiryState(ttl int64) sessionExpiryModel {
	return sessionExpiryModel{
		ID:                 types.StringValue("a.session"),
		SessionID:          types.StringValue("a.session"),
		TTLSeconds:         types.Int64Value(ttl),
		RenewBeforeSeconds: types.Int64Null(),
		RenewTriggers:      types.MapNull(types.StringType),
		DeleteOnDestroy:    types.BoolValue(true),
		ExpiresAt:          timestamp(epoch.Add(time.Duration(ttl) * time.Second)),
		Expired:            types.BoolValue(false),
	}
}

func triggers(value attr.Value) types.Map {
	return types.MapValueMust(types.StringType, map[string]attr.Value{"release": value})
}

// remaining is what a read noted that long before the end.
func remaining(d time.Duration) expiryObservation {
	return expiryObservation{ServerTime: epoch, ExpiresAt: epoch.Add(d), GrantedSeconds: 7200}
}

func TestDecideExpiry(t *testing.T) {
	t.Parallel()
	one, two := types.StringValue("1"), types.StringValue("2")
	for name, test := range map[string]struct {
		prior, planned func(*sessionExpiryModel)
		seen           expiryObservation
		renew          bool
		warning        string
		refused        string
	}{
		"nothing changed": {seen: remaining(time.Second)},
		"ttl changed":     {planned: func(m *sessionExpiryModel) { m.TTLSeconds = types.Int64Value(60) }, seen: remaining(time.Hour), renew: true},
		"ttl unknown":     {planned: func(m *sessionExpiryModel) { m.TTLSeconds = types.Int64Unknown() }, seen: remaining(time.Hour), renew: true},
		"lead time reached": {
			planned: func(m *sessionExpiryModel) { m.RenewBeforeSeconds = types.Int64Value(3600) },
			seen:    remaining(41 * time.Minute), renew: true, warning: "expires at 2031-03-14T10:07:53Z, in 41m; renew_before_seconds is 3600",
		},
		"exactly the lead time remains": {planned: func(m *sessionExpiryModel) { m.RenewBeforeSeconds = types.Int64Value(3600) }, seen: remaining(time.Hour)},
		"lead time not reached":         {planned: func(m *sessionExpiryModel) { m.RenewBeforeSeconds = types.Int64Value(3600) }, seen: remaining(61 * time.Minute)},
		"lead time unknown":             {planned: func(m *sessionExpiryModel) { m.RenewBeforeSeconds = types.Int64Unknown() }, seen: remaining(61 * time.Minute), renew: true},
		"nothing observed yet":          {planned: func(m *sessionExpiryModel) { m.RenewBeforeSeconds = types.Int64Value(3600) }},
		"triggers added":                {planned: func(m *sessionExpiryModel) { m.RenewTriggers = triggers(one) }, renew: true},
		"triggers removed":              {prior: func(m *sessionExpiryModel) { m.RenewTriggers = triggers(one) }, renew: true},
		"triggers changed": {
			prior:   func(m *sessionExpiryModel) { m.RenewTriggers = triggers(one) },
			planned: func(m *sessionExpiryModel) { m.RenewTriggers = triggers(two) }, renew: true,
		},
		"triggers equal": {
			prior:   func(m *sessionExpiryModel) { m.RenewTriggers = triggers(one) },
			planned: func(m *sessionExpiryModel) { m.RenewTriggers = triggers(one) },
		},
		"trigger element unknown": {
			prior:   func(m *sessionExpiryModel) { m.RenewTriggers = triggers(one) },
			planned: func(m *sessionExpiryModel) { m.RenewTriggers = triggers(types.StringUnknown()) }, renew: true,
		},
		"delete_on_destroy changed": {planned: func(m *sessionExpiryModel) { m.DeleteOnDestroy = types.BoolValue(false) }, seen: remaining(time.Hour)},
		"ended":                     {prior: func(m *sessionExpiryModel) { m.Expired = types.BoolValue(true) }, planned: func(m *sessionExpiryModel) { m.RenewBeforeSeconds = types.Int64Value(3600) }},
		"ended, ttl changed": {
			prior:   func(m *sessionExpiryModel) { m.Expired = types.BoolValue(true) },
			planned: func(m *sessionExpiryModel) { m.TTLSeconds = types.Int64Value(60) }, refused: "a changed ttl_seconds",
		},
		"ended, triggers changed": {
			prior:   func(m *sessionExpiryModel) { m.Expired = types.BoolValue(true) },
			planned: func(m *sessionExpiryModel) { m.RenewTriggers = triggers(one) }, refused: "a changed renew_triggers",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prior, planned := expiryState(7200), expiryState(7200)
			if test.prior != nil {
				test.prior(&prior)
			}
			if test.planned != nil {
				test.planned(&planned)
			}
			got := decideExpiry(prior, planned, test.seen)
			if got.renew != test.renew {
				t.Errorf("renew: %t, want %t", got.renew, test.renew)
			}
			var warnings, errs []string
			for _, d := range got.diags.Warnings() {
				warnings = append(warnings, d.Detail())
			}
			for _, d := range got.diags.Errors() {
				errs = append(errs, d.Detail())
			}
			if text := strings.Join(warnings, "\n"); !strings.Contains(text, test.warning) || (test.warning == "") != (text == "") {
				t.Errorf("warnings: %q, want %q", text, test.warning)
			}
			if text := strings.Join(errs, "\n"); !strings.Contains(text, test.refused) || (test.refused == "") != (text == "") {
				t.Errorf("errors: %q, want %q", text, test.refused)
			}
		})
	}
}

func TestCappedGrantIsNotDueRightAfterItsRenewal(t *testing.T) {
	t.Parallel()
	planned := expiryState(7200)
	planned.RenewBeforeSeconds = types.Int64Value(3600)
	granted := expiryObservation{ServerTime: epoch, ExpiresAt: epoch.Add(10 * time.Minute), GrantedSeconds: 600}
	if decideExpiry(planned, planned, granted).renew {
		t.Error("renewal planned right after a grant of 600 s with renew_before_seconds = 3600")
	}
	granted.ServerTime = epoch.Add(5*time.Minute + time.Second)
	if !decideExpiry(planned, planned, granted).renew {
		t.Error("no renewal planned with less than half of the capped lifetime left")
	}
}

func TestObserveKeepsAtLeastUntil(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		live    time.Duration // the live expiry, relative to the stored one
		want    time.Duration
		warning bool
	}{
		"later":                    {live: time.Hour},
		"same":                     {},
		"earlier within tolerance": {live: -time.Minute},
		"earlier":                  {live: -61 * time.Second, want: -61 * time.Second, warning: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := expiryState(7200)
			stored := timeOf(model.ExpiresAt)
			diags := model.observe(palabra.Session{ID: "a.session", ExpiresAt: stored.Add(test.live), ServerTime: epoch})
			if want := stored.Add(test.want); !timeOf(model.ExpiresAt).Equal(want) {
				t.Errorf("expires_at: %s, want %s", model.ExpiresAt, want)
			}
			if got := diags.WarningsCount() == 1; got != test.warning || diags.HasError() {
				t.Errorf("diagnostics: %v, want a warning: %t", diags, test.warning)
			}
		})
	}
}

func TestImportDerivesTheLifetime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		session palabra.Session
		want    int64
	}{
		"since the last change": {palabra.Session{CreatedAt: epoch, UpdatedAt: epoch.Add(time.Hour), ExpiresAt: epoch.Add(3 * time.Hour)}, 7200},
		"since creation":        {palabra.Session{CreatedAt: epoch, ExpiresAt: epoch.Add(3 * time.Hour)}, 10800},
		"updated after the end": {palabra.Session{CreatedAt: epoch, UpdatedAt: epoch.Add(4 * time.Hour), ExpiresAt: epoch.Add(3 * time.Hour)}, 10800},
		"no timestamps but one": {palabra.Session{ServerTime: epoch, ExpiresAt: epoch.Add(time.Hour)}, 3600},
		"none at all":           {palabra.Session{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var model sessionExpiryModel
			model.TTLSeconds = types.Int64Null()
			model.observe(test.session)
			if got := model.TTLSeconds.ValueInt64(); got != test.want {
				t.Errorf("ttl_seconds: %d, want %d", got, test.want)
			}
			if !model.DeleteOnDestroy.ValueBool() {
				t.Error("delete_on_destroy is not its default after an import")
			}
		})
	}
}

func TestGoneIsANaturalEndOnlyAfterTheLastKnownExpiry(t *testing.T) {
	t.Parallel()
	gone := func(at time.Duration) error {
		return &palabra.Error{StatusCode: 404, ServerTime: epoch.Add(at), Err: palabra.ErrNotFound}
	}
	for name, test := range map[string]struct {
		seen expiryObservation
		at   time.Duration
		want bool
	}{
		"before the stored end":           {expiryObservation{}, time.Hour, false},
		"at the stored end":               {expiryObservation{}, 2 * time.Hour, true},
		"before an end that moved later":  {expiryObservation{ExpiresAt: epoch.Add(3 * time.Hour)}, 2 * time.Hour, false},
		"after an end that moved later":   {expiryObservation{ExpiresAt: epoch.Add(3 * time.Hour)}, 3 * time.Hour, true},
		"after an end that moved earlier": {expiryObservation{ExpiresAt: epoch.Add(time.Hour)}, time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := expiryState(7200)
			if got := model.endedNaturally(test.seen, gone(test.at)); got != test.want {
				t.Errorf("natural end: %t, want %t", got, test.want)
			}
		})
	}
}

func TestClaimsRecogniseTwoInstancesButNotAForcedReplacement(t *testing.T) {
	t.Parallel()
	same, other := func() string { return "ttl_seconds = 60" }, func() string { return "ttl_seconds = 90" }
	for name, test := range map[string]struct {
		first, second claim
		want          bool
	}{
		"two in state":               {claim{same, true}, claim{same, true}, true},
		"two new":                    {claim{same, false}, claim{same, false}, true},
		"one replaced":               {claim{same, true}, claim{same, false}, false},
		"one in state, another new":  {claim{same, true}, claim{other, false}, true},
		"another new, one in state ": {claim{same, false}, claim{other, true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c claims
			if _, ok := c.add("a.session", test.first); ok {
				t.Error("the first claim meets another")
			}
			if _, ok := c.add("another.session", test.second); ok {
				t.Error("a claim on another session meets this one")
			}
			if _, ok := c.add("a.session", test.second); ok != test.want {
				t.Errorf("second claim meets the first: %t, want %t", ok, test.want)
			}
		})
	}
}
