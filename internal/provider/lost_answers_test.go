package provider_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// once meets the first request of an operation.
func once(operation sandbox.Operation, effect sandbox.Effect) sandbox.Fault {
	return sandbox.Fault{Operation: operation, Count: 1, Effect: effect}
}

// words matches a message whatever way the engine wraps it.
func words(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.Join(strings.Fields(regexp.QuoteMeta(text)), `[\s│]+`))
}

// lostAfterTheEffect are the ways in which the API does what it was asked for
// and the client does not learn of it.
var lostAfterTheEffect = map[string]sandbox.Effect{
	"connection cut":       sandbox.CutAfter(),
	"gateway error (HTML)": sandbox.Replace(http.StatusBadGateway, "text/html", "<html>Bad gateway</html>"),
	"gateway timeout":      sandbox.Replace(http.StatusGatewayTimeout, "text/plain", ""),
}

func TestSessionExpiry_WriteIsRepeatedWhenItsAnswerIsLost(t *testing.T) {
	t.Parallel()
	for name, effect := range lostAfterTheEffect {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.putSession(testSessionID, 30*24*time.Hour)
			f.Inject(once(sandbox.OperationExpiry, effect))
			const post = "POST /sessions/" + testSessionID
			runSteps(t,
				resource.TestStep{
					Config:            f.config(expiryConfig(3600, "delete_on_destroy = false")),
					ConfigStateChecks: []statecheck.StateCheck{stateExpiresAt(sinceStart(time.Hour))},
				},
				resource.TestStep{
					PreConfig: func() {
						f.expectWrites(t, post, post)
						f.Inject(once(sandbox.OperationExpiry, effect))
					},
					Config:            f.config(expiryConfig(7200, "delete_on_destroy = false")),
					ConfigStateChecks: []statecheck.StateCheck{stateExpiresAt(sinceStart(2 * time.Hour))},
				},
			)
			f.expectWrites(t, post, post)
		})
	}
}

func TestSessionExpiry_DeleteWhoseRepeatFindsNothingIsDone(t *testing.T) {
	t.Parallel()
	for name, effect := range lostAfterTheEffect {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.putSession(testSessionID, 30*24*time.Hour)
			runSteps(t,
				resource.TestStep{Config: f.config(expiryConfig(3600, ""))},
				resource.TestStep{
					PreConfig: func() {
						f.ResetRequests()
						f.Inject(once(sandbox.OperationDelete, effect))
					},
					Config:  f.config(expiryConfig(3600, "")),
					Destroy: true,
				},
			)
			const call = "DELETE /sessions/" + testSessionID
			f.expectWrites(t, call, call)
			if left := f.Sessions(); len(left) != 0 {
				t.Errorf("sessions left: %v", left)
			}
		})
	}
}

// TestSession_CreateWhoseAnswerIsLostIsNotRepeated also follows the advice that the
// error gives: find the session in the list, import it, destroy it.
func TestSession_CreateWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	t.Parallel()
	effects := map[string]sandbox.Effect{
		"answer cut off":         sandbox.CutBody(),
		"answer truncated":       sandbox.Truncate(),
		"answer without an id":   sandbox.Replace(http.StatusCreated, "application/json", `{"ok":true,"data":{}}`),
		"answer is a login page": sandbox.Replace(http.StatusOK, "text/html", "<html></html>"),
	}
	for name, effect := range lostAfterTheEffect {
		effects[name] = effect
	}
	for name, effect := range effects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.Inject(once(sandbox.OperationCreate, effect))
			const created = `resource "palabra_session" "test" {}`

			runSteps(t, resource.TestStep{
				Config:      f.config(created),
				ExpectError: words("A session may have been created nevertheless; the request was not repeated, so there is at most one."),
			})
			f.expectWrites(t, "POST /session")

			c := newCLI(t)
			c.write(f.config(fmt.Sprintf("data \"palabra_sessions\" \"new\" { created_after = %q }\noutput \"ids\" { value = data.palabra_sessions.new.ids }\n", sinceStart(-time.Minute))))
			c.run("apply", "-auto-approve")
			sessions := f.Sessions()
			ids, _ := c.state().Values.Outputs["ids"].Value.([]any)
			if len(sessions) != 1 || len(ids) != 1 || ids[0] != sessions[0].ID {
				t.Fatalf("listed %v, want the one session of %v", ids, sessions)
			}
			c.write(f.config(fmt.Sprintf("resource \"palabra_session_expiry\" \"left\" {\n  session_id = %q\n  ttl_seconds = 60\n}\n", sessions[0].ID)))
			c.run("import", "palabra_session_expiry.left", sessions[0].ID)
			c.run("destroy", "-auto-approve")
			if left := f.Sessions(); len(left) != 0 {
				t.Errorf("sessions left after following the advice: %v", left)
			}
		})
	}
}

func TestSession_CreateThatDidNothingIsRepeated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(once(sandbox.OperationCreate, sandbox.RateLimited("0")))
	runSteps(t, resource.TestStep{
		Config: f.config(`resource "palabra_session" "test" {}`),
		Check: func(*terraform.State) error {
			if n := len(f.Sessions()); n != 1 {
				return fmt.Errorf("%d sessions, want 1", n)
			}
			return nil
		},
	})
	if left := f.Sessions(); len(left) != 0 {
		t.Errorf("sessions left after destroy: %v", left)
	}
}

// TestSessionEphemeral_UnusableSessionIsDeleted: an engine closes only what it
// was given, so the provider has to clean up after an opening that fails.
func TestSessionEphemeral_UnusableSessionIsDeleted(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f := newFixture(t)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationExpiry, Effect: sandbox.Respond(http.StatusBadRequest, "application/json", `{"error":"ttl_seconds is too large"}`)})
	f.Inject(once(sandbox.OperationDelete, sandbox.CutAfter()))
	runSteps(t, resource.TestStep{
		Config:      f.config(`ephemeral "palabra_session" "test" { ttl_seconds = 600 }`),
		ExpectError: words("ttl_seconds is too large"),
	})
	if left := f.Sessions(); len(left) != 0 {
		t.Errorf("sessions left: %v", left)
	}
}
