package simulated_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/engine/simulated"
)

// testEngine is the real engine to compare with.
var testEngine engine.Engine

func TestMain(m *testing.M) {
	engine.RunTests(m, func(ctx context.Context, _ string) (err error) {
		testEngine, err = engine.Find(ctx)
		return err
	})
}

type (
	address       = simulated.Address
	block         = simulated.Block
	command       = simulated.Command
	configuration = simulated.Configuration
)

// step is one run, and what happens before it.
type step struct {
	config configuration
	how    command
	// taint is an address; gone are objects that something else deletes.
	taint *address
	gone  []string
}

// thing is a block of one of the two types.
func thing(name string, arguments ...any) block {
	b := block{Arguments: map[string]any{"name": name, "key": "k"}}
	for i := 0; i+1 < len(arguments); i += 2 {
		b.Arguments[arguments[i].(string)] = arguments[i+1] //nolint:forcetypeassert // names
	}
	return b
}

func createFirst(b block) block {
	b.CreateBeforeDestroy = true
	return b
}

// uidOf refers to the id that another instance gets when it is created.
func uidOf(at address) simulated.Reference { return simulated.Reference{To: at, Attribute: "uid"} }

var (
	a = address{Type: "tiny_one", Name: "a"}
	b = address{Type: "tiny_one", Name: "b"}
	c = address{Type: "tiny_one", Name: "c"}
	d = address{Type: "tiny_two", Name: "d"}
)

// of is a configuration of pairs of address and block.
func of(pairs ...any) configuration {
	config := make(configuration)
	for i := 0; i+1 < len(pairs); i += 2 {
		config[pairs[i].(address)] = pairs[i+1].(block) //nolint:forcetypeassert // pairs
	}
	return config
}

func changed(of block, change func(*block)) block {
	of.Arguments = maps.Clone(of.Arguments)
	change(&of)
	return of
}

