package provider_test

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// planning is a plan under way.
type planning struct {
	*simulated
	*plannedRun
	server tfprotov6.ProviderServer
}

func (e *simulated) newPlan(config configuration, how command) planning {
	return planning{e, &plannedRun{
		prior: e.state.clone(), stored: e.serial, config: config, command: how,
		changes: make(map[address]change), deposed: make(map[address]change),
	}, e.start()}
}

// plan makes a plan; the state stays as it is.
func (e *simulated) plan(config configuration, how command) plannedRun {
	e.t.Helper()
	config = maps.Clone(config)
	for _, said := range config {
		// A block with create_before_destroy forces it on the block that it needs.
		if needed, ok := config[sessionAt(said.needs)]; ok && said.createBeforeDestroy {
			needed.createBeforeDestroy = true
			config[sessionAt(said.needs)] = needed
		}
	}
	p := e.newPlan(config, how)
	if !how.destroy {
		p.walkConfiguration()
		return *p.plannedRun
	}
	if !how.noRefresh {
		// Engines refresh with a normal plan first.
		how.destroy = false
		first := e.newPlan(config, how)
		first.walkConfiguration()
		if p.prior = first.prior; first.failed() {
			p.problems = first.problems
			return *p.plannedRun
		}
	}
	p.walkDestroy()
	return *p.plannedRun
}

// walkConfiguration refreshes and plans every instance, in any order.
func (p planning) walkConfiguration() {
	byAddress := make(map[address]*node)
	var nodes []*node
	for _, at := range p.addresses(p.config) {
		n := &node{at: at, visit: func() bool {
			if said, configured := p.config[at]; configured {
				return p.planInstance(at, said)
			}
			return p.planRemoved(at, p.prior.current, p.changes, p.command.orphansFirst && !p.command.refreshOnly)
		}}
		byAddress[at], nodes = n, append(nodes, n)
	}
	for _, at := range sorted(p.prior.deposed) {
		if p.command.target == nil || *p.command.target == at {
			nodes = append(nodes, &node{at: at, visit: func() bool { return p.planRemoved(at, p.prior.deposed, p.deposed, false) }})
		}
	}
	for at, n := range byAddress {
		if needed, ok := byAddress[sessionAt(p.config[at].needs)]; ok {
			n.after = append(n.after, needed)
		}
	}
	p.walk(nodes)
}

// walkDestroy plans to destroy everything, without a refresh.
func (p planning) walkDestroy() {
	var nodes []*node
	add := func(at address, held object, changes map[address]change) {
		nodes = append(nodes, &node{at: at, visit: func() bool { return p.planDestroy(at, held, changes) }})
	}
	for _, at := range p.addresses(nil) {
		add(at, p.prior.current[at], p.changes)
	}
	for at, held := range p.prior.deposed {
		if p.command.target == nil || *p.command.target == at {
			add(at, held, p.deposed)
		}
	}
	slices.SortStableFunc(nodes, func(a, b *node) int { return compareAddresses(a.at, b.at) })
	p.walk(nodes)
}

// addresses are those of the configuration and the state that the run is about,
// in order.
func (p planning) addresses(config configuration) []address {
	all, target := make(map[address]bool), p.command.target
	include := func(at address, needs string) {
		if target == nil || at == *target || *target == sessionAt(needs) {
			all[at] = true
		}
	}
	for at, said := range config {
		include(at, said.needs)
	}
	for at, held := range p.prior.current {
		include(at, held.needs)
	}
	return sorted(all)
}

func (p planning) planInstance(at address, said block) bool {
	held, exists := p.prior.current[at]
	if !exists {
		held = object{value: none(at.kind)}
	}
	config := p.evaluate(at.kind, said, p.plannedID, true)
	if p.command.minimalRefresh && exists && !p.command.refreshOnly {
		planned, ok := p.planObject(at, held, config, said)
		if ok && planned.action == noOp {
			p.changes[at] = planned
		}
		if !ok || planned.action == noOp {
			return ok
		}
	}
	if exists {
		fresh, exists, ok := p.refresh(at, p.prior.current)
		if !ok {
			return false
		}
		held = fresh
		held.tainted = held.tainted && exists
	}
	if p.command.refreshOnly {
		return true
	}
	planned, ok := p.planObject(at, held, config, said)
	if ok {
		p.changes[at] = planned
	}
	return ok
}

// planRemoved refreshes and plans to destroy what the configuration no longer
// names. early plans before the refresh.
func (p planning) planRemoved(at address, objects map[address]object, changes map[address]change, early bool) bool {
	planned := make(map[address]change)
	if early && !p.planDestroy(at, objects[at], planned) {
		return false
	}
	held, exists, ok := p.refresh(at, objects)
	if !ok || !exists || p.command.refreshOnly {
		return ok
	}
	if !early && !p.planDestroy(at, held, planned) {
		return false
	}
	maps.Copy(changes, planned)
	return true
}

// plannedID is what a reference to the id of a palabra_session is at plan time.
func (p planning) plannedID(session string) tftypes.Value {
	at := sessionAt(session)
	if c, ok := p.changes[at]; ok && !c.planned.IsNull() {
		return member(c.planned, "id")
	}
	if held, ok := p.prior.current[at]; ok {
		return member(held.value, "id")
	}
	return tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
}

// planObject plans one instance. For a replacement, engines ask twice: the second
// time without the prior state, and with the private state of the first answer.
func (p planning) planObject(at address, held object, config tftypes.Value, said block) (change, bool) {
	prior := held
	if held.tainted {
		prior = object{value: none(at.kind)}
	}
	valid, err := p.server.ValidateResourceConfig(p.ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: at.kind, Config: wire(config)})
	p.noError(err, "validate", at)
	if !p.report(at, "validate", valid.Diagnostics) {
		return change{}, false
	}
	c, replacing, ok := p.ask(at, prior, config)
	if !ok {
		return c, false
	}
	replacement := deleteThenCreate
	if said.createBeforeDestroy {
		replacement = createThenDelete
	}
	switch {
	case prior.value.IsNull():
		c.action = create
	case replacing || slices.Contains(p.command.replace, at):
		again, _, ok := p.ask(at, object{value: none(at.kind), private: c.private}, config)
		if !ok {
			return again, false
		}
		again.before, again.action = prior, replacement
		c = again
	case !c.planned.Equal(prior.value):
		c.action = update
	}
	if held.tainted {
		c.action, c.before = replacement, held
	}
	return c, true
}
