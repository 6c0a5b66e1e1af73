package provider_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// use switches to the credentials of a run; restore switches back.
func (l *life) use(what circumstance) (restore func()) {
	own := l.provider
	switch {
	case what.otherAccount:
		l.provider = pairOf(l.url, otherClientID)
	case what.rotated:
		l.rotatedOnce = true
		l.provider = keyOf(l.url)
	}
	return func() { l.provider = own }
}

// run plans and, if the plan is accepted, applies.
func (l *life) run(how command, what circumstance) {
	l.t.Helper()
	how.orphansFirst = how.orphansFirst || l.always.orphansFirst
	l.tell("%s %s", how, what.name)
	defer l.use(what)()
	p, ok := l.planned(how, what)
	l.record(how, what, "", p)
	if ok {
		l.applied(p, what, true)
	}
}

func (l *life) save() {
	l.t.Helper()
	l.tell("save a plan")
	l.saved = nil
	p, ok := l.planned(l.always, circumstance{interrupt: -1})
	l.record(l.always, circumstance{}, "save", p)
	if ok {
		l.saved, l.savedAt = &p, l.clock.Now()
	}
}

// applySaved applies a plan that was made earlier, whatever has happened since.
func (l *life) applySaved(what circumstance) {
	l.t.Helper()
	if l.saved == nil || l.saved.stored != l.serial {
		return
	}
	l.tell("apply the saved plan %s", what.name)
	defer l.use(what)()
	p := *l.saved
	l.saved = nil
	if l.replayable {
		what = circumstance{interrupt: -1} // A plan file holds the credentials.
	}
	l.record(p.command, what, "apply saved", p)
	l.applied(p, what, false)
}

// planned makes a plan and judges it.
func (l *life) planned(how command, what circumstance) (plannedRun, bool) {
	l.t.Helper()
	heal := func() {}
	if what.planning && what.faulty() {
		heal = l.box.Inject(what.fault)
	}
	l.accounts.reset()
	p := l.plan(l.config, how)
	heal()
	l.accounts.wait()
	for _, request := range l.accounts.requests() {
		if request.Method != http.MethodGet {
			l.fail("the plan wrote: %s %s", request.Method, request.Path)
		}
	}
	l.judgePlan(p, what, l.faultMet())
	for _, found := range p.problems {
		l.tell("  %s", problemText([]problem{found}))
	}
	if p.failed() {
		return p, false
	}
	l.tell("  plan: %v", actionsOf(p))
	return p, true
}

func (l *life) faultMet() bool {
	for _, request := range l.accounts.requests() {
		if request.Fault != "" {
			return true
		}
	}
	return false
}

// applied applies a plan and judges what comes of it. sameMoment says that the
// plan was made right before.
func (l *life) applied(p plannedRun, what circumstance, sameMoment bool) {
	l.t.Helper()
	before, lived := l.state.clone(), l.living()
	fault := what.fault
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	l.beforeApply = func(address) (context.Context, bool) { return ctx, ctx.Err() == nil }
	if what.interrupt >= 0 {
		fault = sandbox.Fault{Name: "interrupt", Through: true, Effect: interruptAfterwards(cancel, what.interrupt)}
	}
	heal := func() {}
	if fault.Effect != nil && !what.planning {
		heal = l.box.Inject(fault)
	}
	l.accounts.reset()
	out := l.apply(p)
	l.accounts.wait()
	heal()
	interrupted := ctx.Err() != nil
	l.beforeApply = nil
	for _, found := range out.problems {
		l.tell("  %s", problemText([]problem{found}))
	}
	for _, request := range l.accounts.requests() {
		if request.Fault != "" && request.Method == http.MethodPost && request.SessionID == "" {
			l.maybeCreated++
		}
	}
	l.cameOf(out.failed())
	l.judgeApply(p, out, what, before, lived, interrupted || l.faultMet())
	l.remember(p, out, interrupted || l.faultMet())
	undisturbed := sameMoment && !what.disturbed() && !what.rotated && !out.failed() && !out.skipped
	if undisturbed {
		l.judgeState(p)
		if l.settled || rapid.Bool().Draw(l.t, "plan again") {
			l.judgeSecondPlan(p.command)
		}
	}
}

// interruptAfterwards interrupts the run when the API has done what a request
// asked for that changes something, the one after skip others; only the answer
// to a create is still waited for.
func interruptAfterwards(cancel func(), skip int) sandbox.Effect {
	var changes atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		if r.Method == http.MethodGet || changes.Add(1) != int64(skip)+1 {
			api.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, r)
		cancel()
		if strings.HasSuffix(r.URL.Path, "/session") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
			return
		}
		<-r.Context().Done()
	}
}

