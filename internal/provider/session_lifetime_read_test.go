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
	const onChange = "when ttl_seconds or renew_triggers change.\n"
	for name, test := range map[string]struct {
		lead    func(*lifetimeModel)
		live    time.Duration // the live expiry, relative to the stored one
		warning string        // the last words of one; it is stored then
	}{
		"later":                      {live: time.Hour},
		"same":                       {},
		"earlier within tolerance":   {live: -time.Minute},
		"earlier":                    {live: -61 * time.Second, warning: "renewed only " + onChange},
		"earlier, and not due":       {withLead(600), -61 * time.Second, "is left, or " + onChange},
		"earlier than the lead time": {withLead(600), -119 * time.Minute, "so the next apply renews it.\n"},
		"no expiry in the answer":    {live: noExpiry},
		"no expiry, and a lead time": {withLead(600), noExpiry, ""},
	} {
		model := givenLifetime(test.lead)
		stored := timeOf(model.ExpiresAt)
		live, want, start := stored.Add(test.live), stored, ""
		if test.live == noExpiry {
			live = time.Time{}
		}
		if test.warning != "" {
			want = live
			start = fmt.Sprintf("lifetime until %s, and now expires at %s.", stored.Format(time.RFC3339), live.Format(time.RFC3339))
		}
		_, diags := model.observe(palabra.Session{ID: "a.session", ExpiresAt: live, ServerTime: epoch}, sessionNote{})
		if !timeOf(model.ExpiresAt).Equal(want) {
			t.Errorf("%s: expires_at: %s, want %s", name, model.ExpiresAt, want)
		}
		if said := details(diags); diags.HasError() || (said == "") != (test.warning == "") || !strings.Contains(said, start) || !strings.HasSuffix(said, test.warning) {
			t.Errorf("%s: %s\nwant: %s … %s", name, said, start, test.warning)
		}
	}
}

func TestLifetimeRead_PastExpiryChangesNothingAboutActive(t *testing.T) {
	t.Parallel()
	for _, active := range []types.Bool{types.BoolValue(true), types.BoolValue(false), types.BoolNull()} {
		for _, past := range []time.Duration{0, time.Second} {
			model := givenLifetime(func(m *lifetimeModel) { m.Active = active })
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
		"as known":   {nil, "i", false},
		"later":      {withExpiry(epoch.Add(time.Hour)), "i", false},
		"earlier":    {withExpiry(epoch.Add(3 * time.Hour)), "i", true},
		"no expiry":  {withExpiry(time.Time{}), "i", true},
		"first read": {nil, "", true},
	} {
		model := givenLifetime(test.change)
		if got := model.needsSingleRead(listed, sessionNote{Instance: test.instance}); got != test.single {
			t.Errorf("%s: needs a single read: %t, want %t", name, got, test.single)
		}
	}
}

// lastSecond is the latest time that RFC 3339 has.
var lastSecond = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)

func TestLifetimeImport_DerivesTheLifetime(t *testing.T) {
	t.Parallel()
	known := lifetimeModel{TTLSeconds: types.Int64Value(60), DeleteOnDestroy: types.BoolValue(false)}
	for name, test := range map[string]struct {
		before  lifetimeModel
		session palabra.Session
		want    types.Int64
	}{
		"since the last change": {session: palabra.Session{CreatedAt: epoch, UpdatedAt: epoch.Add(time.Hour), ExpiresAt: epoch.Add(3 * time.Hour)}, want: types.Int64Value(7200)},
		"since creation":        {session: palabra.Session{CreatedAt: epoch, ExpiresAt: epoch.Add(3 * time.Hour)}, want: types.Int64Value(10800)},
		"updated after the end": {session: palabra.Session{CreatedAt: epoch, UpdatedAt: epoch.Add(4 * time.Hour), ExpiresAt: epoch.Add(3 * time.Hour)}, want: types.Int64Value(10800)},
		"updated at the end":    {session: palabra.Session{CreatedAt: epoch, UpdatedAt: epoch.Add(3 * time.Hour), ExpiresAt: epoch.Add(3 * time.Hour)}, want: types.Int64Value(10800)},
		"no timestamps but one": {session: palabra.Session{ServerTime: epoch, ExpiresAt: epoch.Add(time.Hour)}, want: types.Int64Value(3600)},
		"the year 9999":         {session: palabra.Session{UpdatedAt: epoch, ExpiresAt: lastSecond}, want: types.Int64Value(maxTTLSeconds)},
		"no expiry":             {session: palabra.Session{CreatedAt: epoch, UpdatedAt: epoch}, want: types.Int64Null()},
		"known before":          {known, palabra.Session{CreatedAt: epoch, ExpiresAt: epoch.Add(time.Hour)}, types.Int64Value(60)},
	} {
		model := test.before
		model.observe(test.session, sessionNote{})
		if !model.TTLSeconds.Equal(test.want) || !timeOf(model.ExpiresAt).Equal(test.session.ExpiresAt) {
			t.Errorf("%s: ttl_seconds %s, expires_at %s; want %s, %s", name, model.TTLSeconds, model.ExpiresAt, test.want, test.session.ExpiresAt)
		}
		if model.DeleteOnDestroy.ValueBool() != test.before.DeleteOnDestroy.IsNull() || !model.Active.ValueBool() {
			t.Errorf("%s: delete_on_destroy %s, active %s; want the defaults, or what is known", name, model.DeleteOnDestroy, model.Active)
		}
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
		model := givenLifetime()
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
	for _, at := range []time.Time{lastSecond, lastSecond.Add(time.Second), lastSecond.AddDate(100, 0, 0)} {
		if got := timestamp(at).ValueString(); got != "9999-12-31T23:59:59Z" {
			t.Errorf("%s becomes %s", at, got)
		}
	}
}
