package provider_test

import (
	"cmp"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// plan makes a plan; the state stays as it is.
func (e *simulated) plan(config configuration, how command) plannedRun {
	e.t.Helper()
	config = maps.Clone(config)
	for _, said := range config {
		// Engines force it on what a block with create_before_destroy needs.
		if needed, ok := config[address{sessionType, said.needs}]; ok && said.createBeforeDestroy {
			needed.createBeforeDestroy = true
			config[address{sessionType, said.needs}] = needed
		}
	}
	p := plannedRun{
		prior: e.state.clone(), stored: e.serial, config: config, command: how,
		changes: make(map[address]change), deposed: make(map[address]change),
	}
	if !how.destroy {
		e.walkPlan(&p, how)
		return p
	}
	if !how.noRefresh {
		// Engines make a normal plan first, for the sake of its refresh.
		first := how
		first.destroy = false
		refreshed := plannedRun{prior: e.state.clone(), config: config, changes: make(map[address]change), deposed: make(map[address]change)}
		e.walkPlan(&refreshed, first)
		if refreshed.failed() {
			p.prior, p.problems = refreshed.prior, refreshed.problems
			return p
		}
		p.prior = refreshed.prior
	}
	e.walkDestroyPlan(&p)
	return p
}

// walkPlan refreshes and plans every instance, in any order, with one provider.
func (e *simulated) walkPlan(p *plannedRun, how command) {
	e.t.Helper()
	server := e.start()
	byAddress := make(map[address]*node)
	var nodes []*node
	add := func(at address, visit func() bool) *node {
		n := &node{at: at, visit: visit}
		nodes = append(nodes, n)
		return n
	}
	for _, at := range e.addresses(p.config, how.target, p.prior) {
		said, configured := p.config[at]
		byAddress[at] = add(at, func() bool {
			if configured {
				return e.planInstance(server, p, at, said, how)
			}
			return e.planOrphan(server, p, at, how)
		})
	}
	for _, at := range slices.SortedFunc(maps.Keys(p.prior.deposed), compareAddresses) {
		if how.target == nil || *how.target == at {
			add(at, func() bool { return e.planDeposed(server, p, at, how) })
		}
	}
	for at, n := range byAddress {
		if needs := p.config[at].needs; needs != "" {
			if other, ok := byAddress[address{sessionType, needs}]; ok {
				n.after = append(n.after, other)
			}
		}
	}
	e.walk(nodes)
}

func (e *simulated) walkDestroyPlan(p *plannedRun) {
	e.t.Helper()
	server := e.start()
	var nodes []*node
	for _, at := range e.addresses(nil, p.command.target, p.prior) {
		if held, ok := p.prior.current[at]; ok {
			nodes = append(nodes, &node{at: at, visit: func() bool {
				planned, ok := e.planDestroy(server, p, at, held)
				if ok {
					p.changes[at] = planned
				}
				return ok
			}})
		}
	}
	for at := range p.prior.deposed {
		if p.command.target == nil || *p.command.target == at {
			nodes = append(nodes, &node{at: at, visit: func() bool {
				planned, ok := e.planDestroy(server, p, at, p.prior.deposed[at])
				if ok {
					p.deposed[at] = planned
				}
				return ok
			}})
		}
	}
	slices.SortFunc(nodes, func(a, b *node) int { return compareAddresses(a.at, b.at) })
	e.walk(nodes)
}

// addresses are those that a run is about, in order.
func (e *simulated) addresses(config configuration, target *address, state snapshot) []address {
	all := make(map[address]bool)
	include := func(at address, needs string) {
		if target == nil || at == *target || target.kind == sessionType && target.name == needs {
			all[at] = true
		}
	}
	for at, said := range config {
		include(at, said.needs)
	}
	for at, held := range state.current {
		include(at, held.needs)
	}
	return slices.SortedFunc(maps.Keys(all), compareAddresses)
}

func (e *simulated) planInstance(server tfprotov6.ProviderServer, p *plannedRun, at address, said block, how command) bool {
	e.t.Helper()
	held, ok := p.prior.current[at]
	if !ok {
		held = object{value: e.none(at.kind)}
	}
	config := e.evaluate(at.kind, said, func(session string) tftypes.Value { return e.plannedID(p, session) }, true)
	if how.minimalRefresh && ok && !how.refreshOnly {
		first, ok := e.planObject(server, p, at, held, config, said, how)
		if !ok {
			return false
		}
		if first.action == noOp {
			p.changes[at] = first
			return true
		}
	}
	if ok && !how.noRefresh {
		fresh, kept, ok := e.read(server, p, at, held)
		if !ok {
			return false
		}
		if held = fresh; kept {
			p.prior.current[at] = fresh
		} else {
			held.tainted = false
			delete(p.prior.current, at)
		}
	}
	if how.refreshOnly {
		return true
	}
	planned, ok := e.planObject(server, p, at, held, config, said, how)
	if ok {
		p.changes[at] = planned
	}
	return ok
}

// plannedID is what a reference to the id of a palabra_session is at plan time.
func (e *simulated) plannedID(p *plannedRun, session string) tftypes.Value {
	at := address{sessionType, session}
	if c, ok := p.changes[at]; ok && !c.planned.IsNull() {
		return member(c.planned, "id")
	}
	if held, ok := p.prior.current[at]; ok {
		return member(held.value, "id")
	}
	return tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
}

// evaluate returns what an instance's configuration comes to.
func (e *simulated) evaluate(kind string, said block, idOf func(string) tftypes.Value, planning bool) tftypes.Value {
	e.t.Helper()
	values := maps.Clone(said.arguments)
	if said.needs != "" {
		values["session_id"] = idOf(said.needs)
	}
	if planning {
		for _, name := range said.later {
			values[name] = tftypes.NewValue(e.schemas.resources[kind].object.AttributeTypes[name], tftypes.UnknownValue)
		}
	}
	return e.must(objectOf(e.schemas.resources[kind].object, values))
}

// planObject is the plan of one instance; a replacement asks twice, the second
// time without the prior state, and with the private state of the first answer.
func (e *simulated) planObject(server tfprotov6.ProviderServer, p *plannedRun, at address, held object, config tftypes.Value, said block, how command) (change, bool) {
	e.t.Helper()
	prior := held
	if held.tainted {
		prior = object{value: e.none(at.kind)}
	}
	valid, err := server.ValidateResourceConfig(e.ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: at.kind, Config: e.wire(config)})
	if err != nil {
		e.t.Fatalf("validate %s: %v", at, err)
	}
	if p.problems = append(p.problems, problemsOf(at, "validate", valid.Diagnostics)...); hasErrors(problemsOf(at, "", valid.Diagnostics)) {
		return change{}, false
	}
	answer, ok := e.ask(server, p, at, prior, config)
	if !ok {
		return change{}, false
	}
	planned := e.unwire(at.kind, answer.PlannedState)
	forced := slices.Contains(how.replace, at)
	c := change{before: prior, planned: planned, private: answer.PlannedPrivate, identity: answer.PlannedIdentity}
	replacing := false
	for _, path := range answer.RequiresReplace {
		name, _ := path.Steps()[0].(tftypes.AttributeName)
		was, is := member(prior.value, string(name)), member(planned, string(name))
		replacing = replacing || !prior.value.IsNull() && !was.Equal(is)
	}
	replacement := deleteThenCreate
	if said.createBeforeDestroy {
		replacement = createThenDelete
	}
	switch {
	case prior.value.IsNull():
		c.action = create
	case !replacing && !forced && planned.Equal(prior.value):
		c.action = noOp
	case replacing || forced:
		c.action = replacement
		again, ok := e.ask(server, p, at, object{value: e.none(at.kind), private: answer.PlannedPrivate}, config)
		if !ok {
			return change{}, false
		}
		c.planned, c.private, c.identity = e.unwire(at.kind, again.PlannedState), again.PlannedPrivate, again.PlannedIdentity
	default:
		c.action = update
	}
	if held.tainted {
		c.action, c.before = replacement, held
	}
	return c, true
}

