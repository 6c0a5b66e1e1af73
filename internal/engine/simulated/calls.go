package simulated

import (
	"encoding/json"
	"math/big"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// ask asks for the plan of an instance; replacing says that the answer requires
// a replacement.
func (p planning) ask(at Address, prior Object, config tftypes.Value) (c Change, replacing, ok bool) {
	p.meanwhile()
	schema := p.schemas.of(at.Type)
	answer, err := p.server.PlanResourceChange(p.Ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: at.Type, PriorState: Wire(prior.Value), PriorPrivate: prior.Private, PriorIdentity: prior.Identity,
		Config: Wire(config), ProposedNewState: Wire(schema.proposedNew(prior.Value, config)),
	})
	p.noError(err, "plan", at)
	if !p.report(at, "plan", answer.Diagnostics) {
		return c, false, false
	}
	c = Change{Before: prior, Planned: Unwire(schema.object, answer.PlannedState), private: answer.PlannedPrivate, identity: answer.PlannedIdentity}
	if what := schema.invalidPlan(prior.Value, config, c.Planned); what != "" {
		p.bug(at, "invalid plan", what)
	}
	for _, path := range answer.RequiresReplace {
		name, _ := path.Steps()[0].(tftypes.AttributeName)
		was, is := Member(prior.Value, string(name)), Member(c.Planned, string(name))
		replacing = replacing || !prior.Value.IsNull() && !was.Equal(is)
	}
	return c, replacing, true
}

func (p planning) planDestroy(at Address, held Object) (Change, bool) {
	nothing := Wire(p.schemas.null(at.Type))
	answer, err := p.server.PlanResourceChange(p.Ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: at.Type, PriorState: Wire(held.Value), PriorPrivate: held.Private, PriorIdentity: held.Identity,
		Config: nothing, ProposedNewState: nothing,
	})
	p.noError(err, "plan to destroy", at)
	if !p.report(at, "plan to destroy", answer.Diagnostics) {
		return Change{}, false
	}
	if !Unwire(ObjectType(p.schemas[at.Type]), answer.PlannedState).IsNull() {
		p.bug(at, "invalid plan", "a destroy that leaves something")
	}
	return Change{Action: Delete, Before: held, Planned: p.schemas.null(at.Type), private: answer.PlannedPrivate, identity: answer.PlannedIdentity}, true
}

// read reads an instance; exists is false when the answer removes it.
func (p planning) read(at Address, held Object) (fresh Object, exists, ok bool) {
	p.meanwhile()
	answer, err := p.server.ReadResource(p.Ctx, &tfprotov6.ReadResourceRequest{
		TypeName: at.Type, CurrentState: Wire(held.Value), Private: held.Private, CurrentIdentity: held.Identity,
	})
	p.noError(err, "read", at)
	if !p.report(at, "read", answer.Diagnostics) {
		return held, true, false
	}
	fresh = held
	fresh.Value, fresh.Private, fresh.Identity = Unwire(ObjectType(p.schemas[at.Type]), answer.NewState), answer.Private, answer.NewIdentity
	if fresh.Value.IsNull() {
		return held, false, true
	}
	p.Check(at, fresh)
	return fresh, true, true
}

// report notes what an answer says, and returns false for an error.
func (p planning) report(at Address, step string, diags []*tfprotov6.Diagnostic) bool {
	problems := problemsOf(at, step, diags)
	p.Problems = append(p.Problems, problems...)
	return !HasErrors(problems)
}

// Import imports an object, as the command import does, and returns what the
// provider says. What does not exist stays out of the state.
func (e *Engine) Import(at Address, request *tfprotov6.ImportResourceStateRequest) []Problem {
	e.T.Helper()
	p := e.newPlan(nil, Command{})
	if fresh, exists := p.importObject(at, request); exists {
		e.State.Current[at] = fresh
		e.Serial++
	}
	return p.Problems
}

func (p planning) importObject(at Address, request *tfprotov6.ImportResourceStateRequest) (fresh Object, exists bool) {
	request.TypeName = at.Type
	answer, err := p.server.ImportResourceState(p.Ctx, request)
	p.noError(err, "import", at)
	if !p.report(at, "import", answer.Diagnostics) {
		return fresh, false
	}
	if len(answer.ImportedResources) != 1 {
		p.bug(at, "an import", "of other than one object")
	}
	made := answer.ImportedResources[0]
	object := Object{Value: Unwire(ObjectType(p.schemas[at.Type]), made.State), Private: made.Private, Identity: made.Identity}
	p.Check(at, object)
	fresh, exists, ok := p.read(at, object)
	return fresh, ok && exists
}

// moves moves an object in the state of the plan, if there is one. A provider
// converts it if the type differs.
func (p planning) moves(to, from Address) (ok bool) {
	moved, exists := p.Prior.Current[from]
	if _, taken := p.Prior.Current[to]; !exists || taken {
		return true
	}
	if to.Type != from.Type {
		raw, err := json.Marshal(goValue(moved.Value))
		p.noError(err, "move", to)
		answer, err := p.server.MoveResourceState(p.Ctx, &tfprotov6.MoveResourceStateRequest{
			SourceProviderAddress: p.Source, SourceTypeName: from.Type, SourceState: &tfprotov6.RawState{JSON: raw},
			SourcePrivate: moved.Private, TargetTypeName: to.Type,
		})
		p.noError(err, "move", to)
		if !p.report(to, "move", answer.Diagnostics) {
			return false
		}
		moved.Value, moved.Private, moved.Identity = Unwire(ObjectType(p.schemas[to.Type]), answer.TargetState), answer.TargetPrivate, answer.TargetIdentity
	}
	delete(p.Prior.Current, from)
	p.Prior.Current[to] = moved
	return true
}

// goValue is a value as encoding/json takes it.
func goValue(value tftypes.Value) any {
	if value.IsNull() {
		return nil
	}
	var (
		text   string
		number big.Float
		truth  bool
		list   []tftypes.Value
		object map[string]tftypes.Value
	)
	switch {
	case value.As(&text) == nil:
		return text
	case value.As(&number) == nil:
		return json.Number(number.Text('f', -1))
	case value.As(&truth) == nil:
		return truth
	case value.As(&list) == nil:
		all := make([]any, 0, len(list))
		for _, element := range list {
			all = append(all, goValue(element))
		}
		return all
	case value.As(&object) == nil:
		all := make(map[string]any, len(object))
		for name, element := range object {
			all[name] = goValue(element)
		}
		return all
	}
	return nil
}
