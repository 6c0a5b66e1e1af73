// Package simulated does what Terraform and OpenTofu do with a provider: the same
// calls with the same values in the same order, and the same checks of the answers.
// It needs no process, so a test makes thousands of runs, in every order in which an
// engine may visit its instances.
//
// It knows no provider. Its tests hold it against a real engine: both run the same
// configurations on a small provider that records its calls.
package simulated

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// Failer is what testing.TB has for a run that cannot go on. Fatalf does not return.
type Failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Engine is a workspace: a state, and a provider to run it with.
type Engine struct {
	T   Failer
	Ctx context.Context
	// Start starts and configures a provider, as engines do for each plan and each
	// apply.
	Start func() tfprotov6.ProviderServer
	// Source is the address of the provider in a state.
	Source string
	State  State
	// Serial counts the changes of the state.
	Serial int
	// Pick chooses one of n instances that may come next.
	Pick func(n int) int
	// BeforeApply is called before each change is applied, and returns false to
	// interrupt the apply.
	BeforeApply func(Address) (context.Context, bool)
	// Check is called with each object that the provider returns.
	Check func(Address, Object)

	schemas Schemas
	deposed int
	// meanwhile visits another instance, or none.
	meanwhile func()
}

// New returns an engine with an empty state that visits instances in order.
func New(ctx context.Context, t Failer, schemas Schemas, start func() tfprotov6.ProviderServer) *Engine {
	return &Engine{
		T: t, Ctx: ctx, Start: start, schemas: schemas, State: newState(),
		Pick:        func(int) int { return 0 },
		BeforeApply: func(Address) (context.Context, bool) { return ctx, true },
		Check:       func(Address, Object) {},
		meanwhile:   func() {},
	}
}

// noError fails the test for an error of the protocol; those of a provider are
// diagnostics.
func (e *Engine) noError(err error, what string, at Address) {
	e.T.Helper()
	if err != nil {
		e.T.Fatalf("%s %s: %v", what, at, err)
	}
}

// bug fails the test for what an engine calls a bug in the provider.
func (e *Engine) bug(at Address, what, detail string) {
	e.T.Helper()
	e.T.Fatalf("engine: provider produced %s for %s: %s", what, at, detail)
}

// node is a step of a plan or an apply. What comes after a failed one is skipped.
type node struct {
	visit  func() bool
	after  []*node
	failed bool
}

// walk visits each node after those that it comes after, and otherwise in any
// order. Between two calls of one visit, others may be visited: engines visit ten at a
// time.
func (e *Engine) walk(nodes []*node) {
	e.T.Helper()
	begun, done := make(map[*node]bool), make(map[*node]bool)
	next := func() bool {
		var ready []*node
		for _, n := range nodes {
			if !begun[n] && !slices.ContainsFunc(n.after, func(other *node) bool { return !done[other] }) {
				ready = append(ready, n)
			}
		}
		if len(ready) == 0 {
			return false
		}
		n := ready[e.Pick(len(ready))]
		begun[n] = true
		if n.failed = slices.ContainsFunc(n.after, func(other *node) bool { return other.failed }); !n.failed {
			n.failed = !n.visit()
		}
		done[n] = true
		return true
	}
	e.meanwhile = func() {
		if e.Pick(4) == 1 {
			next()
		}
	}
	for next() {
	}
	e.meanwhile = func() {}
	if len(done) < len(nodes) {
		e.T.Fatalf("the graph has a cycle")
	}
}
