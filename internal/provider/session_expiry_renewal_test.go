package provider

import (
	"net/http"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// renewed is a run in which the TTL is sent, and nothing else.
func renewed(happens func(*story), config attributes, expiresAt time.Duration) turn {
	return turn{happens: happens, config: config, plans: "renew", writes: []string{"POST s1"}, expiresAt: expiresAt}
}

// unavailable answers an operation as a gateway does without the API.
func unavailable(operation sandbox.Operation) func(*story) sandbox.Fault {
	return func(*story) sandbox.Fault {
		return sandbox.Fault{Operation: operation, Effect: sandbox.HTMLError(http.StatusBadGateway)}
	}
}

func TestSessionExpiry_Renews(t *testing.T) {
	t.Parallel()
	ttl := func(seconds int) attributes { return attributes{"ttl_seconds": seconds} }
	forgetting := lead(time.Hour)
	forgetting["delete_on_destroy"] = false
	runScenarios(t, map[string]scenario{
		"when less than the lead time remains": {turns: []turn{
			given(lead(time.Hour)),
			{happens: after(time.Hour)},
			renewed(after(time.Second), nil, 3*time.Hour+time.Second),
		}},
		"for triggers, and not for another lead time": {turns: []turn{
			given(nil),
			{config: lead(time.Minute), plans: "update"},
			renewed(after(time.Minute), triggers("1"), 2*time.Hour+time.Minute),
		}},
		"again after a failed run": {turns: []turn{
			given(nil),
			{config: ttl(9000), fault: unavailable(sandbox.OperationExpiry), plans: "renew", fails: []string{"Unable to extend session", "502"}, writes: []string{"POST s1"}},
			renewed(nil, nil, 150*time.Minute),
		}},
		// The note is of the create, so the run after that of the change renews.
		"for a lead time raised above what is left": {turns: []turn{
			given(lead(10 * time.Minute)),
			{happens: after(11 * time.Minute), config: lead(110 * time.Minute), plans: "update", unsettled: true},
			renewed(nil, nil, 11*time.Minute+2*time.Hour),
		}},
		"with a lead time known after apply": {turns: []turn{
			{config: lead(time.Minute), later: []string{"renew_before_seconds"}, plans: "create", writes: []string{"POST s1"}, expiresAt: 2 * time.Hour},
			{config: lead(2 * time.Minute), later: []string{"renew_before_seconds"}, plans: "renew"},
			{happens: after(time.Hour), config: lead(90 * time.Minute), later: []string{"renew_before_seconds"}, plans: "renew", unsettled: true},
			renewed(nil, nil, 3*time.Hour),
			{config: lead(2 * time.Hour), later: []string{"renew_before_seconds"}, plans: "renew", fails: []string{"renew_before_seconds (7200) must be smaller than ttl_seconds (7200)"}},
		}},
		"with a lifetime known after apply": {turns: []turn{
			{config: lead(time.Minute), later: []string{"ttl_seconds"}, plans: "create", writes: []string{"POST s1"}, expiresAt: 2 * time.Hour},
		}},
		// A renewal that no plan has shown would be an error of the engine.
		"not in the apply of a plan without a renewal": {turns: []turn{
			given(lead(time.Hour)),
			{config: forgetting, meanwhile: after(100 * time.Minute), plans: "update", unsettled: true},
		}},
		"from the time of the apply of a saved plan": {turns: []turn{
			given(lead(time.Hour)),
			{happens: after(79 * time.Minute), meanwhile: after(30 * time.Minute), plans: "renew", writes: []string{"POST s1"}, expiresAt: 109*time.Minute + 2*time.Hour},
		}},
		"without a refresh, by what the state knows": {turns: []turn{
			given(lead(time.Hour)),
			{happens: after(90 * time.Minute), how: command{NoRefresh: true}, unsettled: true},
			{config: ttl(600), how: command{NoRefresh: true}, plans: "renew", writes: []string{"POST s1"}, expiresAt: 100 * time.Minute},
		}},
		"not in a refresh-only run, which notes that it is due": {turns: []turn{
			given(lead(time.Hour)),
			{happens: after(90 * time.Minute), how: command{RefreshOnly: true}, unsettled: true},
			{how: command{NoRefresh: true}, plans: "renew", writes: []string{"POST s1"}, expiresAt: 210 * time.Minute},
			{happens: after(3 * time.Hour), how: command{RefreshOnly: true}, warns: []string{"Session has ended"}, ended: true},
		}},
	})
}

func TestSessionExpiry_CappedGrantWarnsAndDoesNotLoop(t *testing.T) {
	t.Parallel()
	const capped = "Session granted less than asked … was to live 2h (ttl_seconds = 7200), and the API reports that it expires at "
	tenMinutes := func(o *sandbox.Options) { o.MaxTTL = 10 * time.Minute }
	first := given(lead(time.Hour))
	first.expiresAt, first.warns = 10*time.Minute, []string{capped + sinceStart(10*time.Minute)}
	second := renewed(after(time.Second), nil, 11*time.Minute+time.Second)
	second.warns = []string{capped + sinceStart(second.expiresAt)}
	unread := given(nil)
	unread.readBack, unread.warns, unread.unsettled = sandbox.CutBefore(), []string{"Session not read back"}, true
	runScenarios(t, map[string]scenario{
		"lead time beyond the grant": {options: tenMinutes, turns: []turn{first, {happens: after(time.Minute)}, second}},
		"not read back":              {options: tenMinutes, turns: []turn{unread, {warns: []string{earlierWarning}, expiresAt: 10 * time.Minute}}},
	})
}

// A read right after a write may be answered from before it. That is not a cap.
func TestSessionExpiry_StaleReadBackIsNotACap(t *testing.T) {
	t.Parallel()
	stale := func(reads int) func(*story) sandbox.Fault {
		return func(s *story) sandbox.Fault { return sandbox.Fault{Effect: s.StaleReads(reads)} }
	}
	change := func(reads, ttl int) scenario {
		config := attributes{"ttl_seconds": ttl}
		second := renewed(after(30*time.Minute), config, 30*time.Minute+time.Duration(ttl)*time.Second)
		second.fault = stale(reads)
		return scenario{turns: []turn{given(attributes{}), second}}
	}
	first := given(nil)
	first.happens, first.fault, first.expiresAt = after(time.Minute), stale(1), 2*time.Hour+time.Minute
	// A create knows no earlier expiry. The next read corrects it.
	always := first
	always.happens = all(expiring(24*time.Hour), after(time.Minute))
	always.fault, always.expiresAt, always.unsettled = stale(9), 24*time.Hour, true
	always.warns = []string{"Session gets a shorter lifetime"}
	// The expiry is as good as the one in the state, so only the note has it.
	noted := change(9, 9000)
	noted.turns[1].happens, noted.turns[1].expiresAt = after(time.Minute), 31*time.Minute+9000*time.Second
	noted.turns = []turn{noted.turns[0], {happens: all(after(30*time.Minute), expiring(2*time.Hour-30*time.Second))}, noted.turns[1]}
	runScenarios(t, map[string]scenario{
		"once, of a create":            {turns: []turn{first}},
		"always, of a create":          {turns: []turn{always, {warns: []string{earlierWarning}, expiresAt: 2*time.Hour + time.Minute}}},
		"always, of a noted expiry":    noted,
		"once, of a longer lifetime":   change(1, 9000),
		"always, of a longer lifetime": change(9, 9000),
	})
}

// With ignore_changes, engines validate the configured ttl_seconds and plan with the
// stored one.
func TestSessionExpiry_PlanComparesTheLeadTimeWithAnIgnoredLifetime(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, sessionsOfBothTypes(), "s1")
	longer := attributes{"ttl_seconds": 7200}
	for at, planned := range map[address]block{room("it"): lasts("s1", lead(time.Hour), longer), sessionAt("it"): creates(lead(time.Hour), longer)} {
		planned.IgnoreChanges = []string{"ttl_seconds"}
		s.config = configuration{at: planned}
		s.refused(command{}, "renew_before_seconds (3600) must be smaller than ttl_seconds (3600)")
	}
}
