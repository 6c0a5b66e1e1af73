package provider

import (
	"context"
	"fmt"
	"net/http"
	"slices"
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

// TestSessionExpiry_EngineLeavesTheStateAloneOnOrdinaryDays, and a refresh costs few
// requests, although an engine reads the instances one by one, ten at a time.
func TestSessionExpiry_EngineLeavesTheStateAloneOnOrdinaryDays(t *testing.T) {
	t.Parallel()
	const instances, maxPages, maxRequests = 200, 2, 14
	f, c := newFixture(t), newCLI(t)
	f.putMany(instances)
	c.write(f.config(manyExpiries(instances, 7200, "renew_before_seconds = 3600") + `
resource "terraform_data" "dependant" {
  input            = palabra_session_expiry.many[keys(palabra_session_expiry.many)[0]].expires_at
  triggers_replace = palabra_session_expiry.many
}
`))
	c.run("apply", "-auto-approve", "-input=false")
	if writes := len(f.writes()); writes != instances {
		t.Fatalf("create wrote %d times, want %d", writes, instances)
	}
	state := c.read("terraform.tfstate")
	// Terraform 1.11 answers 2 for every state with a number in it, whatever a
	// provider does; later versions and OpenTofu answer 0.
	_, _, want := c.exec("plan", "-refresh-only", "-detailed-exitcode")
	f.ResetRequests()
	f.clock.Advance(50 * time.Minute)
	if out, errOut, code := c.exec("plan", "-refresh-only", "-detailed-exitcode"); code != want || strings.Contains(out+errOut, "Warning") {
		t.Errorf("refresh-only plan: exit code %d, want %d\n%s%s", code, want, out, errOut)
	}
	calls := f.calls()
	pages := len(slices.DeleteFunc(slices.Clone(calls), func(call string) bool { return call != "GET" }))
	if pages > maxPages || len(calls) > maxRequests {
		t.Errorf("%d requests, %d of them for pages; want at most %d and %d: %q", len(calls), pages, maxRequests, maxPages, calls)
	}
	if out := c.run("apply", "-auto-approve"); !says(out, "No changes.") || says(out, "Warning") || c.read("terraform.tfstate") != state {
		t.Errorf("the state is changed: %t\n%s", c.read("terraform.tfstate") != state, out)
	}
	f.expectWrites(t)
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
		"palabra_session": {nil, configuration{sessionAt("a"): creates()}},
		"create":          {nil, configuration{a: lasts("s1")}},
		"renewal":         {configuration{a: lasts("s1")}, configuration{a: lasts("s1", attributes{"ttl_seconds": 7200})}},
		"deletion":        {configuration{a: lasts("s1")}, configuration{}},
	}, func(t *testing.T, test row) {
		s := newAppliedStory(t, test.before, "s1", "s2")
		test.after[z] = lasts("s2")
		p := s.Plan(test.after, command{})
		s.ResetRequests()
		if out := s.Apply(p); out.Failed() || strings.Count(strings.Join(s.calls(), ","), "GET s2") != 1 {
			t.Errorf("%q, want one read of the new session, after the write: %s", s.calls(), problemText(out.Problems))
		}
	})
}

func TestSessionExpiry_CappedGrantWarnsAndDoesNotLoop(t *testing.T) {
	t.Parallel()
	const capped = "Session granted less than asked … was to live 1h (ttl_seconds = 3600), and the API reports that it expires at "
	type row struct {
		skip          int // reads; one that is skipped finds the cap
		first, second []string
	}
	eachRow(t, map[string]row{
		"read back":     {3, []string{capped + sinceStart(10*time.Minute)}, nil},
		"not read back": {2, []string{"Session not read back"}, []string{earlierWarning, capped + sinceStart(10*time.Minute)}},
	}, func(t *testing.T, test row) {
		s := newStory(t, func(o *sandbox.Options) { o.MaxTTL = 10 * time.Minute })
		s.put("s1")
		heal := s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Skip: test.skip, Effect: sandbox.CutBefore()})
		s.expectWarnings(s.change(configuration{room("it"): lasts("s1", lead(45*time.Minute))}), test.first...)
		heal()
		s.expectWarnings(s.run(), test.second...)
		s.clock.Advance(time.Minute)
		s.expectEmptyPlan()
		s.clock.Advance(time.Second)
		s.expectWarnings(s.run(), capped+sinceStart(11*time.Minute+time.Second))
	})
}

// A read right after a write may be answered from before it. That is not a cap.
func TestSessionExpiry_StaleReadBackIsNotACap(t *testing.T) {
	t.Parallel()
	it := room("it")
	eachRow(t, map[string]int{"once": 1, "always": 9}, func(t *testing.T, reads int) {
		s := newStory(t)
		s.putSession("s1", 24*time.Hour)
		s.clock.Advance(time.Minute)
		heal := s.Inject(sandbox.Fault{Effect: s.StaleReads(reads)})
		s.expectWarnings(s.change(configuration{it: lasts("s1")}), shorterWarning)
		if heal(); reads > 1 {
			// It knows no earlier expiry. The next read corrects it.
			s.expectValue(it, "expires_at", sinceStart(24*time.Hour))
			s.expectWarnings(s.run(), earlierWarning)
		}
		s.expectValue(it, "expires_at", sinceStart(61*time.Minute))
		s.expectEmptyPlan()
		// Only the note has this expiry.
		s.clock.Advance(30 * time.Minute)
		s.Put(sandbox.Session{ID: "s1", CreatedAt: testStart, UpdatedAt: s.clock.Now(), ExpiresAt: testStart.Add(61*time.Minute - 30*time.Second)})
		s.clock.Advance(time.Minute)
		defer s.Inject(sandbox.Fault{Effect: s.StaleReads(reads)})()
		s.expectWarnings(s.change(configuration{it: lasts("s1", attributes{"ttl_seconds": 9000})}))
		s.expectValue(it, "expires_at", sinceStart(32*time.Minute+9000*time.Second))
	})
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

// TestSessionExpiry_TwoForOneSessionWarnInEveryPlan: both are new, then the session is
// known after apply, then both are in the state.
func TestSessionExpiry_TwoForOneSessionWarnInEveryPlan(t *testing.T) {
	t.Parallel()
	const warning = conflictWarning + ` … "s1" … ttl_seconds = 6001 … ttl_seconds = 6000 … destroy = false`
	s, secret := newStory(t), triggers("hush-hush") // It may be sensitive.
	s.put("s1")
	a, b := lasts("s1", secret, attributes{"ttl_seconds": 6000}), lasts("s1", secret, attributes{"ttl_seconds": 6001})
	for _, test := range []struct{ later, want []string }{{nil, []string{warning}}, {[]string{"session_id"}, nil}, {nil, []string{warning}}} {
		s.config = configuration{room("a"): unknown(a, test.later...), room("b"): unknown(b, test.later...)}
		p := s.Plan(s.config, command{})
		if s.expectWarnings(p.Problems, test.want...); says(problemText(p.Problems), "hush-hush") {
			t.Error("the warning shows renew_triggers")
		}
		if len(test.want) == 0 {
			s.Apply(p)
		}
	}
	if len(s.State.Current) != 2 {
		t.Errorf("state: %v", s.State.Current)
	}
}
