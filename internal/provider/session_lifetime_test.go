package provider

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var epoch = time.Date(2031, time.March, 14, 9, 26, 53, 0, time.UTC)

// givenLifetime is an instance that was given two hours at epoch, with changes.
func givenLifetime(changes ...func(*lifetimeModel)) lifetimeModel {
	m := lifetimeModel{
		ID:              types.StringValue("a.session"),
		TTLSeconds:      types.Int64Value(7200),
		RenewTriggers:   types.MapNull(types.StringType),
		DeleteOnDestroy: types.BoolValue(true),
		ExpiresAt:       timestamp(epoch.Add(2 * time.Hour)),
		Active:          types.BoolValue(true),
	}
	for _, change := range changes {
		if change != nil {
			change(&m)
		}
	}
	return m
}

func withLead(seconds int64) func(*lifetimeModel) {
	return func(m *lifetimeModel) { m.RenewBeforeSeconds = types.Int64Value(seconds) }
}

func withExpiry(at time.Time) func(*lifetimeModel) {
	return func(m *lifetimeModel) { m.ExpiresAt = timestamp(at) }
}

// details are those of all diagnostics.
func details(diags diag.Diagnostics) (said string) {
	for _, d := range diags {
		said += d.Detail() + "\n"
	}
	return said
}

// remaining is the note of a read that long before the end.
func remaining(d time.Duration) sessionNote {
	return sessionNote{ServerTime: epoch, ExpiresAt: epoch.Add(d)}
}

func TestLifetimePlan_DecidesFromStateAndNoteAlone(t *testing.T) {
	t.Parallel()
	trigger := func(value attr.Value) func(*lifetimeModel) {
		triggers := types.MapValueMust(types.StringType, map[string]attr.Value{"release": value})
		return func(m *lifetimeModel) { m.RenewTriggers = triggers }
	}
	ended := func(m *lifetimeModel) { m.Active = types.BoolValue(false) }
	ttl := func(value types.Int64) func(*lifetimeModel) { return func(m *lifetimeModel) { m.TTLSeconds = value } }
	one, two := types.StringValue("1"), types.StringValue("2")
	for name, test := range map[string]struct {
		both, prior, planned func(*lifetimeModel)
		note                 sessionNote
		renew                bool
		warning              string
	}{
		"nothing changed":                      {note: remaining(time.Second)},
		"ttl changed":                          {planned: ttl(types.Int64Value(60)), note: remaining(time.Hour), renew: true},
		"ttl unknown":                          {planned: ttl(types.Int64Unknown()), note: remaining(time.Hour), renew: true},
		"ttl not configured":                   {both: ttl(types.Int64Null()), note: remaining(time.Second)},
		"ttl not sent, and not configured":     {both: ttl(types.Int64Null()), note: sessionNote{Unsent: true}},
		"lead time reached":                    {both: withLead(3600), note: remaining(41 * time.Minute), renew: true},
		"exactly the lead time remains":        {both: withLead(3600), note: remaining(time.Hour)},
		"lead time not reached":                {both: withLead(3600), note: remaining(61 * time.Minute)},
		"lead time unknown":                    {planned: func(m *lifetimeModel) { m.RenewBeforeSeconds = types.Int64Unknown() }, note: remaining(61 * time.Minute), renew: true},
		"lead time raised above what is left":  {planned: withLead(3600), note: remaining(59 * time.Minute), renew: true},
		"lead time raised below what was left": {planned: withLead(3600), note: remaining(61 * time.Minute)},
		"nothing observed yet":                 {planned: withLead(3600)},
		"arguments were not sent":              {note: sessionNote{Unsent: true}, renew: true},
		"triggers added":                       {planned: trigger(one), renew: true},
		"triggers removed":                     {prior: trigger(one), renew: true},
		"triggers changed":                     {prior: trigger(one), planned: trigger(two), renew: true},
		"triggers equal":                       {both: trigger(one)},
		"trigger element unknown":              {prior: trigger(one), planned: trigger(types.StringUnknown()), renew: true},
		"delete_on_destroy changed":            {planned: func(m *lifetimeModel) { m.DeleteOnDestroy = types.BoolValue(false) }, note: remaining(time.Hour)},
		"ended":                                {prior: ended, note: remaining(0)},
		"ended, and not sent":                  {prior: ended, note: sessionNote{Unsent: true}},
		"ended, lead time changed":             {prior: ended, planned: withLead(3600), warning: "renew_before_seconds"},
		"ended, ttl changed":                   {prior: ended, planned: ttl(types.Int64Value(60)), warning: "ttl_seconds"},
		"ended, triggers changed":              {prior: ended, planned: trigger(one), warning: "renew_triggers"},
		"ended, triggers unknown":              {prior: ended, planned: trigger(types.StringUnknown()), warning: "known after apply"},
	} {
		prior, planned := givenLifetime(test.both, test.prior), givenLifetime(test.both, test.planned)
		diags := planned.planUpdate(prior, test.note)
		expectEqual(t, name+": renews", planned.ExpiresAt.IsUnknown(), test.renew)
		expectEqual(t, name+": renew_at is unknown", planned.RenewAt.IsUnknown(), test.renew && !planned.RenewBeforeSeconds.IsNull())
		expectEqual(t, name+": active", planned.isActive(), prior.isActive())
		if said := details(diags); diags.HasError() || !strings.Contains(said, test.warning) || (test.warning == "") != (said == "") {
			t.Errorf("%s: diagnostics: %q, want a warning %q", name, said, test.warning)
		}
	}
}

