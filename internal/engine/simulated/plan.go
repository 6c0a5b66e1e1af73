package simulated

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// planning is a plan under way.
type planning struct {
	*Engine
	*Plan
	server tfprotov6.ProviderServer
	// included are the addresses that -target and -exclude leave; nil for all.
	included map[Address]bool
}

func (e *Engine) newPlan(config Configuration, how Command) planning {
	p := planning{Engine: e, Plan: &Plan{
		Prior: e.State.Clone(), Serial: e.Serial, Config: config, Command: how,
		Changes: make(map[Address]Change), Deposed: make(map[Deposed]Change),
	}, server: e.Start()}
	p.included = p.selected()
	for _, at := range Sorted(config) {
		if from := config[at].MovedFrom; from != (Address{}) && !p.moves(at, from) {
			break
		}
	}
	return p
}

// Plan makes a plan; the state stays as it is.
func (e *Engine) Plan(config Configuration, how Command) Plan {
	e.T.Helper()
	config = withForcedOrder(config)
	if !how.Destroy {
		p := e.newPlan(config, how)
		p.walkConfiguration()
		return *p.Plan
	}
	prior := e.State.Clone()
	if !how.NoRefresh && len(prior.Current)+len(prior.Deposed) > 0 {
		// Engines refresh with a normal plan first.
		normal := how
		normal.Destroy = false
		first := e.newPlan(config, normal)
		first.walkConfiguration()
		if prior = first.Prior; first.Failed() {
			first.Command = how
			return *first.Plan
		}
	}
	p := e.newPlan(config, how)
	p.Prior = prior
	p.walkDestroy()
	return *p.Plan
}

func (p planning) planInstance(at Address, said Block) bool {
	held, exists := p.Prior.Current[at]
	config := p.evaluate(at.Type, said, p.plannedValue, true)
	imported := false
	if !exists && said.Import != "" {
		if held, exists = p.importObject(at, &tfprotov6.ImportResourceStateRequest{ID: said.Import}); !exists {
			p.Problems = append(p.Problems, Problem{At: at, Step: "import", Summary: "Cannot import non-existent remote object"})
			return false
		}
		held.needs, imported = said.needs(), true
		p.Prior.Current[at] = held
	}
	if !exists {
		held = p.nothing(at)
	}
	if p.Command.MinimalRefresh && exists && !imported && !p.Command.RefreshOnly {
		planned, ok := p.planObject(at, held, config, said)
		if ok && planned.Action == NoOp {
			p.Changes[at] = planned
		}
		if !ok || planned.Action == NoOp {
			return ok
		}
	}
	if exists && !imported && !p.Command.NoRefresh {
		var ok bool
		if held, exists, ok = p.read(at, held); !ok {
			return false
		}
		if exists {
			p.Prior.Current[at] = held
		} else {
			delete(p.Prior.Current, at)
			held = p.nothing(at)
		}
	}
	if p.Command.RefreshOnly {
		return true
	}
	planned, ok := p.planObject(at, held, config, said)
	if ok {
		p.Changes[at] = planned
	}
	return ok
}

// planOrphan refreshes and plans to destroy what the configuration no longer names.
func (p planning) planOrphan(at Address) bool {
	held := p.Prior.Current[at]
	var planned Change
	ok := true
	if p.Command.OrphansFirst {
		if planned, ok = p.planDestroy(at, held); !ok {
			return false
		}
	}
	if !p.Command.NoRefresh {
		var exists bool
		if held, exists, ok = p.read(at, held); !ok {
			return false
		}
		if !exists {
			delete(p.Prior.Current, at)
			return true
		}
		p.Prior.Current[at] = held
	}
	if p.Command.RefreshOnly {
		return true
	}
	if !p.Command.OrphansFirst {
		planned, ok = p.planDestroy(at, held)
	}
	if ok {
		p.Changes[at] = planned
	}
	return ok
}

