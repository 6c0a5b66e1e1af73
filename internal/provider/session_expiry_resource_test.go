package provider

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	conflictWarning = "Two resources manage one session"
	earlierWarning  = "Session expires earlier than it was given"
	shorterWarning  = "Session gets a shorter lifetime"
)

func TestSessionExpiry_EngineLeavesTheStateAloneOnOrdinaryDays(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c.write(f.config(expiryConfig(7200, "renew_before_seconds = 3600") + `
resource "terraform_data" "dependant" {
  input            = palabra_session_expiry.test.expires_at
  triggers_replace = palabra_session_expiry.test
}
`))
	c.run("apply", "-auto-approve")
	f.ResetRequests()
	state := c.read("terraform.tfstate")
	// Terraform 1.11 answers 2 for every state with a number in it, whatever a
	// provider does; later versions and OpenTofu answer 0.
	_, _, want := c.exec("plan", "-refresh-only", "-detailed-exitcode")
	f.clock.Advance(50 * time.Minute)
	if out, errOut, code := c.exec("plan", "-refresh-only", "-detailed-exitcode"); code != want || strings.Contains(out+errOut, "Warning") {
		t.Errorf("refresh-only plan: exit code %d, want %d\n%s%s", code, want, out, errOut)
	}
	if out := c.run("apply", "-auto-approve"); !strings.Contains(out, "No changes.") || strings.Contains(out, "Warning") {
		t.Errorf("apply:\n%s", out)
	}
	if got := c.read("terraform.tfstate"); got != state {
		t.Errorf("the state was:\n%s\nand is:\n%s", state, got)
	}
	f.expectWrites(t)
}

// TestSessionExpiry_EngineRefreshCostsFewRequests, although an engine reads the
// instances one by one, ten at a time.
func TestSessionExpiry_EngineRefreshCostsFewRequests(t *testing.T) {
	t.Parallel()
	const instances, maxPages, maxRequests = 200, 2, 14
	f := newFixture(t)
	f.putMany(instances)
	c := newCLI(t)
	c.write(f.config(manyExpiries(instances, 3600)))
	c.run("apply", "-auto-approve", "-input=false")
	if writes := len(f.writes()); writes != instances {
		t.Fatalf("create wrote %d times, want %d", writes, instances)
	}
	// The exit code is 2, which fails, when there is something to change.
	c.run("plan", "-input=false", "-detailed-exitcode")
	singles, pages := 0, 0
	for _, call := range f.calls() {
		switch {
		case strings.HasPrefix(call, "GET "):
			singles++
		case call == "GET":
			pages++
		default:
			t.Errorf("the refresh wrote: %s", call)
		}
	}
	if pages > maxPages || singles+pages > maxRequests {
		t.Errorf("%d single reads and %d pages, want at most %d pages and %d requests", singles, pages, maxPages, maxRequests)
	}
}