func TestLifetimePlan_RenewAtIsTheEndLessTheEffectiveLead(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) string { return epoch.Add(d).Format(time.RFC3339) }
	for name, test := range map[string]struct {
		lead    func(*lifetimeModel)
		granted int64
		active  bool
		want    string
	}{
		"no lead time":               {nil, 0, true, ""},
		"no lifetime":                {func(m *lifetimeModel) { withLead(600)(m); m.TTLSeconds = types.Int64Null() }, 0, true, ""},
		"as granted":                 {withLead(3600), 0, true, at(time.Hour)},
		"capped far above the lead":  {withLead(600), 3600, true, at(110 * time.Minute)},
		"capped just above the lead": {withLead(600), 620, true, at(2*time.Hour - 558*time.Second)},
		"capped below the lead":      {withLead(600), 100, true, at(2*time.Hour - 90*time.Second)},
		"capped to a century":        {withLead(600), 100 * 365 * 24 * 3600, true, at(110 * time.Minute)},
		"capped to 90.9 seconds":     {withLead(600), 101, true, at(2*time.Hour - 90*time.Second)},
		"ended":                      {withLead(600), 0, false, ""},
	} {
		m := givenLifetime(test.lead, func(m *lifetimeModel) { m.Active = types.BoolValue(test.active) })
		expectEqual(t, name+": renew_at", m.renewAt(sessionNote{GrantedSeconds: test.granted}).ValueString(), test.want)
	}
}

