package provider_test

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const expiryType = "palabra_session_expiry"

// failer is what testing.TB and *rapid.T have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// attributes are those of an object; what is missing is null.
type attributes map[string]tftypes.Value

// member is an attribute of an object; null for a null object.
func member(object tftypes.Value, name string) tftypes.Value {
	var all map[string]tftypes.Value
	if object.IsNull() || object.As(&all) != nil {
		return tftypes.Value{}
	}
	return all[name]
}

// text is a string attribute of an object; empty where it is null or unknown.
func text(object tftypes.Value, name string) string { return textOf(member(object, name)) }

func textOf(value tftypes.Value) string {
	var s string
	if value.IsNull() || !value.IsKnown() || value.As(&s) != nil {
		return ""
	}
	return s
}

// isTrue is false for null and unknown.
func isTrue(value tftypes.Value) bool { return value.Equal(boolOf(true)) }

// seconds is a number that is neither null nor unknown.
func seconds(value tftypes.Value) int64 {
	var number big.Float
	if err := value.As(&number); err != nil {
		panic(err)
	}
	whole, _ := number.Int64()
	return whole
}

var identityType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"session_id": tftypes.String}}

// expectIdentity fails the test now unless the answer has the identity of that
// session: engines refuse one without.
func expectIdentity(t failer, identity *tfprotov6.ResourceIdentityData, sessionID string) {
	t.Helper()
	if identity == nil || identity.IdentityData == nil {
		t.Fatalf("engine: missing resource identity of session %q", sessionID)
	}
	value, err := identity.IdentityData.Unmarshal(identityType)
	if err != nil {
		t.Fatalf("identity: %v", err)
	}
	if got := text(value, "session_id"); got != sessionID {
		t.Fatalf("the identity is of session %q, want %q", got, sessionID)
	}
}

// diagnostics are the texts of one severity; empty when there is none.
func diagnostics(diags []*tfprotov6.Diagnostic, severity tfprotov6.DiagnosticSeverity) string {
	var texts []string
	for _, d := range diags {
		if d.Severity == severity {
			texts = append(texts, d.Summary+": "+d.Detail)
		}
	}
	return strings.Join(texts, "\n")
}

// diagnosticText is everything that diagnostics say, as one line.
func diagnosticText(diags []*tfprotov6.Diagnostic) string {
	var lines []string
	for _, d := range diags {
		lines = append(lines, d.Severity.String()+": "+d.Summary+": "+d.Detail)
	}
	return strings.Join(strings.Fields(strings.Join(lines, " ")), " ")
}

// expectError fails unless there is an error whose text holds every part.
func expectError(t *testing.T, diags []*tfprotov6.Diagnostic, parts ...string) {
	t.Helper()
	text := diagnosticText(diags)
	if !slices.ContainsFunc(diags, func(d *tfprotov6.Diagnostic) bool { return d.Severity == tfprotov6.DiagnosticSeverityError }) {
		t.Errorf("no error, want one that says %q; diagnostics: %s", parts, text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("diagnostics: %s\nwant %q in it", text, part)
		}
	}
}

func expectNone(t *testing.T, diags []*tfprotov6.Diagnostic) {
	t.Helper()
	if len(diags) > 0 {
		t.Errorf("diagnostics, want none: %s", diagnosticText(diags))
	}
}

// expectWarnings fails unless there are that many warnings, and nothing else.
func expectWarnings(t *testing.T, diags []*tfprotov6.Diagnostic, want int) {
	t.Helper()
	if len(diags) != want || slices.ContainsFunc(diags, func(d *tfprotov6.Diagnostic) bool { return d.Severity != tfprotov6.DiagnosticSeverityWarning }) {
		t.Errorf("diagnostics, want %d warnings: %s", want, diagnosticText(diags))
	}
}
