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

// givenLifetime is an instance that was given a lifetime at epoch.
func givenLifetime(ttl int64) lifetimeModel {
	return lifetimeModel{
		ID:              types.StringValue("a.session"),
		TTLSeconds:      types.Int64Value(ttl),
		RenewTriggers:   types.MapNull(types.StringType),
		DeleteOnDestroy: types.BoolValue(true),
		ExpiresAt:       timestamp(epoch.Add(time.Duration(ttl) * time.Second)),
		Active:          types.BoolValue(true),
	}
}

func triggerMap(value attr.Value) types.Map {
	return types.MapValueMust(types.StringType, map[string]attr.Value{"release": value})
}

// remaining is the note of a read that long before the end.
func remaining(d time.Duration) sessionNote {
	return sessionNote{ServerTime: epoch, ExpiresAt: epoch.Add(d)}
}

func TestLifetimePlan_DecidesFromStateAndNoteAlone(t *testing.T) {
	t.Parallel()
	lead := func(seconds int64) func(*lifetimeModel) {
		return func(m *lifetimeModel) { m.RenewBeforeSeconds = types.Int64Value(seconds) }
	}
	trigger := func(value attr.Value) func(*lifetimeModel) {
		return func(m *lifetimeModel) { m.RenewTriggers = triggerMap(value) }
	}
	ended := func(m *lifetimeModel) { m.Active = types.BoolValue(false) }
	ttl := func(value types.Int64) func(*lifetimeModel) { return func(m *lifetimeModel) { m.TTLSeconds = value } }
	one, two := types.StringValue("1"), types.StringValue("2")
	type row struct {
		both, prior, planned func(*lifetimeModel)
		note                 sessionNote
		renew                bool
		warning              string
	}
	eachRow(t, map[string]row{
		"nothing changed":                      {note: remaining(time.Second)},
		"ttl changed":                          {planned: ttl(types.Int64Value(60)), note: remaining(time.Hour), renew: true},
		"ttl unknown":                          {planned: ttl(types.Int64Unknown()), note: remaining(time.Hour), renew: true},
		"ttl not configured":                   {both: ttl(types.Int64Null()), note: remaining(time.Second)},
		"ttl not sent, and not configured":     {both: ttl(types.Int64Null()), note: sessionNote{Unsent: true}},
		"lead time reached":                    {both: lead(3600), note: remaining(41 * time.Minute), renew: true},
		"exactly the lead time remains":        {both: lead(3600), note: remaining(time.Hour)},
		"lead time not reached":                {both: lead(3600), note: remaining(61 * time.Minute)},
		"lead time unknown":                    {planned: func(m *lifetimeModel) { m.RenewBeforeSeconds = types.Int64Unknown() }, note: remaining(61 * time.Minute), renew: true},
		"lead time raised above what is left":  {planned: lead(3600), note: remaining(59 * time.Minute), renew: true},
		"lead time raised below what was left": {planned: lead(3600), note: remaining(61 * time.Minute)},
		"nothing observed yet":                 {planned: lead(3600)},
		"arguments were not sent":              {note: sessionNote{Unsent: true}, renew: true},
		"triggers added":                       {planned: trigger(one), renew: true},
		"triggers removed":                     {prior: trigger(one), renew: true},
		"triggers changed":                     {prior: trigger(one), planned: trigger(two), renew: true},
		"triggers equal":                       {both: trigger(one)},
		"trigger element unknown":              {prior: trigger(one), planned: trigger(types.StringUnknown()), renew: true},
		"delete_on_destroy changed":            {planned: func(m *lifetimeModel) { m.DeleteOnDestroy = types.BoolValue(false) }, note: remaining(time.Hour)},
		"ended":                                {prior: ended, note: remaining(0)},
		"ended, and not sent":                  {prior: ended, note: sessionNote{Unsent: true}},
		"ended, lead time changed":             {prior: ended, planned: lead(3600), warning: "renew_before_seconds"},
		"ended, ttl changed":                   {prior: ended, planned: ttl(types.Int64Value(60)), warning: "ttl_seconds"},
		"ended, triggers changed":              {prior: ended, planned: trigger(one), warning: "renew_triggers"},
		"ended, triggers unknown":              {prior: ended, planned: trigger(types.StringUnknown()), warning: "known after apply"},
	}, func(t *testing.T, test row) {
		prior, planned := givenLifetime(7200), givenLifetime(7200)
		for _, change := range []func(*lifetimeModel){test.both, test.prior} {
			if change != nil {
				change(&prior)
			}
		}
		for _, change := range []func(*lifetimeModel){test.both, test.planned} {
			if change != nil {
				change(&planned)
			}
		}
		diags := planned.planUpdate(prior, test.note)
		if got := planned.ExpiresAt.IsUnknown(); got != test.renew {
			t.Errorf("renews: %t, want %t", got, test.renew)
		}
		if got, want := planned.RenewAt.IsUnknown(), test.renew && !planned.RenewBeforeSeconds.IsNull(); got != want {
			t.Errorf("renew_at is unknown: %t, want %t", got, want)
		}
		if got, want := planned.isActive(), prior.isActive(); got != want {
			t.Errorf("active: %t, want %t", got, want)
		}
		var warnings []string
		for _, d := range diags {
			warnings = append(warnings, d.Detail())
		}
		if text := strings.Join(warnings, "\n"); diags.HasError() || !strings.Contains(text, test.warning) || (test.warning == "") != (text == "") {
			t.Errorf("diagnostics: %q, want a warning %q", text, test.warning)
		}
	})
}

