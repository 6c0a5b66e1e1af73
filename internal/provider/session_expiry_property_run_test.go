package provider_test

import (
	"math/big"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// seconds is a number of an attribute that is neither null nor unknown.
func seconds(value tftypes.Value) int64 {
	var number big.Float
	if err := value.As(&number); err != nil {
		panic(err)
	}
	whole, _ := number.Int64()
	return whole
}

// carryOut applies a plan and checks that it does what the plan said: one write
// where expires_at was left open for a reason that holds, none elsewhere.
func (l *life) carryOut(t *rapid.T, made proposal) (wrote bool, problem string) {
	_, existed := l.box.Session(testSessionID)
	var after instance
	writes := l.writes(func() { after, problem = l.apply(made) })
	wrote = len(writes) > 0
	switch {
	case wrote && !slices.Equal(writes, []string{http.MethodPost}):
		t.Fatalf("apply: writes %q", writes)
	case wrote && !made.writes():
		t.Fatalf("apply wrote what the plan did not show")
	case problem != "" && existed && !strings.Contains(problem, "reached its end"):
		t.Fatalf("apply: %s", problem)
	case problem == "" && made.writes() && !wrote && member(made.planned, "ttl_seconds").IsFullyKnown() &&
		member(made.planned, "renew_before_seconds").IsFullyKnown() && member(made.planned, "renew_triggers").IsFullyKnown():
		t.Fatalf("apply did not write what the plan showed")
	case existed && after.state.IsNull() && !made.creates():
		t.Fatalf("the session exists and left the state")
	}
	l.current = after
	return wrote, problem
}

func (l *life) applySaved(t *rapid.T) {
	if l.saved == nil {
		t.Skip("no plan was saved")
	}
	made := *l.saved
	// An engine refuses a plan that is older than the state.
	l.saved = nil
	wrote, problem := l.carryOut(t, made)
	if wrote && problem == "" {
		l.expectNothingToDo(t, made)
	}
}

// run is plan and apply in one go, after which there is nothing left to do.
func (l *life) run(t *rapid.T) {
	made := l.proposal(t)
	l.saved = nil
	if made == nil {
		return
	}
	wrote, problem := l.carryOut(t, *made)
	if problem != "" {
		return
	}
	if made.refreshed || wrote {
		l.expectNothingToDo(t, *made)
		return
	}
	// A plan without a refresh has acted on what may no longer be so.
	l.expectNoChange(t, l.current, made.config)
}

// expectNothingToDo plans right after an apply that wrote.
func (l *life) expectNothingToDo(t *rapid.T, made proposal) {
	l.expectNoChange(t, l.refreshed(l.phase()), made.config)
}

func (l *life) expectNoChange(t *rapid.T, prior instance, config tftypes.Value) {
	again, problem := l.plan(l.phase(), prior, config, config)
	if problem != "" {
		t.Fatalf("plan right after apply: %s", problem)
	}
	if !again.empty() {
		t.Fatalf("plan right after apply is not empty:\n%s\n%s", prior.state, again.planned)
	}
}

// failingRun is a run during which the API fails: the state stays as it was.
func (l *life) failingRun(t *rapid.T) {
	heal := l.box.Inject(sandbox.Fault{Effect: rapid.SampledFrom([]sandbox.Effect{
		sandbox.HTMLError(http.StatusBadGateway),
		sandbox.RefuseCredentials(http.StatusUnauthorized),
		sandbox.RefuseCredentials(http.StatusForbidden),
		sandbox.RefuseCredentials(http.StatusNotFound),
		sandbox.CutBefore(),
	}).Draw(t, "fault")})
	defer heal()
	after, _, problem := l.refresh(l.phase(), l.current)
	if l.current.state.IsNull() {
		return
	}
	if problem == "" || !after.state.Equal(l.current.state) {
		t.Fatalf("refresh during a failure: error %q, state %s, want an error and %s", problem, after.state, l.current.state)
	}
}

// failingReadBack is a run whose write is accepted and whose read-back fails.
func (l *life) failingReadBack(t *rapid.T) {
	made := l.proposal(t)
	l.saved = nil
	if made == nil {
		return
	}
	heal := l.box.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	defer heal()
	_, exists := l.box.Session(testSessionID)
	wrote, problem := l.carryOut(t, *made)
	if wrote && exists && (problem != "" || l.current.state.IsNull()) {
		t.Fatalf("an accepted write ended in state %s, error %q", l.current.state, problem)
	}
}