func TestSessionExpiry_EngineImportsWithGeneratedConfiguration(t *testing.T) {
	t.Parallel()
	needs(t, engine.Since{Terraform: "1.5", OpenTofu: "1.6"})
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 2*time.Hour)
	c.write(f.config(fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", expiryAddress, testSessionID)))
	actions, said := c.plan("-generate-config-out=generated.tf")
	if actions[expiryAddress] != "no-op" || !strings.Contains(said, "1 to import, 0 to add, 0 to change, 0 to destroy") {
		t.Errorf("plan: %v\n%s", actions, said)
	}
	c.run("apply", "tfplan")
	f.expectWrites(t)
}

// An error after the accepted write would taint the instance, and replacing it
// would delete the session.
func TestSessionExpiry_CreateIsNotTaintedByAFailedRead(t *testing.T) {
	t.Parallel()
	const notReadBack = "Session not read back … until the next plan reads them"
	ctx, interrupt := context.WithCancel(t.Context())
	type row struct {
		effect   sandbox.Effect
		skip     int // reads; plan and apply check once each
		ctx      context.Context
		warnings []string
	}
	eachRow(t, map[string]row{
		"gateway error":        {sandbox.HTMLError(http.StatusBadGateway), 2, t.Context(), []string{notReadBack}},
		"refused":              {sandbox.RefuseCredentials(http.StatusUnauthorized), 2, t.Context(), []string{notReadBack}},
		"interrupted":          {interruptedBy(interrupt), 2, ctx, []string{notReadBack}},
		"already in the check": {sandbox.HTMLError(http.StatusBadGateway), 0, t.Context(), []string{"Unable to check session", notReadBack}},
	}, func(t *testing.T, test row) {
		s, it := newStory(t), room("it")
		s.put("s1")
		s.BeforeApply = func(address) (context.Context, bool) { return test.ctx, true }
		heal := s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Skip: test.skip, Effect: test.effect})
		s.expectWarnings(s.change(configuration{it: lasts("s1", attributes{"ttl_seconds": 7200})}), test.warnings...)
		heal()
		s.expectWrites("POST s1")
		s.expectValue(it, "expires_at", sinceStart(2*time.Hour))
		s.expectEmptyPlan()
	})
}

func TestSessionExpiry_CreateWithRefusedCredentialsFailsThePlan(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.provider["client_secret"] = "wrong"
	s.config[room("it")] = lasts("s1")
	s.refused(command{}, "Unable to check session", "refused the credentials")
	s.expectWrites()
}

// TestSessionExpiry_ApplyChecksNoSessionAgain, whatever it writes first: an engine
// plans the creation once more.
func TestSessionExpiry_ApplyChecksNoSessionAgain(t *testing.T) {
	t.Parallel()
	a, z := room("a"), room("z")
	type row struct{ before, after configuration }
	eachRow(t, map[string]row{
		"palabra_session": {configuration{}, configuration{sessionAt("a"): creates()}},
		"create":          {configuration{}, configuration{a: lasts("s1")}},
		"renewal":         {configuration{a: lasts("s1")}, configuration{a: lasts("s1", attributes{"ttl_seconds": 7200})}},
		"deletion":        {configuration{a: lasts("s1")}, configuration{}},
	}, func(t *testing.T, test row) {
		s := newAppliedStory(t, test.before, "s1", "s2")
		test.after[z] = lasts("s2")
		p := s.Plan(test.after, command{})
		s.ResetRequests()
		if out := s.Apply(p); out.Failed() {
			t.Fatal(problemText(out.Problems))
		}
		if reads := strings.Count(strings.Join(s.calls(), ","), "GET s2"); reads != 1 {
			t.Errorf("%d reads of the new session, want 1, after the write", reads)
		}
	})
}

func TestSessionExpiry_CappedGrantWarnsAndDoesNotLoop(t *testing.T) {
	t.Parallel()
	const capped = "Session granted less than asked … was to live 1h (ttl_seconds = 3600), and the API reports that it expires at "
	for name, readBack := range map[string]sandbox.Effect{"read back": nil, "not read back": sandbox.CutBefore()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, it := newStory(t, func(o *sandbox.Options) { o.MaxTTL = 10 * time.Minute }), room("it")
			s.put("s1")
			config := configuration{it: lasts("s1", lead(45*time.Minute))}
			if readBack != nil {
				heal := s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Skip: 2, Effect: readBack})
				s.expectWarnings(s.change(config), "Session not read back")
				heal()
				s.expectWarnings(s.run(), earlierWarning, capped+sinceStart(10*time.Minute))
			} else {
				s.expectWarnings(s.change(config), capped+sinceStart(10*time.Minute))
			}
			s.clock.Advance(time.Minute)
			s.expectEmptyPlan()
			s.clock.Advance(time.Second)
			s.expectWarnings(s.run(), capped+sinceStart(11*time.Minute+time.Second))
		})
	}
}