func TestLifetimePlan_RenewAtIsTheEndLessTheEffectiveLead(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) string { return epoch.Add(d).Format(time.RFC3339) }
	type row struct {
		lead    types.Int64
		granted int64
		active  bool
		want    string
	}
	eachRow(t, map[string]row{
		"no lead time":               {types.Int64Null(), 0, true, ""},
		"as granted":                 {types.Int64Value(3600), 0, true, at(time.Hour)},
		"capped far above the lead":  {types.Int64Value(600), 3600, true, at(110 * time.Minute)},
		"capped just above the lead": {types.Int64Value(600), 620, true, at(2*time.Hour - 558*time.Second)},
		"capped below the lead":      {types.Int64Value(600), 100, true, at(2*time.Hour - 90*time.Second)},
		"capped to a century":        {types.Int64Value(600), 100 * 365 * 24 * 3600, true, at(110 * time.Minute)},
		"capped to 90.9 seconds":     {types.Int64Value(600), 101, true, at(2*time.Hour - 90*time.Second)},
		"ended":                      {types.Int64Value(600), 0, false, ""},
	}, func(t *testing.T, test row) {
		m := givenLifetime(7200)
		m.RenewBeforeSeconds, m.Active = test.lead, types.BoolValue(test.active)
		if got := m.renewAt(sessionNote{GrantedSeconds: test.granted}); got.ValueString() != test.want {
			t.Errorf("renew_at: %s, want %q", got, test.want)
		}
	})
}