func (p planning) planDeposed(at Deposed) bool {
	held := p.Prior.Deposed[at]
	if !p.Command.NoRefresh {
		fresh, exists, ok := p.read(at.Address, held)
		switch {
		case !ok:
			return false
		case !exists:
			delete(p.Prior.Deposed, at)
			return true
		}
		held = fresh
		p.Prior.Deposed[at] = held
	}
	if p.Command.RefreshOnly {
		return true
	}
	planned, ok := p.planDestroy(at.Address, held)
	if ok {
		p.Deposed[at] = planned
	}
	return ok
}

// planForget plans to remove an instance from the state.
func (p planning) planForget(at Address) bool {
	if p.Command.ReadForgotten && !p.Command.NoRefresh {
		held, exists, ok := p.read(at, p.Prior.Current[at])
		switch {
		case !ok:
			return false
		case !exists:
			delete(p.Prior.Current, at)
			return true
		}
		p.Prior.Current[at] = held
	}
	if !p.Command.RefreshOnly {
		p.Changes[at] = Change{Action: Forget, Before: p.Prior.Current[at], Planned: p.schemas.null(at.Type)}
	}
	return true
}

// plannedValue is what a reference is at plan time.
func (p planning) plannedValue(to Reference) tftypes.Value {
	if c, ok := p.Changes[to.To]; ok && !c.Planned.IsNull() {
		return Member(c.Planned, to.Attribute)
	}
	if held, ok := p.Prior.Current[to.To]; ok {
		return Member(held.Value, to.Attribute)
	}
	return tftypes.NewValue(ObjectType(p.schemas[to.To.Type]).AttributeTypes[to.Attribute], tftypes.UnknownValue)
}

// planObject plans one instance. For a replacement, engines ask twice: the second
// time without the prior state, and with the private state of the first answer.
func (p planning) planObject(at Address, held Object, config tftypes.Value, said Block) (Change, bool) {
	prior := held
	if held.Tainted {
		prior = p.nothing(at)
	}
	valid, err := p.server.ValidateResourceConfig(p.Ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: at.Type, Config: Wire(config)})
	p.noError(err, "validate", at)
	if !p.report(at, "validate", valid.Diagnostics) {
		return Change{}, false
	}
	c, replacing, ok := p.ask(at, prior, ignoreChanges(prior.Value, config, said.IgnoreChanges))
	if !ok {
		return c, false
	}
	replacement := DeleteThenCreate
	if said.CreateBeforeDestroy {
		replacement = CreateThenDelete
	}
	switch {
	case prior.Value.IsNull():
		c.Action = Create
	case replacing || slices.Contains(p.Command.Replace, at):
		fresh := p.nothing(at)
		fresh.Private, fresh.Identity = c.private, nil
		again, _, ok := p.ask(at, fresh, config)
		if !ok {
			return again, false
		}
		again.Before, again.Action = prior, replacement
		c = again
	case !c.Planned.Equal(prior.Value):
		c.Action = Update
	}
	if held.Tainted {
		c.Action, c.Before = replacement, held
	}
	return c, true
}

// ignoreChanges gives a configuration the prior values of some arguments.
func ignoreChanges(prior, config tftypes.Value, names []string) tftypes.Value {
	if prior.IsNull() || len(names) == 0 {
		return config
	}
	values := maps.Clone(Members(config))
	for _, name := range names {
		values[name] = Member(prior, name)
	}
	return tftypes.NewValue(config.Type(), values)
}

func (e *Engine) nothing(at Address) Object { return Object{Value: e.schemas.null(at.Type)} }

// evaluate is the configuration of an instance with the values of its references.
func (e *Engine) evaluate(kind string, said Block, valueOf func(Reference) tftypes.Value, planning bool) tftypes.Value {
	e.T.Helper()
	values := maps.Clone(said.Arguments)
	for name, argument := range values {
		if reference, ok := argument.(Reference); ok {
			values[name] = valueOf(reference)
		}
	}
	if planning {
		for _, name := range said.Later {
			values[name] = tftypes.UnknownValue
		}
	}
	return NewObject(e.schemas[kind], values)
}
