package provider_test

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// outcome is what an apply came to.
type outcome struct {
	problems []problem
	// done are the instances whose change was applied without an error.
	done map[address]action
	// skipped says that an interrupt or a failed dependency kept something from
	// being applied.
	skipped bool
}

func (o outcome) failed() bool { return hasErrors(o.problems) }

// apply applies a plan and stores what comes of it.
func (e *simulated) apply(p plannedRun) outcome {
	e.t.Helper()
	if p.failed() {
		e.t.Fatalf("a plan with errors cannot be applied")
	}
	if p.stored != e.serial {
		e.t.Fatalf("the saved plan is stale")
	}
	e.store(p.prior.clone())
	o := outcome{done: make(map[address]action)}
	if p.command.refreshOnly || p.empty() {
		return o
	}
	w := &applying{simulated: e, plan: p, server: e.start(), next: p.prior.clone(), out: &o}
	w.walk(w.graph())
	e.store(w.next)
	return o
}

// store replaces the state, and counts that only where it differs.
func (e *simulated) store(next snapshot) {
	same := func(a, b object) bool {
		return a.value.Equal(b.value) && string(a.private) == string(b.private) && a.tainted == b.tainted
	}
	if !maps.EqualFunc(e.state.current, next.current, same) || !maps.EqualFunc(e.state.deposed, next.deposed, same) {
		e.serial++
	}
	e.state = next
}

// applying is an apply under way.
type applying struct {
	*simulated
	plan   plannedRun
	server tfprotov6.ProviderServer
	next   snapshot
	out    *outcome
}

// graph is what has to be done and in which order: what needs another instance
// comes after its creation and before its deletion.
func (w *applying) graph() []*node {
	makers, destroyers := make(map[address]*node), make(map[address]*node)
	var nodes []*node
	add := func(at address, f func(context.Context) bool) *node {
		n := &node{at: at, visit: func() bool {
			ctx, ok := w.ctx, true
			if w.beforeApply != nil {
				ctx, ok = w.beforeApply(at)
			}
			if !ok || !f(ctx) {
				w.out.skipped = true
				return false
			}
			return true
		}}
		nodes = append(nodes, n)
		return n
	}
	for _, at := range slices.SortedFunc(maps.Keys(w.plan.changes), compareAddresses) {
		c := w.plan.changes[at]
		if c.action == deleteThenCreate || c.action == destroyOnly {
			destroyers[at] = add(at, func(ctx context.Context) bool { return w.destroyCurrent(ctx, at, c) })
		}
		if c.action != destroyOnly && c.action != noOp {
			makers[at] = add(at, func(ctx context.Context) bool { return w.make(ctx, at, c) })
		}
		if c.action == deleteThenCreate {
			makers[at].after = append(makers[at].after, destroyers[at])
		}
		if c.action == createThenDelete {
			destroyers[at] = add(at, func(ctx context.Context) bool { return w.destroyDeposed(ctx, at) })
			destroyers[at].after = append(destroyers[at].after, makers[at])
		}
	}
	for _, at := range slices.SortedFunc(maps.Keys(w.plan.deposed), compareAddresses) {
		if w.plan.changes[at].action != createThenDelete {
			add(at, func(ctx context.Context) bool { return w.destroyDeposed(ctx, at) })
		}
	}
	for at, c := range w.plan.changes {
		if needed, ok := makers[address{sessionType, w.plan.config[at].needs}]; ok && makers[at] != nil {
			makers[at].after = append(makers[at].after, needed)
		}
		needed, ok := destroyers[address{sessionType, c.before.needs}]
		if ok && destroyers[at] != nil {
			needed.after = append(needed.after, destroyers[at])
		}
	}
	return nodes
}

func (w *applying) report(problems []problem) (ok bool) {
	w.out.problems = append(w.out.problems, problems...)
	return !hasErrors(problems)
}

func (w *applying) destroyCurrent(ctx context.Context, at address, c change) bool {
	w.t.Helper()
	kept, ok := w.destroyObject(ctx, at, c)
	if kept == nil {
		delete(w.next.current, at)
	} else {
		w.next.current[at] = *kept
	}
	if ok && c.action == destroyOnly {
		w.out.done[at] = c.action
	}
	return ok
}

