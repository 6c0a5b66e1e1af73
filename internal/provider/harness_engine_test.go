package provider_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

// address names a resource instance.
type address struct{ kind, name string }

func (a address) String() string { return a.kind + "." + a.name }

func compareAddresses(a, b address) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
}

func sorted[V any](m map[address]V) []address {
	return slices.SortedFunc(maps.Keys(m), compareAddresses)
}

func values[V any](m map[address]V) []V { return slices.Collect(maps.Values(m)) }

// object is what a state holds of one instance.
type object struct {
	value    tftypes.Value
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	tainted  bool
	// needs is the palabra_session that the configuration referred to: an engine
	// creates an instance after what it needs, and deletes it before that.
	needs string
}

func (o object) id() string { return text(o.value, "id") }

// active is true for a state that does not say.
func (o object) active() bool { return !member(o.value, "active").Equal(boolOf(false)) }

// deletes says whether its destruction deletes the session.
func (o object) deletes() bool { return !member(o.value, "delete_on_destroy").Equal(boolOf(false)) }

func (o object) String() string {
	var all map[string]tftypes.Value
	if o.value.IsNull() || o.value.As(&all) != nil {
		return "null"
	}
	return brief(all)
}

// snapshot is a state. Deposed are the objects that create_before_destroy has
// left to be deleted.
type snapshot struct {
	current, deposed map[address]object
}

func (s snapshot) clone() snapshot {
	return snapshot{current: maps.Clone(s.current), deposed: maps.Clone(s.deposed)}
}

// block is the configuration of one instance.
type block struct {
	arguments attributes
	// later names arguments that are known after apply.
	later []string
	// needs names the palabra_session instance whose id is the session_id.
	needs               string
	createBeforeDestroy bool
}

type configuration map[address]block

// command is a run of an engine.
type command struct {
	noRefresh, refreshOnly, destroy bool
	// minimalRefresh plans before it refreshes, and refreshes and plans again
	// what changes.
	minimalRefresh bool
	// orphansFirst plans the destruction of what the configuration no longer names
	// before it refreshes that, as Terraform up to 1.11 does.
	orphansFirst bool
	// replace are the addresses of -replace and replace_triggered_by.
	replace []address
	// target limits the run to one address and what needs it.
	target *address
}

// flags are what a person types for it.
func (c command) flags() (flags []string) {
	for _, flag := range []struct {
		set  bool
		name string
	}{{c.destroy, "-destroy"}, {c.noRefresh, "-refresh=false"}, {c.refreshOnly, "-refresh-only"}} {
		if flag.set {
			flags = append(flags, flag.name)
		}
	}
	for _, at := range c.replace {
		flags = append(flags, "-replace="+hclAddress(at))
	}
	if c.target != nil {
		flags = append(flags, "-target="+hclAddress(*c.target))
	}
	return flags
}

func (c command) String() string {
	text := "apply " + strings.Join(c.flags(), " ")
	if c.minimalRefresh {
		text += " -minimal-refresh"
	}
	if c.orphansFirst {
		text += " (orphans first)"
	}
	return text
}

type action int

const (
	noOp action = iota
	create
	update
	deleteThenCreate
	createThenDelete
	destroyOnly
)

func (a action) String() string {
	return [...]string{"no-op", "create", "update", "delete then create", "create then delete", "delete"}[a]
}

func (a action) deletes() bool {
	return a == deleteThenCreate || a == createThenDelete || a == destroyOnly
}
func (a action) replaces() bool { return a == deleteThenCreate || a == createThenDelete }

// change is what a plan holds of one instance.
type change struct {
	action   action
	before   object
	planned  tftypes.Value
	private  []byte
	identity *tfprotov6.ResourceIdentityData
}

// writes says whether the plan leaves the expiry to apply.
func (c change) writes() bool {
	return !c.planned.IsNull() && !member(c.planned, "expires_at").IsKnown()
}

// problem is a diagnostic of one instance.
type problem struct {
	at            address
	step          string
	warning       bool
	summary, text string
}

// plannedRun is a plan file.
type plannedRun struct {
	prior snapshot
	// stored is the serial of the state that it was made from. An engine refuses
	// to apply it to another.
	stored   int
	config   configuration
	changes  map[address]change
	deposed  map[address]change
	problems []problem
	command  command
}

func (p plannedRun) failed() bool { return hasErrors(p.problems) }

