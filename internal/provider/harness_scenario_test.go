package provider

import (
	"slices"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// scenario is what happens to a palabra_session_expiry of session s1, run by run.
type scenario struct {
	options func(*sandbox.Options)
	turns   []turn
}

// turn is one run of the simulated engine and its expected results. After a run
// that does not fail, the next plan must have no changes and no warnings.
type turn struct {
	// happens is before the plan, meanwhile between plan and apply.
	happens, meanwhile func(*story)
	// config are the arguments, besides session_id and ttl_seconds = 7200; nil means
	// those of the run before. Those named in later are known after apply.
	config attributes
	later  []string
	how    command
	// fault lasts for the run, readBack meets the reads after the write of a create.
	fault    func(*story) sandbox.Fault
	readBack sandbox.Effect

	// plans is the action; empty means no-op. An update is "renew" where
	// expires_at is known after apply.
	plans string
	// warns are texts as of expectWarnings, fails are parts of an error.
	warns, fails []string
	// writes are in the order of the requests.
	writes []string
	// expiresAt counts from testStart; 0 means as before the run.
	expiresAt time.Duration
	// ended means that active is false.
	ended bool
	// unsettled means that the plan after the run has changes or warnings.
	unsettled bool
}

// given is the run that creates the instance.
func given(config attributes) turn {
	if config == nil {
		config = attributes{}
	}
	return turn{config: config, plans: "create", writes: []string{"POST s1"}, expiresAt: 2 * time.Hour}
}

// after lets time pass.
func after(d time.Duration) func(*story) { return func(s *story) { s.clock.Advance(d) } }

// expiring changes when session s1 expires, behind the engine's back.
func expiring(sinceStart time.Duration) func(*story) {
	return func(s *story) {
		session, _ := s.Session("s1")
		s.Put(sandbox.Session{ID: "s1", CreatedAt: session.CreatedAt, UpdatedAt: s.clock.Now(), ExpiresAt: testStart.Add(sinceStart)})
	}
}

// all is what happens in several steps.
func all(steps ...func(*story)) func(*story) {
	return func(s *story) {
		for _, step := range steps {
			step(s)
		}
	}
}

// lead and triggers are arguments.
func lead(d time.Duration) attributes {
	return attributes{"renew_before_seconds": int(d / time.Second)}
}

func triggers(release string) attributes {
	return attributes{"renew_triggers": map[string]string{"release": release}}
}

func runScenarios(t *testing.T, scenarios map[string]scenario) {
	t.Helper()
	for name, test := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adjust := test.options
			if adjust == nil {
				adjust = func(*sandbox.Options) {}
			}
			s := newStory(t, adjust)
			s.put("s1")
			for i, turn := range test.turns {
				if s.turn(turn); t.Failed() {
					t.Fatalf("the run at index %d is not as expected", i)
				}
			}
		})
	}
}

func (s *story) turn(now turn) {
	s.t.Helper()
	it := room("it")
	if now.config != nil {
		s.config = configuration{it: lasts("s1", attributes{"ttl_seconds": 7200}, now.config)}
	}
	if now.happens != nil {
		now.happens(s)
	}
	heal := func() {}
	if now.fault != nil {
		heal = s.Inject(now.fault(s))
	}
	before, existed := s.State.Current[it]
	s.writes()
	config := s.config
	if len(now.later) > 0 {
		config = configuration{it: unknown(s.config[it], now.later...)}
	}
	if now.how.Destroy {
		config = configuration{}
	}
	p := s.Plan(config, now.how)
	if got := plannedFor(p, it); got != now.plans {
		s.t.Errorf("plan: %q, want %q", got, now.plans)
	}
	if requests := s.Requests(); existed && now.how.NoRefresh && len(requests) > 0 {
		s.t.Errorf("requests of a plan that does not refresh: %v", requests)
	}
	s.expectWrites()
	problems := p.Problems
	if !p.Failed() {
		if now.meanwhile != nil {
			now.meanwhile(s)
		}
		healReads := func() {}
		if now.readBack != nil {
			healReads = s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Skip: 1, Effect: now.readBack})
		}
		problems = allProblems(p, s.Apply(p))
		healReads()
	}
	heal()
	if len(now.fails) > 0 {
		s.expectErrors(problems, now.fails...)
	} else {
		s.expectWarnings(problems, now.warns...)
	}
	if got := s.writes(); !slices.Equal(got, now.writes) {
		s.t.Errorf("writes: %q, want %q", got, now.writes)
	}
	s.expectInstance(now, text(before.Value, "expires_at"))
	switch {
	case now.unsettled:
		if next := s.Plan(s.config, command{}); next.Empty() && len(next.Problems) == 0 {
			s.t.Errorf("the next plan has neither changes nor warnings")
		}
	case len(now.fails) == 0:
		s.expectEmptyPlan()
	}
}

// plannedFor is the action of an instance, as turn.plans names it.
func plannedFor(p plannedRun, at address) string {
	switch c := p.Changes[at]; {
	case c.Action == noOp:
		return ""
	case c.Action == update && writes(c):
		return "renew"
	default:
		return c.Action.String()
	}
}

func (s *story) expectInstance(now turn, before string) {
	s.t.Helper()
	want := before
	if now.expiresAt > 0 {
		want = sinceStart(now.expiresAt)
	}
	held, exists := s.State.Current[room("it")]
	if wanted := want != "" && !now.how.Destroy; exists != wanted {
		s.t.Errorf("the instance is in the state: %t, want %t", exists, wanted)
	}
	if !exists {
		return
	}
	if got := text(held.Value, "expires_at"); got != want {
		s.t.Errorf("expires_at: %s, want %s", got, want)
	}
	s.active(room("it"), !now.ended)
}
