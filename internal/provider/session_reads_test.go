package provider

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// A page that the plan of a resource has read knows the others from before they
// changed. Who asks for one session gets what the API says now.
func TestSessionReads_OneSessionIsNotReadFromAPage(t *testing.T) {
	t.Parallel()
	const extended, deleted = "extended", "deleted"
	s := newAppliedStory(t, configuration{room("a"): lasts("a")}, "a", extended, deleted)
	p := newProtocolWith(t, s.provider)
	s.server = p.server
	if s.expectEmptyPlan(); strings.Join(s.calls(), ", ") != "GET" {
		t.Fatalf("calls %q, want one page", s.calls())
	}
	s.ResetRequests()
	s.Put(sandbox.Session{ID: extended, CreatedAt: testStart, ExpiresAt: testStart.Add(10 * time.Hour)})
	s.Remove(deleted)

	data, diags := p.readData("palabra_session", attributes{"id": extended})
	if expectNone(t, diags); text(data, "expires_at") != sinceStart(10*time.Hour) {
		t.Errorf("data source: %s", data)
	}
	_, diags = p.readData("palabra_session", attributes{"id": deleted})
	expectError(t, diags, "Unable to read session", "does not exist")
	// Two hours are less than the session has by now.
	_, diags = p.invoke(t.Context(), extendAction, attributes{"session_id": extended, "ttl_seconds": 7200})
	expectNone(t, diags)
	if calls := s.calls(); slices.Contains(calls, "POST "+extended) || !slices.Contains(calls, "GET "+extended) {
		t.Errorf("calls %q, want a read and no write", calls)
	}
	s.config[room("new")] = lasts(deleted)
	s.expectWarnings(s.Plan(s.config, command{}).Problems, "Session does not exist … "+deleted)
}

// LOCALHOST is this machine, but not in the spelling that counts as loopback, where
// the clock of a sandbox is moved on purpose.
func TestSessionReads_ClocksThatDisagreeAreShownOnce(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, configuration{room("a"): lasts("a"), room("b"): lasts("b")}, "a", "b")
	arguments := pairOf(strings.Replace(s.url, "127.0.0.1", "LOCALHOST", 1), testClientID)
	arguments["allow_insecure_endpoint"] = true
	s.server = newTestServer()
	config := wire(newObject(providerSchemas().Provider, arguments))
	expectWarnings(t, must(s.server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: config})).Diagnostics, 1)
	for _, want := range [][]string{{"Clocks disagree … " + sinceStart(0) + " … this machine's clock says 20"}, {}} {
		s.expectWarnings(s.Plan(s.config, command{}).Problems, want...)
	}
}
