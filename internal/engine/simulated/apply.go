package simulated

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Apply applies a plan and stores the new state.
func (e *Engine) Apply(p Plan) Outcome {
	e.T.Helper()
	if p.Failed() {
		e.T.Fatalf("a plan with errors cannot be applied")
	}
	if p.Serial != e.Serial {
		e.T.Fatalf("the saved plan is stale")
	}
	e.store(p.Prior.Clone())
	o := Outcome{Done: make(map[Address]Action)}
	if p.Command.RefreshOnly || p.Empty() && !p.dependentsFail() {
		return o
	}
	w := applying{Engine: e, plan: p, server: e.Start(), next: p.Prior.Clone(), out: &o}
	w.walk(w.graph())
	e.store(w.next)
	return o
}

func (p Plan) dependentsFail() bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(p.Config)), func(b Block) bool { return b.DependentFails })
}

// store replaces the state, and raises the serial if it differs.
func (e *Engine) store(next State) {
	same := func(a, b Object) bool {
		return a.Value.Equal(b.Value) && bytes.Equal(a.Private, b.Private) && a.Tainted == b.Tainted
	}
	if !maps.EqualFunc(e.State.Current, next.Current, same) || !maps.EqualFunc(e.State.Deposed, next.Deposed, same) {
		e.Serial++
	}
	e.State = next
}

// applying is an apply under way.
type applying struct {
	*Engine
	plan   Plan
	server tfprotov6.ProviderServer
	next   State
	out    *Outcome
}

// graph is what has to be done, in order: what needs another instance comes after
// the creation of that one, and before its deletion.
func (w applying) graph() []*node {
	makers, destroyers, leftovers := make(map[Address]*node), make(map[Address]*node), make(map[Address][]*node)
	var nodes []*node
	add := func(at Address, f func(context.Context) bool) *node {
		n := &node{visit: func() bool {
			ctx, ok := w.BeforeApply(at)
			ok = ok && f(ctx)
			w.out.Skipped = w.out.Skipped || !ok
			return ok
		}}
		nodes = append(nodes, n)
		return n
	}
	for _, at := range Sorted(w.plan.Changes) {
		c := w.plan.Changes[at]
		deposed := new(Deposed)
		switch c.Action {
		case Forget:
			delete(w.next.Current, at)
			w.out.Done[at] = Forget
		case Delete:
			destroyers[at] = add(at, func(ctx context.Context) bool { return w.destroyCurrent(ctx, at, c) })
		case DeleteThenCreate:
			destroyers[at] = add(at, func(ctx context.Context) bool { return w.destroyCurrent(ctx, at, c) })
			makers[at] = add(at, func(ctx context.Context) bool { return w.make(ctx, at, c, nil) })
			makers[at].after = append(makers[at].after, destroyers[at])
		case CreateThenDelete:
			makers[at] = add(at, func(ctx context.Context) bool { return w.make(ctx, at, c, deposed) })
			destroyers[at] = add(at, func(ctx context.Context) bool { return w.destroyDeposed(ctx, *deposed) })
		case Create, Update:
			makers[at] = add(at, func(ctx context.Context) bool { return w.make(ctx, at, c, nil) })
		case NoOp:
		}
	}
	for _, at := range w.plan.Prior.sortedDeposed() {
		if _, planned := w.plan.Deposed[at]; planned {
			leftovers[at.Address] = append(leftovers[at.Address], add(at.Address, func(ctx context.Context) bool { return w.destroyDeposed(ctx, at) }))
		}
	}
	w.connect(makers, destroyers, leftovers, &nodes)
	return nodes
}

// connect adds the order of the steps of different objects. Deposed ones go last:
// what still refers to them changes first.
func (w applying) connect(makers, destroyers map[Address]*node, leftovers map[Address][]*node, nodes *[]*node) {
	after := func(n, earlier *node) {
		if n != nil && earlier != nil {
			n.after = append(n.after, earlier)
		}
	}
	last := func(at Address, earlier *node) {
		for _, leftover := range leftovers[at] {
			after(leftover, earlier)
		}
		if w.plan.Changes[at].Action == CreateThenDelete {
			after(destroyers[at], earlier)
		}
	}
	for at, said := range w.plan.Config {
		last(at, makers[at])
		if said.DependentFails && !w.plan.Command.Destroy {
			dependent := &node{visit: func() bool { return w.report([]Problem{{At: at, Step: "dependent", Summary: "A dependent failed"}}) }}
			after(dependent, makers[at])
			*nodes = append(*nodes, dependent)
			last(at, dependent)
		}
		for _, needed := range said.needs() {
			after(makers[at], makers[needed])
			last(needed, makers[at])
		}
	}
	for at, c := range w.plan.Changes {
		for _, needed := range c.Before.needs {
			after(destroyers[needed], destroyers[at])
			if n := w.plan.Changes[needed]; n.Action == CreateThenDelete || n.Action == Delete && n.Before.createFirst {
				after(destroyers[needed], makers[at])
			} else {
				after(makers[at], destroyers[needed])
			}
		}
	}
}

// again plans once more during the apply, with the provider of the apply.
func (w applying) again() planning {
	return planning{Engine: w.Engine, Plan: &Plan{}, server: w.server}
}

