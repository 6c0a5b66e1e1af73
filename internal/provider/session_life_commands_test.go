package provider_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"

	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// circumstance is what is different about one run.
type circumstance struct {
	name string
	// otherAccount and rotated are other credentials.
	otherAccount, rotated bool
	// fault meets requests of the apply, or of the plan if planning is set.
	fault    sandbox.Fault
	planning bool
	// interrupted interrupts the apply after one more change than skip.
	interrupted bool
	skip        int
}

// disturbed says that the run is not judged like one of an ordinary day.
func (c circumstance) disturbed() bool {
	return c.fault.Effect != nil || c.otherAccount || c.interrupted
}

func (l *life) drawCircumstance() (what circumstance) {
	l.oneOfThese("circumstance",
		choice{weight: 14, do: func() {}},
		choice{weight: 2, do: func() { what.name, what.otherAccount = "with credentials of another account", true }},
		choice{weight: 1, do: func() { what.name, what.rotated = "with another key of the same account", true }},
		choice{weight: 2, simulatedOnly: true, do: func() {
			operation := rapid.SampledFrom([]sandbox.Operation{sandbox.OperationExpiry, sandbox.OperationCreate, sandbox.OperationDelete, sandbox.OperationGet}).Draw(l.rt, "operation")
			what.name = "an answer to " + string(operation) + " is lost"
			what.fault = sandbox.Fault{Name: "lost", Operation: operation, Count: 1, Skip: rapid.IntRange(0, 1).Draw(l.rt, "skip"), Effect: sandbox.CutAfter()}
		}},
		choice{weight: 2, simulatedOnly: true, do: func() {
			what.name, what.planning = "reads fail", rapid.Bool().Draw(l.rt, "while planning")
			what.fault = sandbox.Fault{Name: "502", Operation: sandbox.OperationGet, Effect: sandbox.HTMLError(http.StatusBadGateway)}
		}},
		choice{weight: 1, simulatedOnly: true, do: func() {
			what.name, what.interrupted, what.skip = "interrupted", true, rapid.IntRange(0, 2).Draw(l.rt, "after")
		}},
	)
	return what
}

// command draws a command of the user.
func (l *life) command() {
	what := l.drawCircumstance()
	run := func(how command) func() { return func() { l.execute(how, what) } }
	l.oneOfThese("command",
		choice{weight: 8, do: run(command{})},
		choice{weight: 2, do: run(command{noRefresh: true})},
		choice{weight: 1, do: run(command{minimalRefresh: true}), simulatedOnly: true},
		choice{weight: 2, do: run(command{orphansFirst: true}), simulatedOnly: true},
		choice{weight: 1, do: run(command{refreshOnly: true})},
		choice{weight: 2, do: l.onOne(l.configured(""), func(at address) { l.execute(command{replace: []address{at}}, what) })},
		choice{weight: 2, do: l.save},
		choice{weight: 3, do: func() { l.applySaved(what) }},
		choice{weight: 1, do: l.onOne(l.configured(""), func(at address) { l.execute(command{destroy: true, target: &at}, what) })},
		choice{weight: 1, do: func() {
			l.execute(command{destroy: true, noRefresh: rapid.Bool().Draw(l.rt, "-refresh=false")}, what)
		}},
	)
}

// use switches to the credentials of a run; restore switches back.
func (l *life) use(what circumstance) (restore func()) {
	own := l.provider
	switch {
	case what.otherAccount:
		l.useOther()
	case what.rotated:
		l.rotated = true
		l.useKey()
	}
	return func() { l.provider = own }
}

// execute plans and, if the plan has no error, applies.
func (l *life) execute(how command, what circumstance) {
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
	l.tell("save a plan")
	l.saved = nil
	p, ok := l.planned(l.always, circumstance{})
	l.record(l.always, circumstance{}, "save", p)
	if ok {
		l.saved = &p
	}
}

// applySaved applies the saved plan unless the state has changed since.
func (l *life) applySaved(what circumstance) {
	if l.saved == nil || l.saved.stored != l.serial {
		return
	}
	if l.replayable {
		what = circumstance{} // The credentials are in the plan file.
	}
	l.tell("apply the saved plan %s", what.name)
	defer l.use(what)()
	p := *l.saved
	l.saved = nil
	l.record(p.command, what, "apply saved", p)
	l.applied(p, what, false)
}