func TestLifetimeNote_IsSavedOnlyWhenAPlanCouldDecideDifferently(t *testing.T) {
	t.Parallel()
	m := givenLifetime(withLead(3600))
	for name, test := range map[string]struct {
		change func(old, n *sessionNote)
		want   bool
	}{
		"nothing": {func(_, _ *sessionNote) {}, false},
		"time":    {func(_, n *sessionNote) { n.ServerTime = epoch.Add(40 * time.Minute) }, false},
		"time after the end": {func(old, n *sessionNote) {
			old.ServerTime, n.ServerTime = epoch.Add(101*time.Minute), epoch.Add(200*time.Minute)
		}, false},
		"due":               {func(_, n *sessionNote) { n.ServerTime = epoch.Add(41 * time.Minute) }, true},
		"a little later":    {func(_, n *sessionNote) { n.ExpiresAt = epoch.Add(101 * time.Minute) }, false},
		"later":             {func(_, n *sessionNote) { n.ExpiresAt = epoch.Add(102 * time.Minute) }, true},
		"earlier":           {func(_, n *sessionNote) { n.ExpiresAt = epoch.Add(98 * time.Minute) }, true},
		"first observation": {func(old, _ *sessionNote) { old.ServerTime, old.ExpiresAt = time.Time{}, time.Time{} }, true},
		"another instance":  {func(_, n *sessionNote) { n.Instance = "j" }, true},
		"other credentials": {func(_, n *sessionNote) { n.Account = "b" }, true},
		"not sent":          {func(_, n *sessionNote) { n.Unsent = true }, true},
	} {
		noted := sessionNote{Instance: "i", Account: "a", ServerTime: epoch, ExpiresAt: epoch.Add(100 * time.Minute)}
		newer := noted
		test.change(&noted, &newer)
		expectEqual(t, name+": differs", noted.differs(newer, m), test.want)
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
		model, got := givenLifetime(func(m *lifetimeModel) { m.TTLSeconds = types.Int64Value(test.ttl) }), grant{ExpiresAt: epoch.Add(test.granted), ServerTime: epoch, Granted: test.granted}
		note := sessionNote{GrantedSeconds: 5} // of the write before
		model.recordGrant(&note, got)
		what := fmt.Sprintf("%s of %d s: ", test.granted, test.ttl)
		expectEqual(t, what+"capped", got.capped(model.ttl()), test.capped)
		expectEqual(t, what+"noted", note.GrantedSeconds, test.seconds)
	}
}

func TestLifetimeWrite_DistinguishesAStaleReadBackFromACap(t *testing.T) {
	t.Parallel()
	const ttl = time.Hour
	old := epoch.Add(30 * time.Minute)
	for name, test := range map[string]struct {
		expires, updated time.Time
		before           []time.Time
		want             bool
	}{
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
	} {
		session := palabra.Session{ExpiresAt: test.expires, UpdatedAt: test.updated}
		expectEqual(t, name+": stale", isStale(session, epoch, ttl, test.before), test.want)
	}
}

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
		expectEqual(t, name+": expires_at", model.ExpiresAt, timestamp(want))
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
			expectEqual(t, "active", model.Active.ValueBool(), active.IsNull() || active.ValueBool())
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
		"due":        {withLead(7201), "i", true},
		"not due":    {withLead(7200), "i", false},
	} {
		model := givenLifetime(test.change)
		expectEqual(t, name+": needs a single read", model.needsSingleRead(listed, sessionNote{Instance: test.instance}), test.single)
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
		expectEqual(t, name+": ttl_seconds", model.TTLSeconds, test.want)
		expectEqual(t, name+": expires_at", model.ExpiresAt, timestamp(test.session.ExpiresAt))
		expectEqual(t, name+": delete_on_destroy", model.DeleteOnDestroy.ValueBool(), test.before.DeleteOnDestroy.IsNull())
		expectEqual(t, name+": active", model.Active.ValueBool(), true)
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
		said, again := details(data.clockWarning(session)), details(data.clockWarning(session))
		if (said != "") != test.warns || test.warns && !says(said, test.local.Format(time.RFC3339)) || again != "" {
			t.Errorf("%s: %q, then %q; want both times, once: %t", name, said, again, test.warns)
		}
	}
}

// The Date of an answer, from which an expiry may be calculated, can be any.
func TestLifetimeModel_TimestampsEndWithTheYear9999(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{lastSecond, lastSecond.Add(time.Second), lastSecond.AddDate(100, 0, 0)} {
		expectEqual(t, at.String(), timestamp(at).ValueString(), "9999-12-31T23:59:59Z")
	}
}