// stories are what an engine can do with an instance and its dependents.
var stories = map[string][]step{
	"create, update, nothing, destroy": {
		{config: of(a, thing("a"), b, thing("b", "size", 1))},
		{config: of(a, thing("a", "size", 2), b, thing("b", "size", 1))},
		{config: of(a, thing("a", "size", 2), b, thing("b", "size", 1))},
		{config: of(a, thing("a", "size", 2), b, thing("b", "size", 1)), how: command{Destroy: true}},
	},
	"replace": {
		{config: of(a, thing("a"), b, thing("b", "key", uidOf(a)))},
		{config: of(a, thing("a", "key", "l"), b, thing("b", "key", uidOf(a)))},
		{config: of(a, thing("a", "key", "l"), b, thing("b", "key", uidOf(a))), how: command{Replace: []address{b}}},
		{config: of(a, thing("a", "key", "l")), how: command{NoRefresh: true}},
		{},
	},
	"replace, create first": {
		{config: of(a, thing("a"), b, createFirst(thing("b", "key", uidOf(a))))},
		{config: of(a, thing("a", "key", "l"), b, createFirst(thing("b", "key", uidOf(a))))},
		{config: of(a, thing("a", "key", "l"), b, createFirst(thing("b", "key", uidOf(a)))), how: command{Replace: []address{a}}},
		{config: of(a, thing("a", "key", "l"), b, createFirst(thing("b", "key", uidOf(a)))), how: command{Destroy: true, NoRefresh: true}},
	},
	"update of a dependent": {
		{config: of(a, createFirst(thing("a")), b, thing("b", "fails", uidOf(a)))},
		{config: of(a, createFirst(thing("a", "key", "l")), b, thing("b", "fails", uidOf(a)))},
		{config: of(a, createFirst(thing("a", "key", "l")))},
	},
	"removed dependent of a replaced one": {
		{config: of(a, thing("a"), b, thing("b", "key", uidOf(a)))},
		{config: of(a, thing("a", "key", "l"))},
	},
	"removed and needed no more": {
		{config: of(a, createFirst(thing("a")), b, thing("b", "key", uidOf(a)), c, thing("c"), d, thing("d", "key", uidOf(c)))},
		{config: of(b, thing("b"), d, thing("d"))},
	},
	"create first from now on": {
		{config: of(a, thing("a"), b, thing("b", "key", uidOf(a)))},
		{config: of(a, createFirst(thing("a", "key", "l")), b, thing("b", "key", uidOf(a)))},
		{config: of(a, thing("a"), b, thing("b", "key", uidOf(a)))},
	},
	"known after apply": {
		{config: of(a, changed(thing("a"), func(b *block) { b.Later = []string{"key"} }))},
		{config: of(a, changed(thing("a"), func(b *block) { b.Later = []string{"key"} }))},
		{config: of(a, changed(thing("a", "size", 3), func(b *block) { b.Later = []string{"size"} }))},
		{config: of(a, changed(thing("a", "size", 3), func(b *block) { b.Later = []string{"size"} }))},
	},
	"gone": {
		{config: of(a, thing("a"), b, thing("b"), c, createFirst(thing("c")))},
		{config: of(a, thing("a"), c, createFirst(thing("c"))), gone: []string{"a1", "b1"}, how: command{RefreshOnly: true}},
		{config: of(a, thing("a"), c, createFirst(thing("c"))), gone: []string{"c1"}},
		{config: of(a, thing("a"), c, createFirst(thing("c"))), gone: []string{"a2"}, how: command{NoRefresh: true}},
		{how: command{Destroy: true}, config: of(a, thing("a"), c, createFirst(thing("c")))},
	},
	"orphan": {
		{config: of(a, thing("a"), b, thing("b"))},
		{config: of(b, thing("b"))},
		{gone: []string{"b1"}},
	},
	"taint": {
		{config: of(a, thing("a"), b, createFirst(thing("b")))},
		{config: of(a, thing("a"), b, createFirst(thing("b"))), taint: &a},
		{config: of(a, thing("a"), b, createFirst(thing("b", "size", 1))), taint: &b},
		{config: of(a, thing("a"), b, createFirst(thing("b", "size", 1))), taint: &a, how: command{NoRefresh: true}},
		{config: of(b, createFirst(thing("b", "size", 1))), taint: &a},
	},
	"failures": {
		{config: of(a, thing("a", "fails", "create"), b, thing("b", "key", uidOf(a)), c, thing("c"))},
		{config: of(a, thing("a"), b, thing("b", "key", uidOf(a)), c, thing("c", "fails", "update"))},
		{config: of(a, thing("a", "fails", "delete"), b, thing("b", "key", uidOf(a)), c, thing("c"))},
		{config: of(b, thing("b"), c, thing("c", "fails", "plan"))},
		{config: of(b, thing("b"), c, thing("c"))},
		{config: of(c, thing("c"))},
	},
	"half made": {
		{config: of(a, thing("a", "fails", "half-made"), b, createFirst(thing("b", "fails", "half-made")))},
		{config: of(a, thing("a", "fails", "half-made"), b, createFirst(thing("b", "fails", "half-made")))},
		{config: of(a, thing("a"), b, createFirst(thing("b")))},
	},
	"deposed": {
		{config: of(a, createFirst(thing("a")))},
		{config: of(a, changed(createFirst(thing("a", "key", "l")), func(b *block) { b.DependentFails = true }))},
		{config: of(a, createFirst(thing("a", "key", "l"))), how: command{RefreshOnly: true}},
		{config: of(a, createFirst(thing("a", "key", "l")))},
		{config: of(a, createFirst(thing("a", "key", "l")))},
	},
	"deposed twice": {
		{config: of(a, createFirst(thing("a")))},
		{config: of(a, changed(createFirst(thing("a", "key", "l")), func(b *block) { b.ProvisionerFails = true }))},
		{config: of(a, changed(createFirst(thing("a", "key", "l")), func(b *block) { b.ProvisionerFails = true }))},
		{config: of(a, createFirst(thing("a", "key", "l")))},
	},
	"deposed and destroyed": {
		{config: of(a, createFirst(thing("a")))},
		{config: of(a, changed(createFirst(thing("a", "key", "l")), func(b *block) { b.DependentFails = true }))},
		{config: of(a, createFirst(thing("a", "key", "l"))), how: command{Destroy: true}},
	},
	"deposed is gone": {
		{config: of(a, createFirst(thing("a")))},
		{config: of(a, changed(createFirst(thing("a", "key", "l")), func(b *block) { b.DependentFails = true }))},
		{config: of(a, createFirst(thing("a", "key", "l"))), gone: []string{"a1"}},
	},
	"failed successor": {
		{config: of(a, createFirst(thing("a")))},
		{config: of(a, createFirst(thing("a", "key", "l", "fails", "create")))},
		{config: of(a, createFirst(thing("a")))},
	},
	"ignored changes": {
		{config: of(a, thing("a"), b, thing("b", "size", 1))},
		{config: of(
			a, changed(thing("a", "key", "l"), func(b *block) { b.IgnoreChanges = []string{"key"} }),
			b, changed(thing("b", "size", 2, "key", "l"), func(b *block) { b.IgnoreChanges = []string{"size"} }))},
	},
	"import": {
		{config: of(a, changed(thing("a"), func(b *block) { b.Import = "a" }), b, changed(thing("b", "size", 3), func(b *block) { b.Import = "b" }))},
		{config: of(a, thing("a"), b, thing("b"), c, changed(thing("c", "key", "l"), func(b *block) { b.Import = "c" }))},
	},
	"forget": {
		{config: of(a, thing("a"), b, thing("b"))},
		{config: of(a, block{Forget: true}, b, thing("b"))},
		{config: of(b, block{Forget: true}), how: command{NoRefresh: true}},
	},
	"move": {
		{config: of(a, thing("a"))},
		{config: of(b, changed(thing("a"), func(b *block) { b.MovedFrom = a }))},
		{config: of(d, changed(thing("a", "size", 1), func(x *block) { x.MovedFrom = b }))},
	},
	"target": {
		{config: of(a, thing("a"), b, thing("b", "key", uidOf(a)), c, thing("c"))},
		{config: of(a, thing("a", "size", 1), b, thing("b", "key", uidOf(a), "size", 1), c, thing("c", "size", 1)), how: command{Target: &b}},
		{config: of(a, thing("a"), b, thing("b", "key", uidOf(a))), how: command{Target: &a}},
		{config: of(a, thing("a"), b, thing("b", "key", uidOf(a))), how: command{Target: &c}},
		{config: of(a, thing("a"), b, thing("b", "key", uidOf(a))), how: command{Target: &a, Destroy: true}},
	},
}

