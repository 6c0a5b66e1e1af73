package provider_test

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// simulated does what Terraform and OpenTofu do with a provider: the same calls in
// the same order, and the same checks of the answers. It follows OpenTofu's
// node_resource_abstract_instance.go, which is nearly Terraform's.
type simulated struct {
	t   failer
	ctx context.Context
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
	return &simulated{
		t: t, ctx: ctx, provider: arguments, pick: func(int) int { return 0 },
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
	server := newServer()
	configure(e.ctx, e.t, server, e.provider)
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

func none(kind string) tftypes.Value { return tftypes.NewValue(resourceType(kind), nil) }

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
