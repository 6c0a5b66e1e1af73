package provider_test

import (
	"cmp"
	"maps"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// evaluate is the configuration of an instance with the values of its references.
func (e *simulated) evaluate(kind string, said block, idOf func(string) tftypes.Value, planning bool) tftypes.Value {
	e.t.Helper()
	values := maps.Clone(said.arguments)
	if said.needs != "" {
		values["session_id"] = idOf(said.needs)
	}
	if planning {
		for _, name := range said.later {
			values[name] = tftypes.UnknownValue
		}
	}
	return newObject(providerSchemas().ResourceSchemas[kind], values)
}

// ask asks for the plan of an instance; replacing says that the answer requires
// a replacement.
func (p planning) ask(at address, prior object, config tftypes.Value) (c change, replacing, ok bool) {
	schema := schemaOf(at.kind)
	answer, err := p.server.PlanResourceChange(p.ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: at.kind, PriorState: wire(prior.value), PriorPrivate: prior.private, PriorIdentity: prior.identity,
		Config: wire(config), ProposedNewState: wire(schema.proposedNew(prior.value, config)),
	})
	p.noError(err, "plan", at)
	if !p.report(at, "plan", answer.Diagnostics) {
		return c, false, false
	}
	c = change{before: prior, planned: unwire(resourceType(at.kind), answer.PlannedState), private: answer.PlannedPrivate, identity: answer.PlannedIdentity}
	if what := schema.invalidPlan(prior.value, config, c.planned); what != "" {
		p.t.Fatalf("engine: provider produced invalid plan for %s: %s", at, what)
	}
	for _, path := range answer.RequiresReplace {
		name, _ := path.Steps()[0].(tftypes.AttributeName)
		was, is := member(prior.value, string(name)), member(c.planned, string(name))
		replacing = replacing || !prior.value.IsNull() && !was.Equal(is)
	}
	return c, replacing, true
}

func (p planning) planDestroy(at address, held object, changes map[address]change) bool {
	nothing := wire(none(at.kind))
	answer, err := p.server.PlanResourceChange(p.ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: at.kind, PriorState: wire(held.value), PriorPrivate: held.private, PriorIdentity: held.identity,
		Config: nothing, ProposedNewState: nothing,
	})
	p.noError(err, "plan to destroy", at)
	if !p.report(at, "plan to destroy", answer.Diagnostics) {
		return false
	}
	if !unwire(resourceType(at.kind), answer.PlannedState).IsNull() {
		p.t.Fatalf("engine: provider planned a non-null destroy value for %s", at)
	}
	changes[at] = change{action: destroyOnly, before: held, planned: none(at.kind), private: answer.PlannedPrivate, identity: answer.PlannedIdentity}
	return true
}

// refresh reads an instance and stores what it finds; exists is false when the
// answer removes it.
func (p planning) refresh(at address, objects map[address]object) (fresh object, exists, ok bool) {
	if p.command.noRefresh {
		return objects[at], true, true
	}
	fresh, exists, ok = p.read(at, objects[at])
	switch {
	case ok && exists:
		objects[at] = fresh
	case ok:
		delete(objects, at)
	}
	return fresh, exists, ok
}

func (p planning) read(at address, held object) (fresh object, exists, ok bool) {
	answer, err := p.server.ReadResource(p.ctx, &tfprotov6.ReadResourceRequest{
		TypeName: at.kind, CurrentState: wire(held.value), Private: held.private, CurrentIdentity: held.identity,
	})
	p.noError(err, "read", at)
	if !p.report(at, "read", answer.Diagnostics) {
		return held, true, false
	}
	// What an import made has only the argument.
	expectIdentity(p.t, answer.NewIdentity, cmp.Or(text(held.value, "id"), text(held.value, "session_id")))
	fresh = held
	fresh.value, fresh.private, fresh.identity = unwire(resourceType(at.kind), answer.NewState), answer.Private, answer.NewIdentity
	return fresh, !fresh.value.IsNull(), true
}

// report notes what an answer says, and returns false for an error.
func (p planning) report(at address, step string, diags []*tfprotov6.Diagnostic) bool {
	problems := problemsOf(at, step, diags)
	p.problems = append(p.problems, problems...)
	return !hasErrors(problems)
}