// report notes problems, and returns false for an error.
func (w applying) report(problems []Problem) bool {
	w.out.Problems = append(w.out.Problems, problems...)
	return !HasErrors(problems)
}

func (w applying) destroyCurrent(ctx context.Context, at Address, c Change) bool {
	kept, ok := w.destroyObject(ctx, at, c)
	if kept == nil {
		delete(w.next.Current, at)
	} else {
		w.next.Current[at] = *kept
	}
	if ok && c.Action == Delete {
		w.out.Done[at] = c.Action
	}
	return ok
}

// destroyDeposed plans to destroy a deposed object again, and destroys it.
func (w applying) destroyDeposed(ctx context.Context, at Deposed) bool {
	again := w.again()
	c, ok := again.planDestroy(at.Address, w.next.Deposed[at])
	if w.report(again.Problems); !ok {
		return false
	}
	kept, ok := w.destroyObject(ctx, at.Address, c)
	if kept == nil {
		delete(w.next.Deposed, at)
	}
	return ok
}

// destroyObject returns what the state keeps of an object: nothing after a
// success.
func (w applying) destroyObject(ctx context.Context, at Address, c Change) (kept *Object, ok bool) {
	nothing := Wire(w.schemas.null(at.Type))
	answer, err := w.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: at.Type, PriorState: Wire(c.Before.Value), PlannedState: nothing, Config: nothing,
		PlannedPrivate: c.private, PlannedIdentity: c.identity,
	})
	w.noError(err, "destroy", at)
	ok = w.report(problemsOf(at, "delete", answer.Diagnostics))
	after := Unwire(ObjectType(w.schemas[at.Type]), answer.NewState)
	switch {
	case ok && !after.IsNull():
		w.bug(at, "a value after destroy", after.String())
	case ok:
		return nil, true
	case after.IsNull():
		return &c.Before, false
	}
	left := c.Before
	left.Value, left.Private, left.Identity = after, answer.Private, answer.NewIdentity
	return &left, false
}

// make creates or updates. Engines plan again first, without the private state of
// the plan. What the plan knew has to be the same then. With create_before_destroy
// the object in the state is deposed first.
func (w applying) make(ctx context.Context, at Address, c Change, deposed *Deposed) bool {
	schema, said := w.schemas.of(at.Type), w.plan.Config[at]
	config := w.evaluate(at.Type, said, func(to Reference) tftypes.Value {
		return Member(w.next.Current[to.To].Value, to.Attribute)
	}, false)
	if deposed != nil {
		w.deposed++
		*deposed = Deposed{Address: at, key: w.deposed}
		w.next.Deposed[*deposed] = w.next.Current[at]
		delete(w.next.Current, at)
		defer w.restore(at, deposed)
	}
	prior, ok := w.next.Current[at]
	if !ok {
		prior = w.nothing(at)
	}
	again := w.again()
	final, ok := again.planObject(at, prior, config, said)
	if w.report(again.Problems); !ok {
		return false
	}
	expected := final.Action == c.Action || c.Action == Update && final.Action == NoOp || c.Action.Replaces() && final.Action == Create
	if !expected {
		w.bug(at, "an inconsistent final plan", c.Action.String()+" became "+final.Action.String())
	}
	if what := schema.incompatible(c.Planned, final.Planned); what != "" {
		w.bug(at, "an inconsistent final plan", what)
	}
	if final.Action == NoOp {
		w.out.Done[at] = NoOp
		return true
	}
	return w.applyObject(ctx, at, c, final, config)
}

// applyObject sends a create or an update, and keeps the answer.
func (w applying) applyObject(ctx context.Context, at Address, c, final Change, config tftypes.Value) bool {
	schema, said := w.schemas.of(at.Type), w.plan.Config[at]
	answer, err := w.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: at.Type, PriorState: Wire(final.Before.Value), PlannedState: Wire(final.Planned), Config: Wire(config),
		PlannedPrivate: final.private, PlannedIdentity: final.identity,
	})
	w.noError(err, "apply", at)
	ok := w.report(problemsOf(at, final.Action.String(), answer.Diagnostics))
	after := Object{Value: Unwire(schema.object, answer.NewState), Private: answer.Private, Identity: answer.NewIdentity, needs: said.needs(), createFirst: said.CreateBeforeDestroy}
	if !after.Value.IsFullyKnown() {
		w.bug(at, "an unknown value after apply", after.Value.String())
	}
	if ok && said.ProvisionerFails && final.Action == Create {
		ok = w.report([]Problem{{At: at, Step: "provisioner", Summary: "A provisioner failed"}})
	}
	switch {
	case !ok && after.Value.IsNull():
		// Engines keep what they had, which is nothing for a create.
		return false
	case !ok:
		after.Tainted = final.Action == Create
		w.next.Current[at] = after
		return false
	}
	if what := schema.incompatible(final.Planned, after.Value); what != "" {
		w.bug(at, "an inconsistent result after apply", what)
	}
	w.Check(at, after)
	w.next.Current[at] = after
	w.out.Done[at] = c.Action
	return true
}

// restore makes a deposed object current again if its successor was not created.
func (w applying) restore(at Address, deposed *Deposed) {
	if _, made := w.next.Current[at]; !made {
		w.next.Current[at] = w.next.Deposed[*deposed]
		delete(w.next.Deposed, *deposed)
	}
}
