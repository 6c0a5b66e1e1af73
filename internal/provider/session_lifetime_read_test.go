package provider

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// noExpiry stands for an answer without an expiry.
const noExpiry = time.Duration(-1)

func TestLifetimeRead_KeepsAtLeastUntil(t *testing.T) {
	t.Parallel()
	const onChange = "when ttl_seconds or renew_triggers change."
	type row struct {
		lead    types.Int64
		live    time.Duration // the live expiry, relative to the stored one
		warning string        // the last words of one; it is stored then
	}
	eachRow(t, map[string]row{
		"later":                      {live: time.Hour},
		"same":                       {},
		"earlier within tolerance":   {live: -time.Minute},
		"earlier":                    {live: -61 * time.Second, warning: "renewed only " + onChange},
		"earlier, and not due":       {types.Int64Value(600), -61 * time.Second, "is left, or " + onChange},
		"earlier than the lead time": {types.Int64Value(600), -119 * time.Minute, "so the next apply renews it."},
		"no expiry in the answer":    {live: noExpiry},
		"no expiry, and a lead time": {types.Int64Value(600), noExpiry, ""},
	}, func(t *testing.T, test row) {
		model := givenLifetime(7200)
		model.RenewBeforeSeconds = test.lead
		stored := timeOf(model.ExpiresAt)
		live, want := stored.Add(test.live), stored
		if test.live == noExpiry {
			live = time.Time{}
		}
		if test.warning != "" {
			want = live
			test.warning = fmt.Sprintf("lifetime until %s, and now expires at %s. … %s", stored.Format(time.RFC3339), live.Format(time.RFC3339), test.warning)
		}
		_, diags := model.observe(palabra.Session{ID: "a.session", ExpiresAt: live, ServerTime: epoch}, sessionNote{})
		if !timeOf(model.ExpiresAt).Equal(want) {
			t.Errorf("expires_at: %s, want %s", model.ExpiresAt, want)
		}
		if got := diags.WarningsCount() == 1; got != (test.warning != "") || diags.HasError() {
			t.Errorf("diagnostics: %v, want a warning: %t", diags, test.warning != "")
		} else if got {
			start, end, _ := strings.Cut(test.warning, " … ")
			if text := diags[0].Detail(); !strings.Contains(text, start) || !strings.HasSuffix(text, end) {
				t.Errorf("%s\nwant: %s", text, test.warning)
			}
		}
	})
}

func TestLifetimeRead_PastExpiryChangesNothingAboutActive(t *testing.T) {
	t.Parallel()
	for _, active := range []types.Bool{types.BoolValue(true), types.BoolValue(false), types.BoolNull()} {
		for _, past := range []time.Duration{0, time.Second} {
			model := givenLifetime(7200)
			model.Active = active
			model.observe(palabra.Session{ID: "a.session", ExpiresAt: epoch, ServerTime: epoch.Add(past)}, sessionNote{})
			if got, want := model.Active.ValueBool(), active.IsNull() || active.ValueBool(); got != want {
				t.Errorf("active: %t, want %t", got, want)
			}
		}
	}
}

// A page may be stale, so it only confirms what is known.
func TestLifetimeRead_PageOnlyConfirms(t *testing.T) {
	t.Parallel()
	listed := palabra.Session{ID: "a.session", ExpiresAt: epoch.Add(2 * time.Hour), ServerTime: epoch, Listed: true}
	for name, test := range map[string]struct {
		change   func(*lifetimeModel)
		instance string
		single   bool
	}{
		"as known":   {func(*lifetimeModel) {}, "i", false},
		"later":      {func(m *lifetimeModel) { m.ExpiresAt = timestamp(epoch.Add(time.Hour)) }, "i", false},
		"earlier":    {func(m *lifetimeModel) { m.ExpiresAt = timestamp(epoch.Add(3 * time.Hour)) }, "i", true},
		"no expiry":  {func(m *lifetimeModel) { m.ExpiresAt = timestamp(time.Time{}) }, "i", true},
		"first read": {func(*lifetimeModel) {}, "", true},
	} {
		model := givenLifetime(7200)
		test.change(&model)
		if got := model.needsSingleRead(listed, sessionNote{Instance: test.instance}); got != test.single {
			t.Errorf("%s: needs a single read: %t, want %t", name, got, test.single)
		}
	}
}