func (e *simulated) ask(server tfprotov6.ProviderServer, p *plannedRun, at address, prior object, config tftypes.Value) (*tfprotov6.PlanResourceChangeResponse, bool) {
	e.t.Helper()
	schema := e.schemas.resources[at.kind]
	answer, err := server.PlanResourceChange(e.ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: at.kind, PriorState: e.wire(prior.value), PriorPrivate: prior.private, PriorIdentity: prior.identity,
		Config: e.wire(config), ProposedNewState: e.wire(schema.proposedNew(prior.value, config)),
	})
	if err != nil {
		e.t.Fatalf("plan %s: %v", at, err)
	}
	problems := problemsOf(at, "plan", answer.Diagnostics)
	if p.problems = append(p.problems, problems...); hasErrors(problems) {
		return nil, false
	}
	if what := schema.invalidPlan(prior.value, config, e.unwire(at.kind, answer.PlannedState)); what != "" {
		e.t.Fatalf("engine: provider produced invalid plan for %s: %s", at, what)
	}
	return answer, true
}

func (e *simulated) planOrphan(server tfprotov6.ProviderServer, p *plannedRun, at address, how command) bool {
	e.t.Helper()
	held := p.prior.current[at]
	var planned change
	ok := true
	if how.orphansFirst && !how.refreshOnly {
		if planned, ok = e.planDestroy(server, p, at, held); !ok {
			return false
		}
	}
	if !how.noRefresh {
		fresh, kept, ok := e.read(server, p, at, held)
		if !ok {
			return false
		}
		if !kept {
			delete(p.prior.current, at)
			return true
		}
		p.prior.current[at], held = fresh, fresh
	}
	if how.refreshOnly {
		return true
	}
	if !how.orphansFirst {
		planned, ok = e.planDestroy(server, p, at, held)
	}
	if ok {
		p.changes[at] = planned
	}
	return ok
}