// A read right after a write may be answered from before it. That is not a cap.
func TestSessionExpiry_StaleReadBackIsNotACap(t *testing.T) {
	t.Parallel()
	const once, always = 1, 9
	it := room("it")
	for name, reads := range map[string]int{"once": once, "always": always} {
		t.Run(name+", of a create", func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.putSession("s1", 24*time.Hour)
			s.clock.Advance(time.Minute)
			heal := s.Inject(sandbox.Fault{Effect: s.StaleReads(reads)})
			s.expectWarnings(s.change(configuration{it: lasts("s1")}), shorterWarning)
			if heal(); reads == always {
				// It knows no earlier expiry. The next read corrects it.
				s.expectValue(it, "expires_at", sinceStart(24*time.Hour))
				s.expectWarnings(s.run(), earlierWarning)
			}
			s.expectValue(it, "expires_at", sinceStart(61*time.Minute))
			s.expectEmptyPlan()
		})
		t.Run(name+", of a longer lifetime", func(t *testing.T) {
			t.Parallel()
			s := newAppliedStory(t, configuration{it: lasts("s1")}, "s1")
			s.clock.Advance(30 * time.Minute)
			// Only the note has this expiry.
			s.Put(sandbox.Session{ID: "s1", CreatedAt: testStart, UpdatedAt: s.clock.Now(), ExpiresAt: testStart.Add(time.Hour - 30*time.Second)})
			s.clock.Advance(time.Minute)
			defer s.Inject(sandbox.Fault{Effect: s.StaleReads(reads)})()
			s.expectWarnings(s.change(configuration{it: lasts("s1", attributes{"ttl_seconds": 9000})}))
			s.expectValue(it, "expires_at", sinceStart(31*time.Minute+9000*time.Second))
		})
	}
}

// TestSessionExpiry_LeadTimeIsComparedOnceBothAreKnown: with ignore_changes, engines
// validate the configured ttl_seconds and plan with the stored one.
func TestSessionExpiry_LeadTimeIsComparedOnceBothAreKnown(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, sessionsOfBothTypes(), "s1")
	longer := attributes{"ttl_seconds": 7200}
	for at, planned := range map[address]block{room("it"): lasts("s1", lead(time.Hour), longer), sessionAt("it"): creates(lead(time.Hour), longer)} {
		planned.IgnoreChanges = []string{"ttl_seconds"}
		s.config = configuration{at: planned}
		s.refused(command{}, "renew_before_seconds (3600) must be smaller than ttl_seconds (3600)")
	}
	s.config = configuration{room("it"): unknown(lasts("s1", lead(2*time.Hour)), "renew_before_seconds"), sessionAt("it"): creates()}
	s.applyFails(command{}, "renew_before_seconds (7200) must be smaller than ttl_seconds (3600)")
}

func TestSessionExpiry_TwoForOneSessionWarnInEveryPlan(t *testing.T) {
	t.Parallel()
	secret := triggers("hush-hush")
	s := newStory(t)
	s.put("s1")
	s.config = configuration{room("a"): lasts("s1", secret, attributes{"ttl_seconds": 6000}), room("b"): lasts("s1", secret, attributes{"ttl_seconds": 6001})}
	for range 2 { // Both are new, then both are in the state.
		p := s.Plan(s.config, command{})
		s.expectWarnings(p.Problems, conflictWarning+` … "s1" … ttl_seconds = 6001 … ttl_seconds = 6000 … destroy = false`)
		if strings.Contains(problemText(p.Problems), "hush-hush") {
			t.Error("the warning shows renew_triggers, which may be sensitive")
		}
		s.run()
	}
}

func TestSessionExpiry_TwoForOneSessionWarnOnceTheIDIsKnown(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	s.expectWarnings(s.change(configuration{
		room("a"): unknown(lasts("s1"), "session_id"), room("b"): unknown(lasts("s1"), "session_id"),
	}))
	s.config = configuration{room("a"): lasts("s1"), room("b"): lasts("s1")}
	s.expectWarnings(s.Plan(s.config, command{}).Problems, conflictWarning)
}
