package provider_test

import (
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// renewed is a run in which the TTL is sent, and nothing else.
func renewed(happens func(*story), config attributes, expiresAt time.Duration) turn {
	return turn{happens: happens, config: config, plans: "renew", writes: []string{"POST s1"}, expiresAt: expiresAt}
}

func TestSessionExpiry_Renews(t *testing.T) {
	t.Parallel()
	ttl := func(seconds int) attributes { return attributes{"ttl_seconds": seconds} }
	forgetting := lead(time.Hour)
	forgetting["delete_on_destroy"] = false
	minute := after(time.Minute)
	runScenarios(t, map[string]scenario{
		"when less than the lead time remains": {turns: []turn{
			given(lead(time.Hour)),
			{happens: after(time.Hour)},
			renewed(after(time.Second), nil, 3*time.Hour+time.Second),
		}},
		"for another lifetime": {turns: []turn{given(nil), renewed(minute, ttl(600), 11*time.Minute)}},
		"for triggers": {turns: []turn{
			given(nil),
			renewed(minute, triggers("1"), 2*time.Hour+time.Minute),
			renewed(minute, triggers("2"), 2*time.Hour+2*time.Minute),
			renewed(minute, attributes{}, 2*time.Hour+3*time.Minute),
		}},
		"not for another lead time": {turns: []turn{
			given(nil),
			{config: lead(time.Minute), plans: "update"},
			{config: lead(2 * time.Minute), plans: "update"},
			{config: attributes{}, plans: "update"},
		}},
		// The read after eleven minutes notes nothing: it finds less than a tenth gone.
		"for a lead time raised above what is left": {turns: []turn{
			given(lead(10 * time.Minute)),
			{happens: after(11 * time.Minute)},
			renewed(nil, lead(110*time.Minute), 11*time.Minute+2*time.Hour),
		}},
		"with a lead time known after apply": {turns: []turn{
			{config: lead(time.Minute), later: []string{"renew_before_seconds"}, plans: "create", writes: []string{"POST s1"}, expiresAt: 2 * time.Hour},
			{config: lead(2 * time.Minute), later: []string{"renew_before_seconds"}, plans: "renew"},
			{happens: after(time.Hour), config: lead(90 * time.Minute), later: []string{"renew_before_seconds"}, plans: "renew", writes: []string{"POST s1"}, expiresAt: 3 * time.Hour},
			{config: lead(2 * time.Hour), later: []string{"renew_before_seconds"}, plans: "renew", fails: []string{"renew_before_seconds (7200) must be smaller than ttl_seconds (7200)"}},
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
			{happens: after(90 * time.Minute), how: command{noRefresh: true}, unsettled: true},
			{config: ttl(600), how: command{noRefresh: true}, plans: "renew", writes: []string{"POST s1"}, expiresAt: 100 * time.Minute},
		}},
		"not in a refresh-only run, which notes that it is due": {turns: []turn{
			given(lead(time.Hour)),
			{happens: after(90 * time.Minute), how: command{refreshOnly: true}, unsettled: true},
			{how: command{noRefresh: true}, plans: "renew", writes: []string{"POST s1"}, expiresAt: 210 * time.Minute},
			{happens: after(3 * time.Hour), how: command{refreshOnly: true}, warns: []string{"Session has ended"}, ended: true},
		}},
	})
}

func TestSessionExpiry_CappedGrantWarnsAndDoesNotLoop(t *testing.T) {
	t.Parallel()
	const capped = "Session granted less than asked … was to live 2h (ttl_seconds = 7200), and the API reports that it expires at "
	capAt := func(d time.Duration) func(*sandbox.Options) { return func(o *sandbox.Options) { o.MaxTTL = d } }
	scenarios := make(map[string]scenario)
	for name, test := range map[string]struct {
		config attributes
		// due is when the session is renewed; 0 means never.
		due time.Duration
	}{
		"without a lead time":        {attributes{}, 0},
		"lead time within the grant": {lead(5 * time.Minute), 5*time.Minute + time.Second},
		"lead time beyond the grant": {lead(time.Hour), time.Minute + time.Second},
	} {
		first := given(test.config)
		first.expiresAt, first.warns = 10*time.Minute, []string{capped + sinceStart(10*time.Minute)}
		turns := []turn{first}
		if test.due > 0 {
			second := renewed(after(time.Second), nil, test.due+10*time.Minute)
			second.warns = []string{capped + sinceStart(test.due+10*time.Minute)}
			turns = append(turns, turn{happens: after(test.due - time.Second)}, second)
		}
		scenarios[name] = scenario{options: capAt(10 * time.Minute), turns: turns}
	}
	unread := given(nil)
	unread.readBack, unread.warns, unread.unsettled = sandbox.CutBefore(), []string{"Session not read back"}, true
	scenarios["not read back"] = scenario{options: capAt(10 * time.Minute), turns: []turn{
		unread, {warns: []string{earlierWarning}, expiresAt: 10 * time.Minute},
	}}
	runScenarios(t, scenarios)
}

// A read right after a write may be answered from before it. That is not a cap.
func TestSessionExpiry_StaleReadBackIsNotACap(t *testing.T) {
	t.Parallel()
	stale := func(reads int) func(*story) sandbox.Fault {
		return func(s *story) sandbox.Fault { return sandbox.Fault{Effect: s.box.StaleReads(reads)} }
	}
	change := func(reads, ttl int) scenario {
		config := attributes{"ttl_seconds": ttl}
		second := renewed(after(30*time.Minute), config, 30*time.Minute+time.Duration(ttl)*time.Second)
		second.fault = stale(reads)
		return scenario{turns: []turn{given(attributes{}), second}}
	}
	first := given(nil)
	first.happens, first.fault, first.expiresAt = after(time.Minute), stale(1), 2*time.Hour+time.Minute
	runScenarios(t, map[string]scenario{
		"once, of a create":            {turns: []turn{first}},
		"once, of a longer lifetime":   change(1, 9000),
		"always, of a longer lifetime": change(9, 9000),
	})
}

// With ignore_changes, engines validate the configured ttl_seconds and plan with the
// stored one.
func TestSessionExpiry_PlanComparesTheLeadTimeWithAnIgnoredLifetime(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, sessionsOfBothTypes(), "s1")
	for at, planned := range map[address]block{room("it"): lasts("s1", lead(time.Hour)), sessionAt("it"): creates(lead(time.Hour))} {
		p := s.newPlan(nil, command{})
		p.ask(at, s.state.current[at], s.evaluate(at.kind, planned, nil, false))
		s.expectErrors(p.problems, "renew_before_seconds (3600) must be smaller than ttl_seconds (3600)")
	}
}