func TestLifetimeImport_DerivesTheLifetime(t *testing.T) {
	t.Parallel()
	farAway := time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	type row struct {
		session palabra.Session
		want    types.Int64
	}
	eachRow(t, map[string]row{
		"since the last change": {palabra.Session{CreatedAt: epoch, UpdatedAt: epoch.Add(time.Hour), ExpiresAt: epoch.Add(3 * time.Hour)}, types.Int64Value(7200)},
		"since creation":        {palabra.Session{CreatedAt: epoch, ExpiresAt: epoch.Add(3 * time.Hour)}, types.Int64Value(10800)},
		"updated after the end": {palabra.Session{CreatedAt: epoch, UpdatedAt: epoch.Add(4 * time.Hour), ExpiresAt: epoch.Add(3 * time.Hour)}, types.Int64Value(10800)},
		"updated at the end":    {palabra.Session{CreatedAt: epoch, UpdatedAt: epoch.Add(3 * time.Hour), ExpiresAt: epoch.Add(3 * time.Hour)}, types.Int64Value(10800)},
		"no timestamps but one": {palabra.Session{ServerTime: epoch, ExpiresAt: epoch.Add(time.Hour)}, types.Int64Value(3600)},
		"the year 9999":         {palabra.Session{UpdatedAt: epoch, ExpiresAt: farAway}, types.Int64Value(maxTTLSeconds)},
		"no expiry":             {palabra.Session{CreatedAt: epoch, UpdatedAt: epoch}, types.Int64Null()},
	}, func(t *testing.T, test row) {
		var model lifetimeModel
		model.observe(test.session, sessionNote{})
		if !model.TTLSeconds.Equal(test.want) {
			t.Errorf("ttl_seconds: %s, want %s", model.TTLSeconds, test.want)
		}
		if !model.DeleteOnDestroy.ValueBool() || !model.Active.ValueBool() {
			t.Errorf("delete_on_destroy %s, active %s; want the defaults", model.DeleteOnDestroy, model.Active)
		}
	})
}

func TestLifetimeImport_KeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	model := lifetimeModel{TTLSeconds: types.Int64Value(60), DeleteOnDestroy: types.BoolValue(false)}
	model.observe(palabra.Session{CreatedAt: epoch, ExpiresAt: epoch.Add(time.Hour)}, sessionNote{})
	if model.TTLSeconds.ValueInt64() != 60 || model.DeleteOnDestroy.ValueBool() || !timeOf(model.ExpiresAt).Equal(epoch.Add(time.Hour)) {
		t.Errorf("%+v", model)
	}
}

func TestLifetimeRead_ClockThatLeavesLessTimeDecides(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		local, want time.Time
		warns       bool
	}{
		"clocks agree":      {epoch.Add(4 * time.Minute), epoch, false},
		"API behind":        {epoch.Add(time.Hour), epoch.Add(time.Hour), true},
		"API ahead":         {epoch.Add(-time.Hour), epoch, true},
		"no local time":     {time.Time{}, epoch, false},
		"API decades ahead": {epoch.AddDate(-40, 0, 0), epoch, true},
	} {
		session := palabra.Session{ExpiresAt: epoch.Add(2 * time.Hour), ServerTime: epoch, LocalTime: test.local}
		model := givenLifetime(7200)
		if note, _ := model.observe(session, sessionNote{}); !note.ServerTime.Equal(test.want) {
			t.Errorf("%s: time %s, want %s", name, note.ServerTime, test.want)
		}
		var data providerData
		if diags := data.clockWarning(session); (len(diags) == 1) != test.warns {
			t.Errorf("%s: %v", name, diags)
		} else if test.warns && (!strings.Contains(diags[0].Detail(), test.local.Format(time.RFC3339)) || len(data.clockWarning(session)) > 0) {
			t.Errorf("%s: %v, want both times, once", name, diags)
		}
	}
}

// The Date of an answer, from which an expiry may be calculated, can be any.
func TestLifetimeModel_TimestampsEndWithTheYear9999(t *testing.T) {
	t.Parallel()
	last := time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	for _, at := range []time.Time{last, last.Add(time.Second), last.AddDate(100, 0, 0)} {
		if got := timestamp(at).ValueString(); got != "9999-12-31T23:59:59Z" {
			t.Errorf("%s becomes %s", at, got)
		}
	}
}