// TestEngine_MakesTheCallsOfARealOne runs each story with both.
func TestEngine_MakesTheCallsOfARealOne(t *testing.T) {
	t.Parallel()
	for name, steps := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare(t, steps)
		})
	}
}

// TestEngine_MakesTheCallsOfARealOneInAnyLife runs random steps with both.
func TestEngine_MakesTheCallsOfARealOneInAnyLife(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			compare(t, randomSteps(rand.New(rand.NewPCG(seed, 1)))) // #nosec G404 -- to be repeatable
		})
	}
}

// randomSteps are edits of up to four instances and the runs after them.
func randomSteps(rng *rand.Rand) (steps []step) {
	one := func(of ...any) any { return of[rng.IntN(len(of))] }
	config := make(configuration)
	for range 5 {
		s := step{}
		for range 1 + rng.IntN(2) {
			at := one(a, b, c).(address) //nolint:forcetypeassert // addresses
			said := thing(at.Name, "key", one("k", "k", "l"), "size", one(1, 2), "fails", one("", "", "", "", "create", "half-made", "update"))
			said.CreateBeforeDestroy = rng.IntN(3) == 0
			said.ProvisionerFails = rng.IntN(8) == 0
			said.DependentFails = rng.IntN(8) == 0
			if earlier := map[address]address{b: a, c: b}[at]; rng.IntN(2) == 0 {
				if _, configured := config[earlier]; configured {
					said.Arguments["key"] = uidOf(earlier)
				}
			}
			switch rng.IntN(6) {
			case 0:
				said.Later = []string{one("key", "size").(string)} //nolint:forcetypeassert // names
			case 1:
				said.IgnoreChanges = []string{one("key", "size").(string)} //nolint:forcetypeassert // names
			}
			config[at] = said
			if rng.IntN(4) == 0 {
				remove(config, at)
			}
		}
		switch rng.IntN(8) {
		case 0:
			s.how.NoRefresh = true
		case 1:
			s.how.RefreshOnly = true
		case 2:
			s.how.Destroy = true
		case 3:
			if at := simulated.Sorted(config); len(at) > 0 {
				s.how.Replace = at[:1]
			}
		case 4:
			s.gone = []string{one("a1", "b1", "c1").(string)} //nolint:forcetypeassert // names
		}
		s.config = maps.Clone(config)
		steps = append(steps, s)
	}
	return steps
}

func remove(config configuration, at address) {
	delete(config, at)
	for other, said := range config {
		if said.Arguments["key"] == any(uidOf(at)) {
			remove(config, other)
		}
	}
}