// planned makes a plan and judges it.
func (l *life) planned(how command, what circumstance) (p plannedRun, ok bool) {
	heal := func() {}
	if what.planning {
		heal = l.Inject(what.fault)
	}
	l.ResetRequests()
	p = l.plan(l.config, how)
	heal()
	l.wait()
	l.judgePlan(p, what, l.faultMet())
	l.tellProblems(p.problems)
	if !p.failed() {
		l.tell("  plan: %v", actionsOf(p))
	}
	return p, !p.failed()
}

func (l *life) faultMet() bool {
	return slices.ContainsFunc(l.Requests(), func(r sandbox.Request) bool { return r.Fault != "" })
}

// applied applies a plan and judges the result. sameMoment says that the
// plan was made right before.
func (l *life) applied(p plannedRun, what circumstance, sameMoment bool) {
	run := appliedRun{life: l, plan: p, what: what, before: l.state.clone(), lived: l.living()}
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	l.beforeApply = func(address) (context.Context, bool) { return ctx, ctx.Err() == nil }
	heal := func() {}
	switch {
	case what.interrupted:
		heal = l.Inject(sandbox.Fault{Name: "interrupt", Through: true, Effect: interruptAfterwards(cancel, what.skip)})
	case what.fault.Effect != nil && !what.planning:
		heal = l.Inject(what.fault)
	}
	l.ResetRequests()
	run.out = l.apply(p)
	l.wait()
	heal()
	l.beforeApply = nil
	run.disturbed, run.lives = ctx.Err() != nil || l.faultMet(), l.living()
	l.tellProblems(run.out.problems)
	for _, request := range l.Requests() {
		if request.Fault != "" && request.Method == http.MethodPost && request.SessionID == "" {
			l.maybeCreated++
		}
	}
	l.recordResult(run.out.failed())
	run.judge()
	run.remember()
	if sameMoment && !what.disturbed() && !what.rotated && !run.out.failed() && !run.out.skipped {
		run.judgeState()
		if l.settled || rapid.Bool().Draw(l.rt, "plan again") {
			l.judgeSecondPlan(p.command)
		}
	}
}

// interruptAfterwards interrupts the run when the API has done the first change
// after skip others. Only the answer to a create is still waited for.
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

// visible are the ids of the sessions that the credentials of a run find.
func (l *life) visible(what circumstance) map[string]bool {
	box, ids := l.Sandbox, make(map[string]bool)
	if what.otherAccount {
		box = l.other
	}
	for _, session := range box.Sessions() {
		ids[session.ID] = true
	}
	return ids
}

// living are the ids of the sessions of both accounts.
func (l *life) living() map[string]bool {
	ids := l.visible(circumstance{})
	for id := range l.visible(circumstance{otherAccount: true}) {
		ids[id] = true
	}
	return ids
}

// appliedRun is an apply with what was before it.
type appliedRun struct {
	*life
	plan   plannedRun
	out    outcome
	what   circumstance
	before snapshot
	// lived and lives are the sessions before and after it.
	lived, lives map[string]bool
	// disturbed says that a fault or an interrupt met the apply.
	disturbed bool
}

// remember notes what the rules of later runs depend on.
func (r appliedRun) remember() {
	for at, c := range r.plan.changes {
		held := r.state.current[at]
		done, ok := r.out.done[at]
		switch {
		case !ok:
			// An update that met the end of the session may have noted that its
			// arguments were not sent.
			if c.action == update && !held.active() {
				r.doubtful[at] = true
			}
			continue
		case done == destroyOnly, done == create, done.replaces():
			delete(r.unsent, at)
			r.doubtful[at] = r.disturbed && at.kind == sessionType
		case c.writes() && is(member(held.value, "active"), true):
			delete(r.unsent, at)
			delete(r.doubtful, at)
		case done == update && !c.before.active() && argumentsChanged(c):
			r.unsent[at] = true
		}
		// What only apply knew is known from now on.
		if b, ok := r.config[at]; ok {
			b.later = nil
			r.config[at] = b
		}
	}
}