func (p plannedRun) empty() bool {
	return len(p.deposed) == 0 && !slices.ContainsFunc(values(p.changes), func(c change) bool { return c.action != noOp })
}

func hasErrors(problems []problem) bool {
	return slices.ContainsFunc(problems, func(p problem) bool { return !p.warning })
}

// simulated does what Terraform and OpenTofu do with a provider: the same calls in
// the same order, and the same checks of the answers. It follows OpenTofu's
// node_resource_abstract_instance.go, which is nearly Terraform's.
type simulated struct {
	t       failer
	ctx     context.Context
	schemas schemas
	// provider are the arguments of the provider block.
	provider attributes
	// server is the provider of every walk; nil means a new one for each.
	server tfprotov6.ProviderServer
	state  snapshot
	// serial counts the changes of the state.
	serial int
	// pick chooses one of n instances that may come next.
	pick func(n int) int
	// beforeApply is called before each change is applied, and returns false to
	// interrupt the apply.
	beforeApply func(address) (context.Context, bool)
}

func newSimulated(ctx context.Context, t failer, arguments attributes) *simulated {
	t.Helper()
	read, err := readSchemas()
	if err != nil {
		t.Fatalf("schemas: %v", err)
	}
	return &simulated{
		t: t, ctx: ctx, schemas: read, provider: arguments, pick: func(int) int { return 0 },
		state: snapshot{current: make(map[address]object), deposed: make(map[address]object)},
	}
}

// start starts and configures a provider, as an engine does for each plan and
// each apply.
func (e *simulated) start() tfprotov6.ProviderServer {
	e.t.Helper()
	if e.server != nil {
		return e.server
	}
	server := providerserver.NewProtocol6(provider.New("test")())()
	config := e.must(objectOf(e.schemas.provider, e.provider))
	resp, err := server.ConfigureProvider(e.ctx, &tfprotov6.ConfigureProviderRequest{Config: e.wire(config)})
	e.noError(err, "configure")
	if text := diagnostics(resp.Diagnostics, tfprotov6.DiagnosticSeverityError); text != "" {
		e.t.Fatalf("configure: %s", text)
	}
	return server
}

// noError fails the test for an error of the protocol; those of a provider are
// diagnostics.
func (e *simulated) noError(err error, what string, of ...any) {
	e.t.Helper()
	if err != nil {
		e.t.Fatalf("%s %v: %v", what, of, err)
	}
}

func (e *simulated) must(value tftypes.Value, err error) tftypes.Value {
	e.t.Helper()
	e.noError(err, "value")
	return value
}

func (e *simulated) wire(value tftypes.Value) *tfprotov6.DynamicValue {
	e.t.Helper()
	dynamic, err := tfprotov6.NewDynamicValue(value.Type(), value)
	e.noError(err, "marshal")
	return &dynamic
}

func (e *simulated) unwire(kind string, dynamic *tfprotov6.DynamicValue) tftypes.Value {
	e.t.Helper()
	if dynamic == nil {
		return e.none(kind)
	}
	return e.must(dynamic.Unmarshal(e.schemas.resources[kind].object))
}

func (e *simulated) none(kind string) tftypes.Value {
	return tftypes.NewValue(e.schemas.resources[kind].object, nil)
}

// walk visits each node after those that it comes after, and otherwise in any
// order.
func (e *simulated) walk(nodes []*node) {
	e.t.Helper()
	done := make(map[*node]bool)
	for len(done) < len(nodes) {
		var ready []*node
		for _, n := range nodes {
			if !done[n] && !slices.ContainsFunc(n.after, func(other *node) bool { return !done[other] }) {
				ready = append(ready, n)
			}
		}
		if len(ready) == 0 {
			e.t.Fatalf("the graph has a cycle")
		}
		next := ready[e.pick(len(ready))]
		done[next] = true
		if next.failed = slices.ContainsFunc(next.after, func(other *node) bool { return other.failed }); !next.failed {
			next.failed = !next.visit()
		}
	}
}

// node is a step of a plan or an apply. What comes after a failed one is skipped.
type node struct {
	at     address
	visit  func() bool
	after  []*node
	failed bool
}

func problemsOf(at address, step string, diags []*tfprotov6.Diagnostic) []problem {
	problems := make([]problem, 0, len(diags))
	for _, d := range diags {
		problems = append(problems, problem{
			at: at, step: step, warning: d.Severity == tfprotov6.DiagnosticSeverityWarning, summary: d.Summary, text: d.Detail,
		})
	}
	return problems
}