func TestLifetimeNote_IsSavedOnlyWhenAPlanCouldDecideDifferently(t *testing.T) {
	t.Parallel()
	m := givenLifetime(7200)
	m.RenewBeforeSeconds = types.Int64Value(3600)
	noted := sessionNote{Instance: "i", Account: "a", ServerTime: epoch, ExpiresAt: epoch.Add(100 * time.Minute)}
	type row struct {
		change func(*sessionNote)
		want   bool
	}
	eachRow(t, map[string]row{
		"nothing":           {func(*sessionNote) {}, false},
		"time":              {func(n *sessionNote) { n.ServerTime = epoch.Add(40 * time.Minute) }, false},
		"due":               {func(n *sessionNote) { n.ServerTime = epoch.Add(41 * time.Minute) }, true},
		"a little later":    {func(n *sessionNote) { n.ExpiresAt = epoch.Add(101 * time.Minute) }, false},
		"later":             {func(n *sessionNote) { n.ExpiresAt = epoch.Add(102 * time.Minute) }, true},
		"earlier":           {func(n *sessionNote) { n.ExpiresAt = epoch.Add(98 * time.Minute) }, true},
		"another instance":  {func(n *sessionNote) { n.Instance = "j" }, true},
		"other credentials": {func(n *sessionNote) { n.Account = "b" }, true},
		"not sent":          {func(n *sessionNote) { n.Unsent = true }, true},
	}, func(t *testing.T, test row) {
		newer := noted
		test.change(&newer)
		if got := noted.differs(newer, m); got != test.want {
			t.Errorf("differs: %t, want %t", got, test.want)
		}
	})
	if unseen := (sessionNote{Instance: "i", Account: "a"}); !unseen.differs(noted, m) {
		t.Error("the first observation is not saved")
	}
	past, later := noted, noted
	past.ServerTime, later.ServerTime = epoch.Add(101*time.Minute), epoch.Add(200*time.Minute)
	if past.differs(later, m) {
		t.Error("the time after the end is saved")
	}
}

func TestLifetimeWrite_NotesACap(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ttl     int64
		granted time.Duration
		capped  bool
		seconds int64 // the noted grant
	}{
		{7200, 2 * time.Hour, false, 0},
		{7200, 3 * time.Hour, false, 0},
		{7200, 119 * time.Minute, false, 7140},
		{7200, 118 * time.Minute, true, 7080},
		{60, 30 * time.Second, false, 30},
		{60, 29 * time.Second, true, 29},
		{60, time.Second / 2, true, 1},
	} {
		model, got := givenLifetime(test.ttl), grant{ExpiresAt: epoch.Add(test.granted), ServerTime: epoch, Granted: test.granted}
		note := sessionNote{GrantedSeconds: 5} // of the write before
		model.recordGrant(&note, got)
		if capped := got.capped(model.ttl()); capped != test.capped || note.GrantedSeconds != test.seconds {
			t.Errorf("%s of %d s: capped: %t, want %t; noted: %d, want %d", test.granted, test.ttl, capped, test.capped, note.GrantedSeconds, test.seconds)
		}
	}
}

func TestLifetimeWrite_DistinguishesAStaleReadBackFromACap(t *testing.T) {
	t.Parallel()
	const ttl = time.Hour
	old := epoch.Add(30 * time.Minute)
	type row struct {
		expires, updated time.Time
		before           []time.Time
		want             bool
	}
	eachRow(t, map[string]row{
		"granted in full":                   {epoch.Add(ttl), epoch, []time.Time{old}, false},
		"granted in full, within tolerance": {epoch.Add(ttl - 59*time.Second), epoch.Add(-time.Hour), []time.Time{epoch.Add(ttl - 59*time.Second)}, false},
		"the old expiry, not updated":       {old, epoch.Add(-time.Hour), []time.Time{old}, true},
		"the old expiry, no updated_at":     {old, time.Time{}, []time.Time{old.Add(2 * time.Second)}, true},
		"the old expiry, updated":           {old, epoch, []time.Time{old}, false},
		"updated in the second before":      {old, epoch.Add(-time.Second), []time.Time{old}, false},
		"another expiry":                    {old.Add(61 * time.Second), epoch.Add(-time.Hour), []time.Time{old}, false},
		"either of two":                     {old, epoch.Add(-time.Hour), []time.Time{epoch, old}, true},
		"a longer old lifetime":             {epoch.Add(9 * time.Hour), epoch.Add(-time.Hour), []time.Time{epoch.Add(9 * time.Hour)}, true},
		"no old expiry known":               {old, epoch.Add(-time.Hour), nil, true},
		"no expiry in the answer":           {time.Time{}, epoch.Add(-time.Hour), nil, false},
	}, func(t *testing.T, test row) {
		session := palabra.Session{ExpiresAt: test.expires, UpdatedAt: test.updated}
		if got := isStale(session, epoch, ttl, test.before); got != test.want {
			t.Errorf("stale: %t, want %t", got, test.want)
		}
	})
}
