package provider_test

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// outcome is the result of an apply.
type outcome struct {
	problems []problem
	// done are the instances whose change was applied without an error.
	done map[address]action
	// skipped says that an interrupt or a failed dependency kept something from
	// being applied.
	skipped bool
}

func (o outcome) failed() bool { return hasErrors(o.problems) }

// apply applies a plan and stores the new state.
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
	w := applying{simulated: e, plan: p, server: e.start(), next: p.prior.clone(), out: &o}
	w.walk(w.graph())
	e.store(w.next)
	return o
}

// store replaces the state, and raises the serial if it differs.
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

// graph is what has to be done, in order: what needs another instance comes after
// the creation of that one, and before its deletion.
func (w applying) graph() []*node {
	makers, destroyers := make(map[address]*node), make(map[address]*node)
	var nodes []*node
	add := func(at address, f func(context.Context) bool) *node {
		n := &node{at: at, visit: func() bool {
			ctx, ok := w.ctx, true
			if w.beforeApply != nil {
				ctx, ok = w.beforeApply(at)
			}
			ok = ok && f(ctx)
			w.out.skipped = w.out.skipped || !ok
			return ok
		}}
		nodes = append(nodes, n)
		return n
	}
	for _, at := range sorted(w.plan.changes) {
		c := w.plan.changes[at]
		if c.action == deleteThenCreate || c.action == destroyOnly {
			destroyers[at] = add(at, func(ctx context.Context) bool { return w.destroyCurrent(ctx, at, c) })
		}
		if c.action != destroyOnly && c.action != noOp {
			makers[at] = add(at, func(ctx context.Context) bool { return w.make(ctx, at, c) })
		}
		switch c.action {
		case deleteThenCreate:
			makers[at].after = append(makers[at].after, destroyers[at])
		case createThenDelete:
			destroyers[at] = add(at, func(ctx context.Context) bool { return w.destroyDeposed(ctx, at) })
			destroyers[at].after = append(destroyers[at].after, makers[at])
		default:
		}
	}
	for _, at := range sorted(w.plan.deposed) {
		if w.plan.changes[at].action != createThenDelete {
			add(at, func(ctx context.Context) bool { return w.destroyDeposed(ctx, at) })
		}
	}
	for at, c := range w.plan.changes {
		if needed, ok := makers[sessionAt(w.plan.config[at].needs)]; ok && makers[at] != nil {
			makers[at].after = append(makers[at].after, needed)
		}
		if needed, ok := destroyers[sessionAt(c.before.needs)]; ok && destroyers[at] != nil {
			needed.after = append(needed.after, destroyers[at])
		}
	}
	return nodes
}

// again plans once more during the apply, with the provider of the apply.
func (w applying) again() planning {
	return planning{w.simulated, &plannedRun{changes: make(map[address]change)}, w.server}
}

// report notes problems, and returns false for an error.
func (w applying) report(problems []problem) bool {
	w.out.problems = append(w.out.problems, problems...)
	return !hasErrors(problems)
}

func (w applying) destroyCurrent(ctx context.Context, at address, c change) bool {
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

// destroyDeposed plans to destroy a deposed object again, and destroys it.
func (w applying) destroyDeposed(ctx context.Context, at address) bool {
	again := w.again()
	ok := again.planDestroy(at, w.next.deposed[at], again.changes)
	if w.report(again.problems); !ok {
		return false
	}
	kept, ok := w.destroyObject(ctx, at, again.changes[at])
	if kept == nil {
		delete(w.next.deposed, at)
	}
	return ok
}

// destroyObject returns what the state keeps of an object: nothing after a
// success.
func (w applying) destroyObject(ctx context.Context, at address, c change) (kept *object, ok bool) {
	nothing := wire(none(at.kind))
	resp, err := w.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: at.kind, PriorState: wire(c.before.value), PlannedState: nothing, Config: nothing,
		PlannedPrivate: c.private, PlannedIdentity: c.identity,
	})
	w.noError(err, "destroy", at)
	ok = w.report(problemsOf(at, "delete", resp.Diagnostics))
	after := unwire(resourceType(at.kind), resp.NewState)
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

// make creates or updates. Engines plan again first, without the private state of
// the plan. What the plan knew has to be the same then.
func (w applying) make(ctx context.Context, at address, c change) bool {
	schema, said := schemaOf(at.kind), w.plan.config[at]
	config := w.evaluate(at.kind, said, func(session string) tftypes.Value {
		return member(w.next.current[sessionAt(session)].value, "id")
	}, false)
	if c.action == createThenDelete {
		w.next.deposed[at] = w.next.current[at]
		delete(w.next.current, at)
	}
	prior, ok := w.next.current[at]
	if !ok {
		prior = object{value: none(at.kind)}
	}
	again := w.again()
	final, ok := again.planObject(at, prior, config, said)
	if w.report(again.problems); !ok {
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
		TypeName: at.kind, PriorState: wire(prior.value), PlannedState: wire(final.planned), Config: wire(config),
		PlannedPrivate: final.private, PlannedIdentity: final.identity,
	})
	w.noError(err, "apply", at)
	ok = w.report(problemsOf(at, final.action.String(), resp.Diagnostics))
	after := object{value: unwire(resourceType(at.kind), resp.NewState), private: resp.Private, identity: resp.NewIdentity, needs: said.needs}
	if !after.value.IsFullyKnown() {
		w.t.Fatalf("engine: unknown value after apply of %s: %s", at, after.value)
	}
	switch {
	case !ok && after.value.IsNull():
		// Engines keep what they had, which is nothing for a create.
	case !ok:
		after.tainted = final.action == create
		w.next.current[at] = after
	default:
		if what := schema.incompatible(final.planned, after.value); what != "" {
			w.t.Fatalf("engine: provider produced inconsistent result after apply of %s: %s", at, what)
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

// restore makes a deposed object current again if its successor was not created.
func (w applying) restore(at address, c change) {
	if _, made := w.next.current[at]; c.action == createThenDelete && !made {
		w.next.current[at] = w.next.deposed[at]
		delete(w.next.deposed, at)
	}
}
