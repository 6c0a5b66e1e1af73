package provider_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
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

// object is one instance in a state.
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
func (o object) active() bool { return !is(member(o.value, "active"), false) }

// deletes says whether its destruction deletes the session.
func (o object) deletes() bool { return !is(member(o.value, "delete_on_destroy"), false) }

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

// sessionID is empty for a reference.
func (b block) sessionID() string {
	id, _ := b.arguments["session_id"].(string)
	return id
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

// flags are those of the command line.
func (c command) flags() (flags []string) {
	for _, flag := range []string{"-destroy", "-refresh=false", "-refresh-only"} {
		if map[string]bool{"-destroy": c.destroy, "-refresh=false": c.noRefresh, "-refresh-only": c.refreshOnly}[flag] {
			flags = append(flags, flag)
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

// change is the planned change of one instance.
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

func problemsOf(at address, step string, diags []*tfprotov6.Diagnostic) []problem {
	problems := make([]problem, 0, len(diags))
	for _, d := range diags {
		problems = append(problems, problem{
			at: at, step: step, warning: d.Severity == tfprotov6.DiagnosticSeverityWarning, summary: d.Summary, text: d.Detail,
		})
	}
	return problems
}
