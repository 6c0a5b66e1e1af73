package provider

import (
	"context"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine/simulated"
)

// providerSchemas are read once.
var providerSchemas = sync.OnceValue(func() *tfprotov6.GetProviderSchemaResponse {
	return must(newTestServer().GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{}))
})

// must is for calls whose error would be a fault of the test.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// eachRow runs the rows of a table as parallel subtests.
func eachRow[T any](t *testing.T, rows map[string]T, run func(t *testing.T, row T)) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, row)
		})
	}
}

func expectEqual[T comparable](t failer, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func resourceType(kind string) tftypes.Object {
	return objectType(providerSchemas().ResourceSchemas[kind])
}

// attributes are those of an object, as Go values or as tftypes.Values. What is
// missing is null.
type attributes = map[string]any

// text is a string attribute of an object; empty where it is null or unknown.
func text(object tftypes.Value, name string) string { return stringOf(member(object, name)) }

func stringOf(value tftypes.Value) (s string) {
	_ = value.As(&s) // An unknown value leaves it empty.
	return s
}

// is says whether a value is that boolean: neither null nor unknown.
func is(value tftypes.Value, want bool) bool {
	return value.Equal(tftypes.NewValue(tftypes.Bool, want))
}

// secondsOf is a number that is neither null nor unknown.
func secondsOf(value tftypes.Value) int64 {
	var number big.Float
	whole, _ := must(&number, value.As(&number)).Int64()
	return whole
}

var identityType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"session_id": tftypes.String}}

func identityOf(sessionID string) *tfprotov6.ResourceIdentityData {
	id := tftypes.NewValue(tftypes.String, sessionID)
	return &tfprotov6.ResourceIdentityData{IdentityData: wire(tftypes.NewValue(identityType, map[string]tftypes.Value{"session_id": id}))}
}

// expectIdentity fails the test now unless the answer has the identity of that
// session: engines refuse one without.
func expectIdentity(t failer, identity *tfprotov6.ResourceIdentityData, sessionID string) {
	t.Helper()
	if identity == nil || text(unwire(identityType, identity.IdentityData), "session_id") != sessionID {
		t.Fatalf("identity: %+v, want that of session %q", identity, sessionID)
	}
}

// failer is what *testing.T and a breaker have in common.
type failer interface {
	simulated.Failer
	Errorf(format string, args ...any)
}

// says is whether a text contains every part.
func says(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

// diagnosticText is the whole text of diagnostics, as one line.
func diagnosticText(diags []*tfprotov6.Diagnostic) string {
	var lines []string
	for _, d := range diags {
		lines = append(lines, d.Severity.String()+": "+d.Summary+": "+d.Detail)
	}
	return unwrap(strings.Join(lines, " "))
}

func isError(d *tfprotov6.Diagnostic) bool { return d.Severity == tfprotov6.DiagnosticSeverityError }

// expectError expects an error, and every part in the text.
func expectError(t *testing.T, diags []*tfprotov6.Diagnostic, parts ...string) {
	t.Helper()
	if said := diagnosticText(diags); !slices.ContainsFunc(diags, isError) || !says(said, parts...) {
		t.Errorf("%s\nwant an error, and each of %q", said, parts)
	}
}

func expectNone(t *testing.T, diags []*tfprotov6.Diagnostic) {
	t.Helper()
	expectWarnings(t, diags, 0)
}

// expectWarnings expects that many warnings, and nothing else.
func expectWarnings(t *testing.T, diags []*tfprotov6.Diagnostic, want int) {
	t.Helper()
	if len(diags) != want || slices.ContainsFunc(diags, isError) {
		t.Errorf("want %d warnings and nothing else: %s", want, diagnosticText(diags))
	}
}

// The simulated engine's own names, which most tests use.
type (
	address       = simulated.Address
	block         = simulated.Block
	change        = simulated.Change
	command       = simulated.Command
	configuration = simulated.Configuration
	object        = simulated.Object
	outcome       = simulated.Outcome
	plannedRun    = simulated.Plan
	problem       = simulated.Problem
)

const (
	noOp             = simulated.NoOp
	create           = simulated.Create
	update           = simulated.Update
	deleteThenCreate = simulated.DeleteThenCreate
	destroyOnly      = simulated.Delete
)

// The simulated engine's functions on values.
var (
	newObject  = simulated.NewObject
	newValue   = simulated.NewValue
	objectType = simulated.ObjectType
	wire       = simulated.Wire
	unwire     = simulated.Unwire
	members    = simulated.Members
	member     = simulated.Member
	hasErrors  = simulated.HasErrors
)

func room(name string) address      { return address{Type: sessionExpiryType, Name: name} }
func sessionAt(name string) address { return address{Type: managedSessionType, Name: name} }

// idOf refers to the id of a palabra_session.
func idOf(name string) simulated.Reference {
	return simulated.Reference{To: sessionAt(name), Attribute: "id"}
}

// neededBy is the palabra_session whose id is the session_id of a block.
func neededBy(b block) (at address, ok bool) {
	reference, ok := b.Arguments["session_id"].(simulated.Reference)
	return reference.To, ok
}

// sessionIDOf is the session_id of a block; empty for a reference.
func sessionIDOf(b block) string {
	id, _ := b.Arguments["session_id"].(string)
	return id
}

// What an object in a state says of its session. Older states do not have every
// attribute: their sessions are active, and are deleted with the object.
func idIn(o object) string         { return text(o.Value, "id") }
func isActive(o object) bool       { return !is(member(o.Value, "active"), false) }
func deletesSession(o object) bool { return !is(member(o.Value, "delete_on_destroy"), false) }

// writes says whether a plan leaves the expiry to apply.
func writes(c change) bool { return !c.Planned.IsNull() && !member(c.Planned, "expires_at").IsKnown() }
