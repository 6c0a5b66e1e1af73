package simulated

// This file holds which instances a plan visits, and in which order.

import (
	"maps"
)

// withForcedOrder returns a configuration in which a block with
// create_before_destroy forces it on those that it needs.
func withForcedOrder(config Configuration) Configuration {
	config = maps.Clone(config)
	for changed := true; changed; {
		changed = false
		for _, said := range config {
			for _, at := range said.needs() {
				if needed, ok := config[at]; ok && said.CreateBeforeDestroy && !needed.CreateBeforeDestroy {
					needed.CreateBeforeDestroy, changed = true, true
					config[at] = needed
				}
			}
		}
	}
	return config
}

// selected are the addresses of a run with -target or -exclude.
func (p planning) selected() map[Address]bool {
	root, target := p.Command.Target, p.Command.Target != nil
	if !target {
		root = p.Command.Exclude
	}
	if root == nil {
		return nil
	}
	chosen := map[Address]bool{*root: true}
	// A target comes with what it needs, and the destruction of one with what needs
	// it. What is left out is the other way round.
	for changed := true; changed; {
		changed = false
		for _, at := range p.addresses() {
			for _, needed := range p.needsOf(at) {
				from, to := at, needed
				if target == p.Command.Destroy {
					from, to = needed, at
				}
				if chosen[from] && !chosen[to] {
					chosen[to], changed = true, true
				}
			}
		}
	}
	if target {
		return chosen
	}
	rest := make(map[Address]bool)
	for _, at := range p.addresses() {
		rest[at] = !chosen[at]
	}
	return rest
}

func (p planning) includes(at Address) bool { return p.included == nil || p.included[at] }

// addresses are those of the configuration and the state.
func (p planning) addresses() []Address {
	all := make(map[Address]bool)
	for at := range p.Config {
		all[at] = true
	}
	for at := range p.Prior.Current {
		all[at] = true
	}
	for at := range p.Prior.Deposed {
		all[at.Address] = true
	}
	return Sorted(all)
}

// needsOf are what an instance needs by its configuration, or by the state if it has
// none.
func (p planning) needsOf(at Address) []Address {
	if said, configured := p.Config[at]; configured && !p.Command.Destroy {
		return said.needs()
	}
	return p.Prior.Current[at].needs
}

// walkConfiguration refreshes and plans every instance, in any order.
func (p planning) walkConfiguration() {
	if p.Failed() {
		return // A move that a provider refuses ends a plan.
	}
	byAddress := make(map[Address]*node)
	var nodes []*node
	for _, at := range p.addresses() {
		said, configured := p.Config[at]
		_, exists := p.Prior.Current[at]
		if !p.includes(at) || !configured && !exists || said.Forget && !exists {
			continue
		}
		n := &node{visit: func() bool {
			switch {
			case said.Forget:
				return p.planForget(at)
			case configured:
				return p.planInstance(at, said)
			default:
				return p.planOrphan(at)
			}
		}}
		byAddress[at], nodes = n, append(nodes, n)
	}
	for _, at := range p.Prior.sortedDeposed() {
		if p.includes(at.Address) {
			nodes = append(nodes, &node{visit: func() bool { return p.planDeposed(at) }})
		}
	}
	for at, n := range byAddress {
		for _, needed := range p.needsOf(at) {
			if before, ok := byAddress[needed]; ok {
				n.after = append(n.after, before)
			}
		}
	}
	p.walk(nodes)
}

// walkDestroy plans to destroy everything, without a refresh.
func (p planning) walkDestroy() {
	var nodes []*node
	for _, at := range Sorted(p.Prior.Current) {
		if p.includes(at) {
			nodes = append(nodes, &node{visit: func() (ok bool) {
				p.Changes[at], ok = p.planDestroy(at, p.Prior.Current[at])
				return ok
			}})
		}
	}
	for _, at := range p.Prior.sortedDeposed() {
		if p.includes(at.Address) {
			nodes = append(nodes, &node{visit: func() (ok bool) {
				p.Deposed[at], ok = p.planDestroy(at.Address, p.Prior.Deposed[at])
				return ok
			}})
		}
	}
	p.walk(nodes)
}
