package provider_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestSessionLimit_NamesTheOldestSessionsOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *sandbox.Options) { o.SessionLimit = 7 })
	for i := range 7 {
		f.putSession(fmt.Sprintf("test-user.fec6b8f%d.af4d2d2%d", i, i), 24*time.Hour)
		f.clock.Advance(time.Minute)
	}
	c := newCLI(t)
	c.write(f.config("resource \"palabra_session\" \"room\" {\n  count = 3\n}\n"))
	said := c.fail("apply", "-auto-approve")
	for _, want := range []string{
		"limit of active sessions", // the API's own words
		"The account has 7 sessions. The oldest: test-u…2d20, created " + sinceStart(0) + ", expires " + sinceStart(24*time.Hour) + " test-u…2d21,",
		"\"Clean up an account near its limit\"", "palabra_prune_sessions",
	} {
		if strings.Count(said, want) == 0 {
			t.Errorf("%q is missing in: %s", want, said)
		}
	}
	if strings.Contains(said, "2d25") || strings.Contains(said, "fec6b8f0") || strings.Count(said, "The oldest") != 1 {
		t.Errorf("said too much: %s", said)
	}
	if lists := countOf(f.calls(), "GET /sessions"); lists != 1 {
		t.Errorf("%d list calls in %q", lists, f.calls())
	}
}

func TestSessionLimit_ListThatFailsLeavesTheAdvice(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: sandbox.SessionLimitReached(http.StatusForbidden)})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.HTMLError(http.StatusNotFound)})
	c := newCLI(t)
	c.write(f.config("resource \"palabra_session\" \"room\" {}\n"))
	said := c.fail("apply", "-auto-approve")
	if !strings.Contains(said, "as its plan allows") || strings.Contains(said, "The oldest") {
		t.Errorf("said: %s", said)
	}
}

func countOf(all []string, wanted string) int {
	n := 0
	for _, one := range all {
		if one == wanted {
			n++
		}
	}
	return n
}
