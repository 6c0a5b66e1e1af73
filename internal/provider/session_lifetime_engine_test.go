package provider_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// stateSerial is the serial of the state file.
func (c *cli) stateSerial() int {
	c.t.Helper()
	var state struct{ Serial int }
	if err := json.Unmarshal([]byte(c.read("terraform.tfstate")), &state); err != nil {
		c.t.Fatal(err)
	}
	return state.Serial
}

func TestSessionExpiry_OrdinaryDaysLeaveTheStateAlone(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(30*24*3600, "renew_before_seconds = 86400")))
	c.run("apply", "-auto-approve")
	serial := c.stateSerial()
	// Terraform 1.11 answers 2 for every state with a number in it, whatever a
	// provider does; later versions and OpenTofu answer 0.
	_, _, want := c.exec("plan", "-refresh-only", "-detailed-exitcode")
	for range 2 {
		f.clock.Advance(24 * time.Hour)
		if out, errOut, code := c.exec("plan", "-refresh-only", "-detailed-exitcode"); code != want {
			t.Errorf("refresh-only plan: exit code %d, want %d\n%s%s", code, want, out, errOut)
		}
		c.run("apply", "-auto-approve")
	}
	if got := c.stateSerial(); got != serial {
		t.Errorf("serial of the state: %d, want %d", got, serial)
	}
}

func TestSessionExpiry_LeadRaisedAboveWhatIsLeftRenewsInThatRun(t *testing.T) {
	t.Parallel()
	f, c := managed(t, "renew_before_seconds = 600")
	f.clock.Advance(11 * time.Minute) // Less than a tenth: nothing is noted.
	c.run("apply", "-auto-approve")
	f.ResetRequests()
	c.write(f.config(expiryConfig(7200, fmt.Sprintf("renew_before_seconds = %d", 110*60))))
	c.run("apply", "-auto-approve")
	f.expectWrites(t, "POST "+testSessionPath)
}

func TestSessionExpiry_UsedAndHungUpFailsNoRun(t *testing.T) {
	t.Parallel()
	for name, toNow := range map[string]bool{"connecting leaves a minute": false, "connecting resets to now": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := newFixture(t, func(o *sandbox.Options) { o.ConnectResetsToNow = toNow }), newCLI(t)
			f.putSession(testSessionID, 30*24*time.Hour)
			f.putSession("another.session", 30*24*time.Hour)
			c.write(f.config(expiryConfig(7200, "")))
			c.run("apply", "-auto-approve")

			f.Connect(testSessionID)
			c.run("apply", "-auto-approve")
			if values := c.values(expiryAddress); values["active"] != true {
				t.Errorf("connected: %v", values)
			}
			f.Disconnect(testSessionID)
			f.clock.Advance(5 * time.Minute)
			f.ResetRequests()
			if out := c.run("apply", "-auto-approve"); strings.Count(out, "Warning: Session has ended") != 1 {
				t.Errorf("the night after: no warning that the session has ended:\n%s", out)
			}
			if values := c.values(expiryAddress); values["active"] != false {
				t.Errorf("hung up: %v", values)
			}
			if out, errOut, code := c.exec("plan", "-detailed-exitcode"); code != 0 || strings.Contains(out+errOut, "Warning") {
				t.Errorf("the nights after: exit code %d\n%s%s", code, out, errOut)
			}
			f.expectWrites(t)
			f.putSession(testSessionID, time.Hour)
			c.run("apply", "-auto-approve")
			if values := c.values(expiryAddress); values["active"] != true {
				t.Errorf("found again: %v", values)
			}
		})
	}
}