func (e *simulated) planDeposed(server tfprotov6.ProviderServer, p *plannedRun, at address, how command) bool {
	e.t.Helper()
	held := p.prior.deposed[at]
	if !how.noRefresh {
		fresh, kept, ok := e.read(server, p, at, held)
		if !ok {
			return false
		}
		if held = fresh; !kept {
			delete(p.prior.deposed, at)
			return true
		}
		p.prior.deposed[at] = fresh
	}
	if how.refreshOnly {
		return true
	}
	planned, ok := e.planDestroy(server, p, at, held)
	if ok {
		p.deposed[at] = planned
	}
	return ok
}

func (e *simulated) planDestroy(server tfprotov6.ProviderServer, p *plannedRun, at address, held object) (change, bool) {
	e.t.Helper()
	none := e.wire(e.none(at.kind))
	answer, err := server.PlanResourceChange(e.ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: at.kind, PriorState: e.wire(held.value), PriorPrivate: held.private, PriorIdentity: held.identity,
		Config: none, ProposedNewState: none,
	})
	if err != nil {
		e.t.Fatalf("plan to destroy %s: %v", at, err)
	}
	problems := problemsOf(at, "plan to destroy", answer.Diagnostics)
	if p.problems = append(p.problems, problems...); hasErrors(problems) {
		return change{}, false
	}
	if !e.unwire(at.kind, answer.PlannedState).IsNull() {
		e.t.Fatalf("engine: provider planned a non-null destroy value for %s", at)
	}
	return change{action: destroyOnly, before: held, planned: e.none(at.kind), private: answer.PlannedPrivate, identity: answer.PlannedIdentity}, true
}

// read refreshes an instance; kept is false when the answer removes it.
func (e *simulated) read(server tfprotov6.ProviderServer, p *plannedRun, at address, held object) (fresh object, kept, ok bool) {
	e.t.Helper()
	answer, err := server.ReadResource(e.ctx, &tfprotov6.ReadResourceRequest{
		TypeName: at.kind, CurrentState: e.wire(held.value), Private: held.private, CurrentIdentity: held.identity,
	})
	if err != nil {
		e.t.Fatalf("read %s: %v", at, err)
	}
	problems := problemsOf(at, "read", answer.Diagnostics)
	if p.problems = append(p.problems, problems...); hasErrors(problems) {
		return held, true, false
	}
	// What an import made has only the argument.
	expectIdentity(e.t, answer.NewIdentity, cmp.Or(text(held.value, "id"), text(held.value, "session_id")))
	fresh = held
	fresh.value, fresh.private, fresh.identity = e.unwire(at.kind, answer.NewState), answer.Private, answer.NewIdentity
	return fresh, !fresh.value.IsNull(), true
}