// destroyDeposed plans the destruction of a deposed object again, in the
// apply's provider.
func (w *applying) destroyDeposed(ctx context.Context, at address) bool {
	w.t.Helper()
	scratch := plannedRun{}
	planned, ok := w.planDestroy(w.server, &scratch, at, w.next.deposed[at])
	if w.report(scratch.problems); !ok {
		return false
	}
	kept, ok := w.destroyObject(ctx, at, planned)
	if kept == nil {
		delete(w.next.deposed, at)
	}
	return ok
}

func (w *applying) destroyObject(ctx context.Context, at address, c change) (kept *object, ok bool) {
	w.t.Helper()
	none := w.wire(w.none(at.kind))
	resp, err := w.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: at.kind, PriorState: w.wire(c.before.value), PlannedState: none, Config: none,
		PlannedPrivate: c.private, PlannedIdentity: c.identity,
	})
	if err != nil {
		w.t.Fatalf("destroy %s: %v", at, err)
	}
	ok = w.report(problemsOf(at, "delete", resp.Diagnostics))
	after := w.unwire(at.kind, resp.NewState)
	switch {
	case ok && !after.IsNull():
		w.t.Fatalf("engine: %s is not null after destroy: %s", at, after)
	case ok:
		return nil, true
	case after.IsNull():
		return &c.before, false
	}
	left := c.before
	left.value, left.private, left.identity = after, resp.Private, resp.NewIdentity
	return &left, false
}

// make creates or updates. Engines plan again first, without the private state
// of the plan, and everything that was known has to be the same.
func (w *applying) make(ctx context.Context, at address, c change) bool {
	w.t.Helper()
	schema, said := w.schemas.resources[at.kind], w.plan.config[at]
	config := w.evaluate(at.kind, said, func(session string) tftypes.Value {
		return member(w.next.current[address{sessionType, session}].value, "id")
	}, false)
	if c.action == createThenDelete {
		w.next.deposed[at] = w.next.current[at]
		delete(w.next.current, at)
	}
	prior, ok := w.next.current[at]
	if !ok {
		prior = object{value: w.none(at.kind)}
	}
	scratch := plannedRun{}
	final, ok := w.planObject(w.server, &scratch, at, prior, config, said, command{})
	if w.report(scratch.problems); !ok {
		w.restore(at, c)
		return false
	}
	expected := final.action == c.action || c.action == update && final.action == noOp || c.action.replaces() && final.action == create
	if !expected {
		w.t.Fatalf("engine: provider produced inconsistent final plan for %s: %s became %s", at, c.action, final.action)
	}
	if what := schema.incompatible(c.planned, final.planned); what != "" {
		w.t.Fatalf("engine: provider produced inconsistent final plan for %s: %s", at, what)
	}
	if final.action == noOp {
		w.out.done[at] = noOp
		return true
	}
	resp, err := w.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: at.kind, PriorState: w.wire(prior.value), PlannedState: w.wire(final.planned), Config: w.wire(config),
		PlannedPrivate: final.private, PlannedIdentity: final.identity,
	})
	if err != nil {
		w.t.Fatalf("apply %s: %v", at, err)
	}
	ok = w.report(problemsOf(at, final.action.String(), resp.Diagnostics))
	after := object{value: w.unwire(at.kind, resp.NewState), private: resp.Private, identity: resp.NewIdentity, needs: said.needs}
	switch {
	case !ok && after.value.IsNull():
		// Engines keep what they had: nothing for a create.
	case !ok:
		after.tainted = final.action == create
		w.next.current[at] = after
	default:
		if what := schema.incompatible(final.planned, after.value); what != "" {
			w.t.Fatalf("engine: provider produced inconsistent result after apply of %s: %s", at, what)
		}
		if !after.value.IsFullyKnown() {
			w.t.Fatalf("engine: unknown value after apply of %s: %s", at, after.value)
		}
		expectIdentity(w.t, after.identity, text(after.value, "id"))
		w.next.current[at] = after
		w.out.done[at] = c.action
	}
	if !ok {
		w.restore(at, c)
	}
	return ok
}

// restore makes the deposed object current again when its successor was not
// created.
func (w *applying) restore(at address, c change) {
	if _, made := w.next.current[at]; c.action == createThenDelete && !made {
		w.next.current[at] = w.next.deposed[at]
		delete(w.next.deposed, at)
	}
}
