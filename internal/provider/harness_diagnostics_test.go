package provider

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// failer is what testing.TB and *rapid.T have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
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

// expectError fails unless there is an error and the text contains every part.
func expectError(t *testing.T, diags []*tfprotov6.Diagnostic, parts ...string) {
	t.Helper()
	text := diagnosticText(diags)
	if !slices.ContainsFunc(diags, isError) {
		t.Errorf("no error, want one that says %q; diagnostics: %s", parts, text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in: %s", part, text)
		}
	}
}

func expectNone(t *testing.T, diags []*tfprotov6.Diagnostic) {
	t.Helper()
	expectWarnings(t, diags, 0)
}

// expectWarnings fails unless there are that many warnings, and nothing else.
func expectWarnings(t *testing.T, diags []*tfprotov6.Diagnostic, want int) {
	t.Helper()
	if len(diags) != want || slices.ContainsFunc(diags, isError) {
		t.Errorf("want %d warnings and nothing else: %s", want, diagnosticText(diags))
	}
}
