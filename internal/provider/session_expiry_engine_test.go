package provider_test

import (
	"math/big"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// instance is what an engine keeps of one resource instance.
type instance struct {
	state    tftypes.Value
	private  []byte
	identity *tfprotov6.ResourceIdentityData
}

// proposal is a plan of one instance, as a plan file holds it.
type proposal struct {
	// prior is the instance after the plan's refresh.
	prior   instance
	planned tftypes.Value
	// config is what apply knows in full.
	config   tftypes.Value
	warnings string
}

func (p proposal) creates() bool { return p.prior.state.IsNull() }
func (p proposal) empty() bool   { return p.planned.Equal(p.prior.state) }

// refresh reads an instance; problem is the error, if there was one.
func (p *protocol) refresh(server tfprotov6.ProviderServer, old instance) (fresh instance, warnings, problem string) {
	p.t.Helper()
	if old.state.IsNull() {
		return old, "", ""
	}
	sessionID := text(old.state, "session_id")
	resp, err := server.ReadResource(p.ctx, &tfprotov6.ReadResourceRequest{
		TypeName: expiryType, CurrentState: p.wire(old.state), Private: old.private, CurrentIdentity: old.identity,
	})
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	warnings = diagnostics(resp.Diagnostics, tfprotov6.DiagnosticSeverityWarning)
	if problem = diagnostics(resp.Diagnostics, tfprotov6.DiagnosticSeverityError); problem != "" {
		return old, warnings, problem
	}
	p.identifies(resp.NewIdentity, sessionID)
	return instance{p.unwire(resp.NewState), resp.Private, resp.NewIdentity}, warnings, ""
}

// plan plans an instance for a configuration in which planConfig leaves unknown
// what only apply knows.
func (p *protocol) plan(server tfprotov6.ProviderServer, prior instance, planConfig, config tftypes.Value) (made proposal, problem string) {
	p.t.Helper()
	planned, _, warnings, problem := p.planChange(server, prior, planConfig)
	return proposal{prior: prior, planned: planned, config: config, warnings: warnings}, problem
}

func (p *protocol) planChange(server tfprotov6.ProviderServer, prior instance, config tftypes.Value) (planned tftypes.Value, private []byte, warnings, problem string) {
	p.t.Helper()
	resp, err := server.PlanResourceChange(p.ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: expiryType, PriorState: p.wire(prior.state), PriorPrivate: prior.private, PriorIdentity: prior.identity,
		Config: p.wire(config), ProposedNewState: p.wire(p.proposed(prior.state, config)),
	})
	if err != nil {
		p.t.Fatalf("plan: %v", err)
	}
	warnings = diagnostics(resp.Diagnostics, tfprotov6.DiagnosticSeverityWarning)
	if problem = diagnostics(resp.Diagnostics, tfprotov6.DiagnosticSeverityError); problem != "" {
		return planned, nil, warnings, problem
	}
	planned = p.unwire(resp.PlannedState)
	for name := range p.types.expiry.AttributeTypes {
		if value := member(config, name); !value.IsNull() && !value.Equal(member(planned, name)) {
			p.t.Fatalf("engine: provider produced invalid plan: %s is %s, configured %s", name, member(planned, name), value)
		}
	}
	return planned, resp.PlannedPrivate, warnings, ""
}

// proposed merges configuration and prior state, as engines do before they ask:
// computed attributes that are not configured keep their values.
func (p *protocol) proposed(prior, config tftypes.Value) tftypes.Value {
	merged := make(attributes)
	for name, attributeType := range p.types.expiry.AttributeTypes {
		merged[name] = member(config, name)
		computed := name == "id" || name == "expires_at" || name == "renew_at" || name == "active" || name == "delete_on_destroy"
		if computed && merged[name].IsNull() {
			merged[name] = tftypes.NewValue(attributeType, nil)
			if !prior.IsNull() {
				merged[name] = member(prior, name)
			}
		}
	}
	return p.expiry(merged)
}

// apply applies a proposal the way engines do: an update is planned a second
// time, from the same prior state, and everything that was known has to be the
// same. It returns what the state holds afterwards.
func (p *protocol) apply(made proposal) (after instance, problem string) {
	p.t.Helper()
	if made.empty() {
		return made.prior, ""
	}
	server := p.phase()
	final, private, _, problem := p.planChange(server, made.prior, made.config)
	if problem != "" {
		return made.prior, problem
	}
	p.compatible("final plan", made.planned, final)
	if final.Equal(made.prior.state) {
		return made.prior, "" // An update that turned out to be none.
	}
	resp, err := server.ApplyResourceChange(p.ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: expiryType, PriorState: p.wire(made.prior.state), PlannedState: p.wire(final), Config: p.wire(made.config),
		PlannedPrivate: private, PlannedIdentity: made.prior.identity,
	})
	if err != nil {
		p.t.Fatalf("apply: %v", err)
	}
	problem = diagnostics(resp.Diagnostics, tfprotov6.DiagnosticSeverityError)
	after = instance{p.unwire(resp.NewState), resp.Private, resp.NewIdentity}
	switch {
	case problem != "" && made.creates() && !after.state.IsNull():
		p.t.Fatalf("engine: the instance is tainted: %s", problem)
	case problem == "":
		p.compatible("result after apply", final, after.state)
		if !after.state.IsFullyKnown() {
			p.t.Fatalf("engine: unknown value after apply: %s", after.state)
		}
		p.identifies(after.identity, text(made.config, "session_id"))
	}
	return after, problem
}

// compatible checks that what was known did not change.
func (p *protocol) compatible(what string, promised, actual tftypes.Value) {
	p.t.Helper()
	for name := range p.types.expiry.AttributeTypes {
		was, is := member(promised, name), member(actual, name)
		if was.IsFullyKnown() && !was.Equal(is) {
			p.t.Fatalf("engine: provider produced inconsistent %s: %s was %s, is %s", what, name, was, is)
		}
	}
}

// seconds is a number of an attribute that is neither null nor unknown.
func seconds(value tftypes.Value) int64 {
	var number big.Float
	if err := value.As(&number); err != nil {
		panic(err)
	}
	whole, _ := number.Int64()
	return whole
}