func TestSessionExpiry_StaleReadBackIsNoCap(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stale int
		ttl   int
		want  time.Duration
	}{
		"once":                      {1, 7200, 30*time.Minute + 2*time.Hour},
		"every time":                {9, 7200, 30*time.Minute + 2*time.Hour},
		"of a lifetime that shrank": {9, 900, 30*time.Minute + 15*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := newFixture(t), newCLI(t)
			f.putSession(testSessionID, 30*24*time.Hour)
			c.write(f.config(expiryConfig(3600, "")))
			c.run("apply", "-auto-approve")
			f.clock.Advance(30 * time.Minute)
			stop := f.Inject(sandbox.Fault{Effect: f.StaleReads(test.stale)})
			defer stop()
			c.write(f.config(expiryConfig(test.ttl, "")))
			if out := c.run("apply", "-auto-approve"); strings.Contains(out, "Warning") {
				t.Errorf("apply warns:\n%s", out)
			}
			if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(test.want) {
				t.Errorf("expires_at: %v, want %s", got, sinceStart(test.want))
			}
		})
	}
}

func TestSessionExpiry_LaggingListPlansNothing(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	sessions := map[string]string{}
	for i := range 20 {
		id := fmt.Sprintf("room.%02d", i)
		sessions[id] = id
		f.putSession(id, 10*time.Minute)
	}
	stop := f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: f.LaggingList(time.Hour)})
	defer stop()
	c.write(f.config(expiries("test", sessions, "renew_before_seconds = 3600")))
	c.run("apply", "-auto-approve")
	f.clock.Advance(time.Minute)
	out, errOut, code := c.exec("plan", "-detailed-exitcode")
	if code != 0 || strings.Contains(out+errOut, "Warning") {
		t.Errorf("plan right after apply: exit code %d\n%s%s", code, out, errOut)
	}
}

func TestSessionExpiry_UncertainAnswersNeverEndASession(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sandbox.Effect{
		"a gateway's 404": sandbox.Replace(http.StatusNotFound, "text/html", "<html>no such page</html>"),
		"ok is false":     sandbox.Replace(http.StatusOK, "application/json", `{"ok":false,"errors":[{"title":"Maintenance","detail":"Back in an hour"}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := managed(t, "")
			c.run("plan") // The credentials work.
			stop := f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: effect})
			defer stop()
			c.fail("apply", "-auto-approve")
			if values := c.values(expiryAddress); values["active"] != true {
				t.Errorf("state: %v", values)
			}
		})
	}
}

func TestSessionExpiry_ImportOfTheYear9999IsAValueThatValidates(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.Put(sandbox.Session{ID: testSessionID, CreatedAt: testStart, UpdatedAt: testStart, ExpiresAt: time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)})
	c.write(f.config(importByID))
	c.run("plan", "-generate-config-out=generated.tf")
	if p := c.plan(); p.actions()[expiryAddress] != "no-op" {
		t.Errorf("plan: %v", p.actions())
	}
}

func TestSessionExpiry_ConflictPrintsNoTriggers(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession("room.a", time.Hour)
	twins := expiries("a", map[string]string{"x": "room.a", "y": "room.a"}, `renew_triggers = { deploy = "hush-hush" }`)
	c.write(f.config(twins))
	// Identical twins are found on the first plan, and in every later one.
	for range 2 {
		said := c.run("plan")
		if strings.Count(said, conflictWarning) != 1 || !strings.Contains(said, "destroy = false") {
			t.Errorf("plan does not warn once:\n%s", said)
		}
		if _, warning, _ := strings.Cut(said, "Warning:"); strings.Contains(warning, "hush-hush") {
			t.Errorf("the warning prints renew_triggers:\n%s", warning)
		}
		c.run("apply", "-auto-approve")
	}
}

func TestSession_AnswersWithoutAnExpiryKeepTheKnownOne(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	c.write(f.config(sessionConfig("ttl_seconds = 3600")))
	c.run("apply", "-auto-approve")
	id := f.onlySession(t)
	stop := f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.Replace(http.StatusOK, "application/json", fmt.Sprintf(`{"data":{"id":%q}}`, id))})
	defer stop()
	if p := c.plan(); !strings.Contains(p.text, "No changes.") {
		t.Errorf("plan:\n%s", p.text)
	}
	c.write(f.config(sessionConfig("ttl_seconds = 7200")))
	c.run("apply", "-auto-approve")
	if values := c.values(sessionAddress); values["expires_at"] != sinceStart(2*time.Hour) || values["created_at"] != sinceStart(0) {
		t.Errorf("state: %v", values)
	}
}
