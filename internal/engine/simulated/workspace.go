package simulated

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Address names a resource instance.
type Address struct{ Type, Name string }

func (a Address) String() string { return a.Type + "." + a.Name }

// Compare orders addresses.
func (a Address) Compare(b Address) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
}

// Sorted are the addresses of a map in order.
func Sorted[V any](m map[Address]V) []Address {
	return slices.SortedFunc(maps.Keys(m), Address.Compare)
}

// Object is one instance in a state.
type Object struct {
	Value    tftypes.Value
	Private  []byte
	Identity *tfprotov6.ResourceIdentityData
	Tainted  bool
	// needs are the instances that the configuration referred to: an engine creates
	// an instance after what it needs, and deletes it before that.
	needs []Address
	// createFirst says that the configuration had create_before_destroy.
	createFirst bool
}

// Deposed names an object that create_before_destroy has left to be deleted.
type Deposed struct {
	Address
	key int
}

// State is what an engine stores.
type State struct {
	Current map[Address]Object
	Deposed map[Deposed]Object
}

func newState() State {
	return State{Current: make(map[Address]Object), Deposed: make(map[Deposed]Object)}
}

// Clone returns a copy.
func (s State) Clone() State {
	return State{Current: maps.Clone(s.Current), Deposed: maps.Clone(s.Deposed)}
}

func (s State) sortedDeposed() []Deposed {
	return slices.SortedFunc(maps.Keys(s.Deposed), func(a, b Deposed) int { return cmp.Or(a.Compare(b.Address), cmp.Compare(a.key, b.key)) })
}

// Reference is an argument that refers to an attribute of another instance.
type Reference struct {
	To        Address
	Attribute string
}

// Block is the configuration of one instance.
type Block struct {
	// Arguments are Go values, tftypes.Values and References.
	Arguments map[string]any
	// Later names arguments that are known after apply.
	Later               []string
	CreateBeforeDestroy bool
	IgnoreChanges       []string
	// Import is the id of an import block.
	Import string
	// MovedFrom is the address of a moved block.
	MovedFrom Address
	// Forget makes it a removed block with destroy = false.
	Forget bool
	// ProvisionerFails makes the provisioner of a create fail.
	ProvisionerFails bool
	// DependentFails is another resource that needs this one, is always to be
	// replaced, and cannot be created.
	DependentFails bool
}

// needs are the instances that the block refers to, in order.
func (b Block) needs() []Address {
	all := make(map[Address]bool)
	for _, argument := range b.Arguments {
		if reference, ok := argument.(Reference); ok {
			all[reference.To] = true
		}
	}
	return Sorted(all)
}

// Configuration is the main module.
type Configuration map[Address]Block

// Command is a run of an engine.
type Command struct {
	NoRefresh, RefreshOnly, Destroy bool
	// MinimalRefresh plans before it refreshes, and refreshes and plans again
	// what changes.
	MinimalRefresh bool
	// OrphansFirst plans the destruction of what the configuration no longer names
	// before it refreshes that, as Terraform up to 1.11 does.
	OrphansFirst bool
	// ReadForgotten refreshes what a removed block forgets, as OpenTofu does.
	ReadForgotten bool
	// Replace are the addresses of -replace and replace_triggered_by.
	Replace []Address
	// Target limits the run to one address with what it needs, or with what needs it
	// if the run destroys.
	Target *Address
	// Exclude leaves out an address with what needs it, or with what it needs if
	// the run destroys.
	Exclude *Address
}

// Flags are those of the command line; hcl is how it writes an address.
func (c Command) Flags(hcl func(Address) string) (flags []string) {
	for _, flag := range []struct {
		set  bool
		text string
	}{{c.Destroy, "-destroy"}, {c.NoRefresh, "-refresh=false"}, {c.RefreshOnly, "-refresh-only"}, {c.MinimalRefresh, "-minimal-refresh"}} {
		if flag.set {
			flags = append(flags, flag.text)
		}
	}
	for _, at := range c.Replace {
		flags = append(flags, "-replace="+hcl(at))
	}
	if c.Target != nil {
		flags = append(flags, "-target="+hcl(*c.Target))
	}
	if c.Exclude != nil {
		flags = append(flags, "-exclude="+hcl(*c.Exclude))
	}
	return flags
}

func (c Command) String() string {
	text := strings.Join(append([]string{"apply"}, c.Flags(Address.String)...), " ")
	if c.OrphansFirst {
		text += " (orphans first)"
	}
	if c.ReadForgotten {
		text += " (reads what it forgets)"
	}
	return text
}

// Action is what a plan does with an instance.
type Action int

// The actions of a plan.
const (
	NoOp Action = iota
	Create
	Update
	DeleteThenCreate
	CreateThenDelete
	Delete
	Forget
)

func (a Action) String() string {
	return [...]string{"no-op", "create", "update", "delete then create", "create then delete", "delete", "forget"}[a]
}

// Replaces says whether the action is one of the two replacements.
func (a Action) Replaces() bool { return a == DeleteThenCreate || a == CreateThenDelete }

// Deletes says whether the action destroys the object in the state.
func (a Action) Deletes() bool { return a == Delete || a.Replaces() }

// Change is the planned change of one instance.
type Change struct {
	Action   Action
	Before   Object
	Planned  tftypes.Value
	private  []byte
	identity *tfprotov6.ResourceIdentityData
}

// Problem is a diagnostic of one instance.
type Problem struct {
	At            Address
	Step          string
	Warning       bool
	Summary, Text string
}

// HasErrors says whether one of the problems is an error.
func HasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}

func problemsOf(at Address, step string, diags []*tfprotov6.Diagnostic) []Problem {
	problems := make([]Problem, 0, len(diags))
	for _, d := range diags {
		problems = append(problems, Problem{
			At: at, Step: step, Warning: d.Severity == tfprotov6.DiagnosticSeverityWarning, Summary: d.Summary, Text: d.Detail,
		})
	}
	return problems
}

// Plan is a plan file.
type Plan struct {
	// Prior is the state after the refresh.
	Prior State
	// Serial is that of the state that it was made from. An engine refuses to apply
	// it to another.
	Serial   int
	Config   Configuration
	Changes  map[Address]Change
	Deposed  map[Deposed]Change
	Problems []Problem
	Command  Command
}

// Failed says whether the plan has errors.
func (p Plan) Failed() bool { return HasErrors(p.Problems) }

// Empty says whether there is nothing to apply.
func (p Plan) Empty() bool {
	for _, c := range p.Changes {
		if c.Action != NoOp {
			return false
		}
	}
	return len(p.Deposed) == 0
}

// Outcome is the result of an apply.
type Outcome struct {
	Problems []Problem
	// Done are the instances whose change was applied without an error.
	Done map[Address]Action
	// Skipped says that an interrupt or a failed dependency kept something from
	// being applied.
	Skipped bool
}

// Failed says whether the apply had errors.
func (o Outcome) Failed() bool { return HasErrors(o.Problems) }