// living are the ids of the sessions of both accounts.
func (l *life) living() map[string]bool {
	ids := l.visible(circumstance{})
	maps.Copy(ids, l.visible(circumstance{otherAccount: true}))
	return ids
}

// visible are the ids of the sessions that the credentials of a run find.
func (l *life) visible(what circumstance) map[string]bool {
	box := l.box
	if what.otherAccount {
		box = l.accounts.other
	}
	ids := make(map[string]bool)
	for _, session := range box.Sessions() {
		ids[session.ID] = true
	}
	return ids
}

// remember notes what later runs depend on.
func (l *life) remember(p plannedRun, out outcome, disturbed bool) {
	for at, c := range p.changes {
		done, ok := out.done[at]
		if !ok {
			// An update that met the end of the session may have noted that its
			// arguments were not sent.
			if c.action == update && !isActive(l.state.current[at]) {
				l.doubtful[at] = true
			}
			continue
		}
		switch {
		case done == destroyOnly, done == create, done.replaces():
			delete(l.unsent, at)
			l.doubtful[at] = disturbed && at.kind == sessionType
		case c.writes() && isTrue(member(l.state.current[at].value, "active")):
			delete(l.unsent, at)
			delete(l.doubtful, at)
		case done == update && !isActive(c.before) && argumentsChanged(c):
			l.unsent[at] = true
		}
		// What only apply knew is known from now on.
		if b, ok := l.config[at]; ok && len(b.later) > 0 {
			b.later = nil
			l.config[at] = b
		}
	}
}

// argumentsChanged says whether a plan changes what a POST is for.
func argumentsChanged(c change) bool {
	for _, name := range []string{"ttl_seconds", "renew_triggers"} {
		if !member(c.planned, name).Equal(member(c.before.value, name)) {
			return true
		}
	}
	return false
}

// isActive is true for a state that does not say.
func isActive(held object) bool { return !member(held.value, "active").Equal(boolOf(false)) }

func deletesOnDestroy(held object) bool {
	return !member(held.value, "delete_on_destroy").Equal(boolOf(false))
}

// judgeSecondPlan expects a plan right after a successful apply to be empty,
// silent, and to leave the state alone.
func (l *life) judgeSecondPlan(how command) {
	l.t.Helper()
	if how.destroy || how.target != nil {
		return
	}
	how.replace = nil
	again, serial, twins := l.plan(l.config, how), l.serial, l.twins()
	for _, found := range again.problems {
		if !twins[l.sessionAt(found.at)] {
			l.fail("the second plan says %s", problemText([]problem{found}))
		}
	}
	for at, c := range again.changes {
		if c.action != noOp && !twins[text(c.before.value, "id")] && !(how.refreshOnly) {
			l.fail("the second plan is not empty: %s of %s\nprior:   %s\nplanned: %s", c.action, at, brief(c.before.value), brief(c.planned))
		}
	}
	if len(twins) > 0 || again.failed() {
		return
	}
	again.changes, again.deposed = nil, nil
	if l.apply(again); l.serial != serial {
		l.fail("applying an empty plan changed the state")
	}
}

// twins are the sessions that several instances hold, or that are a session's
// and an expiry's at once: each apply may undo the other's.
func (l *life) twins() map[string]bool {
	count, twins := make(map[string]int), make(map[string]bool)
	for _, held := range l.state.current {
		count[text(held.value, "id")]++
	}
	for at, said := range l.config {
		if _, held := l.state.current[at]; !held {
			count[textOf(said.arguments["session_id"])]++
		}
	}
	for id, n := range count {
		if n > 1 {
			twins[id] = true
		}
	}
	return twins
}

func (l *life) sessionAt(at address) string {
	if held, ok := l.state.current[at]; ok {
		return text(held.value, "id")
	}
	return textOf(l.config[at].arguments["session_id"])
}

// settle is a last ordinary run, after which state and server agree.
func (l *life) settle() {
	l.t.Helper()
	l.settled = true
	l.run(command{}, circumstance{interrupt: -1})
	orphans := 0
	for _, session := range l.box.Sessions() {
		if strings.HasPrefix(session.ID, "sandbox-user.") && !l.holds(session.ID) && !l.released[session.ID] {
			orphans++
		}
	}
	if orphans > l.maybeCreated {
		l.fail("%d created sessions are in no state, and only %d errors said that one may have been created", orphans, l.maybeCreated)
	}
}
