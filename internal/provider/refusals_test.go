package provider_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// TestRefusal_SaysWhatTheAPISaidAndWhatToDo covers what refuses a create.
func TestRefusal_SaysWhatTheAPISaidAndWhatToDo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect sandbox.Effect
		want   []string // in this order
		not    string
	}{
		"no balance":    {sandbox.InsufficientBalance(), []string{"Insufficient balance", "no balance left", "about a minute"}, "credentials"},
		"session limit": {sandbox.SessionLimitReached(http.StatusForbidden), []string{"limit of active sessions", "as its plan allows", "Clean up an account", "palabra_prune_sessions"}, "credentials"},
		"credentials":   {sandbox.RefuseCredentials(http.StatusUnauthorized), []string{"refused the credentials from", "an API key (api_key) and a key pair", "not interchangeable"}, "balance"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.Inject(sandbox.Fault{Effect: test.effect})
			c := newCLI(t)
			c.write(f.config("resource \"palabra_session\" \"test\" {}\n"))
			said := c.fail("apply", "-auto-approve")
			at := 0
			for _, want := range test.want {
				i := strings.Index(said[at:], want)
				if i < 0 {
					t.Fatalf("%q is missing, or not in this order, in: %s", want, said)
				}
				at += i
			}
			if strings.Contains(said, test.not) {
				t.Errorf("%q is in: %s", test.not, said)
			}
		})
	}
}

func TestRefusal_EndpointThatIsNotTheAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.url += "/v1"
	c := newCLI(t)
	c.write(f.config("data \"palabra_sessions\" \"all\" {}\n"))
	said := c.fail("plan")
	if !strings.Contains(said, "probably not the base URL of the API") || strings.Contains(said, "not interchangeable") {
		t.Errorf("said: %s", said)
	}
}

func TestRefusal_LostCreateNamesTheFilterThatFindsTheSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: sandbox.CutAfter()})
	c := newCLI(t)
	c.write(f.config("resource \"palabra_session\" \"test\" {}\n"))
	said := c.fail("apply", "-auto-approve")
	filter := regexp.MustCompile(`created_after = "[^"]+"`).FindString(said)
	if filter == "" {
		t.Fatalf("no filter in: %s", said)
	}
	c.write(f.config("data \"palabra_sessions\" \"lost\" {\n" + filter + "\n}\noutput \"n\" {\n value = length(data.palabra_sessions.lost.sessions)\n}\n"))
	if said := c.run("apply", "-auto-approve"); !strings.Contains(said, "n = 1") {
		t.Errorf("the filter finds: %s", said)
	}
}

func TestRefusal_StoppedSandbox(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stopped := httptest.NewServer(nil)
	stopped.Close()
	f.url = stopped.URL
	c := newCLI(t)
	c.write(f.config("data \"palabra_sessions\" \"all\" {}\n"))
	if said := c.fail("plan"); !strings.Contains(said, "Is the sandbox running") {
		t.Errorf("said: %s", said)
	}
}

// TestRefusal_OfManyInstancesIsToldOnce: a wrong secret fails all of a plan
// without asking for each, and the state is kept.
func TestRefusal_OfManyInstancesIsToldOnce(t *testing.T) {
	t.Parallel()
	const instances = 60
	for _, status := range []int{http.StatusUnauthorized, http.StatusNotFound} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			for i := range instances {
				f.putSession(fmt.Sprintf("s%d", i), 24*time.Hour)
			}
			c := newCLI(t)
			c.write(f.config(fmt.Sprintf("resource \"palabra_session_expiry\" \"all\" {\n  count = %d\n  session_id = \"s${count.index}\"\n  ttl_seconds = 3600\n}\n", instances)))
			c.run("apply", "-auto-approve")
			f.ResetRequests()
			remove := f.Inject(sandbox.Fault{Effect: sandbox.RefuseCredentials(status)})
			said := c.fail("plan")
			remove()
			if n := strings.Count(said, "The API refused the credentials from"); n != 1 {
				t.Errorf("the full text is there %d times", n)
			}
			// What the engine had in flight, and one for all the others.
			if n := strings.Count(said, "Error: Unable to read session"); n < 1 || n > 10 {
				t.Errorf("%d errors", n)
			}
			if n := strings.Count(said, "Warning: Sessions not read"); n != 1 {
				t.Errorf("%d warnings, want one with the others folded into it: %s", n, said)
			}
			// As many as the engine has in flight, and a check.
			if n := len(f.calls()); n > 12 {
				t.Errorf("%d requests", n)
			}
			c.run("plan", "-detailed-exitcode")
		})
	}
}

// TestNotFound_SaysEachThingOnce follows a 404 to what a person reads.
func TestNotFound_SaysEachThingOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := newCLI(t)
	c.write(f.config("data \"palabra_session\" \"booth\" {\n  id = \"test-user.typo \"\n}\n"))
	said := c.fail("plan")
	for _, want := range []string{"the id is misspelled", "begins or ends with a blank"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in: %s", want, said)
		}
	}
	for _, once := range []string{"not found", "does not exist", "http 404"} {
		if n := strings.Count(strings.ToLower(said), once); n > 1 {
			t.Errorf("%q is there %d times in: %s", once, n, said)
		}
	}
}

// TestRefusal_InACheckHidesNoRefusedRead: an engine turns the error of a data
// source within a check into a warning, so such an error fails no run.
func TestRefusal_InACheckHidesNoRefusedRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 24*time.Hour)
	p := newProtocol(t, f)
	f.Inject(sandbox.Fault{Effect: sandbox.RefuseCredentials(http.StatusUnauthorized)})
	listed, err := p.server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: "palabra_sessions", Config: p.dynamic(p.object(p.schemas.DataSourceSchemas["palabra_sessions"], nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	expectError(t, listed.Diagnostics, "refused the credentials from")
	read, err := p.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: expiryType,
		CurrentState: p.dynamic(p.object(p.schemas.ResourceSchemas[expiryType], map[string]any{
			"id": testSessionID, "session_id": testSessionID, "ttl_seconds": 3600, "expires_at": sinceStart(time.Hour), "active": true,
		})),
	})
	if err != nil {
		t.Fatal(err)
	}
	expectError(t, read.Diagnostics, "not sent")
}