func compare(t *testing.T, steps []step) {
	t.Helper()
	simulation, reality := newSimulation(t), newReality(t)
	for i, s := range steps {
		s.how.OrphansFirst = testEngine.Name == engine.Terraform && strings.HasPrefix(testEngine.Version, "1.11.")
		s.how.ReadForgotten = testEngine.Name == engine.OpenTofu
		simulation.calls, reality.calls = nil, nil
		for _, uid := range s.gone {
			simulation.gone[uid], reality.gone[uid] = true, true
		}
		want, failed, output := reality.run(s, i)
		leftovers := simulation.leftovers()
		got := simulation.run(s)
		if got != failed {
			t.Errorf("run %d failed: %t, the real engine: %t", i, got, failed)
		}
		expectCalls(t, simulation.calls, want, s.config, leftovers)
		if t.Failed() {
			t.Fatalf("run %d: %s\n%s\n--- the engine:\n%s", i, s.how, s.config.HCL(i), output)
		}
	}
}

// expectCalls compares the calls for each object, and the order in which the changes
// of instances that refer to each other are applied. An engine visits deposed objects
// in any order.
func expectCalls(t *testing.T, got, want []call, config configuration, deposed map[string]bool) {
	t.Helper()
	objects := make(map[[2]string]bool)
	for _, each := range slices.Concat(got, want) {
		objects[[2]string{each.name, each.uid}] = true
	}
	expect := func(what string, of func(call) bool) {
		t.Helper()
		g, w := lines(got, of), lines(want, of)
		if g != w {
			t.Errorf("%s\n--- simulated:\n%s\n--- the engine:\n%s", what, g, w)
		}
	}
	for object := range objects {
		expect("calls for "+object[0]+" "+object[1], func(c call) bool { return c.name == object[0] && c.uid == object[1] })
	}
	for at, said := range config {
		to, ok := said.Arguments["key"].(simulated.Reference)
		if !ok {
			continue
		}
		of := func(c call) bool {
			return c.step == "apply" && !deposed[c.uid] && (c.name == at.Name || c.name == to.To.Name)
		}
		expect("order of "+at.Name+" and "+to.To.Name, func(c call) bool { return of(c) && (!c.destroys() || c.name == to.To.Name) })
		expect("order of the ends of "+at.Name+" and "+to.To.Name, func(c call) bool { return of(c) && c.destroys() })
	}
}

func (c call) destroys() bool { return strings.HasSuffix(c.text, "} null null") }

func lines(calls []call, of func(call) bool) string {
	var out []string
	for _, each := range calls {
		if of(each) {
			out = append(out, each.name+": "+each.text)
		}
	}
	return strings.Join(out, "\n")
}

// simulation is a workspace of the simulated engine.
type simulation struct {
	*simulated.Engine
	*world
}

func newSimulation(t *testing.T) simulation {
	t.Helper()
	w := newWorld()
	return simulation{simulated.New(t.Context(), t, tinySchemas, func() tfprotov6.ProviderServer { return &tiny{world: w} }), w}
}

// leftovers are the ids of the deposed objects.
func (s simulation) leftovers() map[string]bool {
	uids := make(map[string]bool)
	for _, o := range s.State.Deposed {
		uids[text(o.Value, "uid")] = true
	}
	return uids
}

func (s simulation) run(now step) (failed bool) {
	if now.taint != nil {
		held := s.State.Current[*now.taint]
		held.Tainted = true
		s.State.Current[*now.taint] = held
	}
	p := s.Plan(now.config, now.how)
	return p.Failed() || s.Apply(p).Failed()
}

// reality is a folder of a real engine.
type reality struct {
	*world
	t *testing.T
	engine.Workspace
}

func newReality(t *testing.T) reality {
	t.Helper()
	return reality{newWorld(), t, engine.Workspace{Engine: testEngine, Dir: t.TempDir(), Env: engine.Environ(os.DevNull)}}
}

func (r reality) run(now step, number int) (calls []call, failed bool, output string) {
	r.t.Helper()
	if now.taint != nil {
		r.exec("taint", now.taint.HCL())
	}
	r.calls = nil
	if err := os.WriteFile(filepath.Join(r.Dir, "main.tf"), []byte(now.config.HCL(number)), 0o600); err != nil {
		r.t.Fatal(err)
	}
	output, failed = r.exec(append([]string{"apply", "-input=false", "-auto-approve", "-parallelism=1"}, now.how.Flags(address.HCL)...)...)
	return r.calls, failed, output
}

func (r reality) exec(args ...string) (output string, failed bool) {
	r.t.Helper()
	reattach, stop := engine.ServeProviders(r.t, r.Engine, map[string]func() tfprotov6.ProviderServer{
		"hashicorp/tiny": func() tfprotov6.ProviderServer { return &tiny{world: r.world} },
	})
	defer stop()
	output, err := r.In(r.Dir, "TF_REATTACH_PROVIDERS="+reattach).Run(r.t.Context(), args...)
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return output, err != nil
}
