package pipelines

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	threeSessions = "sessions = {\n  lobby = \"room.a\"\n  stage = \"room.b\"\n  hall  = \"room.c\"\n}\n"
	fourSessions  = "sessions = {\n  lobby = \"room.a\"\n  stage = \"room.b\"\n  hall  = \"room.c\"\n  annex = \"room.d\"\n}\n"
)

// nights is a workspace in which only pipelines run.
type nights struct {
	*workspace
	ci, state, summary string
	pipelines          []pipeline
	night, successful  int
}

func newNights(t *testing.T) *nights {
	t.Helper()
	n := &nights{workspace: newWorkspace(t)}
	n.ci = n.installCommands()
	n.state = filepath.Join(t.TempDir(), "terraform.tfstate")
	n.summary = filepath.Join(n.ci, "summary.md")
	n.copyKit(n.state)
	n.write("sessions.auto.tfvars", threeSessions)
	for _, id := range []string{"room.a", "room.b", "room.c", "room.d"} {
		n.putSession(id, 60*24*time.Hour)
	}
	// A person does the first run and keeps the lock file.
	n.engineRun("init", "-input=false")
	n.engineRun("apply", "-auto-approve")
	n.pipelines = []pipeline{n.github("github/renew-sessions.yml", "renew", ""), n.gitlab("renew"), n.kubernetes()}
	return n
}

// run runs the next of the three pipelines in a new checkout, as a CI does. Only
// the state stays.
func (n *nights) run() result {
	n.t.Helper()
	p := n.pipelines[n.night%len(n.pipelines)]
	w := *n.workspace
	w.Workspace = n.In(n.t.TempDir(), append(p.env, "HEARTBEAT_URL=https://heartbeat.example.com/night", "GITHUB_STEP_SUMMARY="+n.summary)...)
	if p.name != "GitHub" {
		w.Env = append(w.Env, "SUMMARY_FILE="+n.summary)
	}
	checkout := w.Dir
	if p.name == "Kubernetes" {
		checkout = n.t.TempDir()
		w.Env = append(w.Env, "CONFIGURATION="+checkout)
	}
	n.checkout(checkout)
	n.ResetRequests()
	writeFile(n.t, n.summary, "")
	return w.perform(p)
}

// checkout copies the files of the repository.
func (n *nights) checkout(dir string) {
	n.t.Helper()
	entries, err := os.ReadDir(n.Dir)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			writeFile(n.t, filepath.Join(dir, entry.Name()), readFile(n.t, filepath.Join(n.Dir, entry.Name())))
		}
	}
}

// dayPasses is a day without a run.
func (n *nights) dayPasses() { n.night++; n.clock.Advance(24 * time.Hour) }

// succeeds is a night that must renew these sessions, and nothing else.
func (n *nights) succeeds(renewed ...string) {
	n.t.Helper()
	r := n.run()
	if r.code != 0 {
		n.t.Fatalf("night %d: exit code %d\n%s", n.night, r.code, r.output)
	}
	var want []string
	for _, id := range renewed {
		want = append(want, "POST /sessions/"+id)
	}
	if got := n.writes(); !slices.Equal(got, want) {
		n.t.Errorf("night %d: writes %q, want %q", n.night, got, want)
	}
	if summary := readFile(n.t, n.summary); !strings.Contains(summary, fmt.Sprintf("%d renewed", len(renewed))) {
		n.t.Errorf("night %d: summary\n%s\nwant %d renewed", n.night, summary, len(renewed))
	}
	n.alive(renewed...)
	n.successful++
}

func (n *nights) alive(ids ...string) {
	n.t.Helper()
	for _, id := range ids {
		session, ok := n.Session(id)
		if !ok || session.ExpiresAt.Before(n.clock.Now().Add(24*time.Hour)) {
			n.t.Fatalf("night %d: session %s does not live until the next night: %v", n.night, id, session.ExpiresAt)
		}
	}
}

// nothingIsPlanned plans at noon.
func (n *nights) nothingIsPlanned() {
	n.t.Helper()
	n.clock.Advance(12 * time.Hour)
	if r := n.workspace.run(n.Engine.Path, "plan", "-input=false", "-no-color", "-lock=false", "-detailed-exitcode"); r.code != 0 {
		n.t.Errorf("noon after night %d: exit code %d\n%s", n.night, r.code, r.output)
	}
	n.clock.Advance(-12 * time.Hour)
}

// TestPipelines_KeepSessionsAlive has at least three nights of each kind, one for
// each pipeline.
func TestPipelines_KeepSessionsAlive(t *testing.T) {
	t.Parallel()
	n := newNights(t)
	all := []string{"room.a", "room.b", "room.c"}
	first := len(readFile(t, n.state))

	for range 3 {
		n.dayPasses()
		n.succeeds(all...)
	}
	n.nothingIsPlanned()

	// Somebody uses the hall's session and hangs up.
	n.Connect("room.c")
	n.clock.Advance(10 * time.Minute)
	n.Disconnect("room.c")
	kept := all[:2]
	for range 3 {
		n.dayPasses()
		n.succeeds(kept...)
		if summary := readFile(t, n.summary); !strings.Contains(summary, `kept["hall"]`+"` | ended: remove it") {
			t.Errorf("night %d: the summary lacks the end:\n%s", n.night, summary)
		}
	}
	n.nothingIsPlanned()

	// The API refuses one renewal: the night fails, and the summary lists both.
	allow := n.Inject(sandbox.Fault{
		Operation: sandbox.OperationExpiry, SessionID: "room.b",
		Effect: sandbox.NotOK(http.StatusConflict, "Conflict", "Not today", 1),
	})
	n.dayPasses()
	r := n.run()
	if r.code == 0 || !strings.Contains(r.output, "409 Conflict") {
		t.Errorf("night %d: exit code %d\n%s", n.night, r.code, r.output)
	}
	for _, want := range []string{"1 renewed, 1 ended", "lobby\"]` | renewed", "stage\"]` | **due, but not renewed**", "hall\"]` | ended"} {
		if summary := readFile(t, n.summary); !strings.Contains(summary, want) {
			t.Errorf("night %d: the summary lacks %q:\n%s", n.night, want, summary)
		}
	}
	allow()

	n.dayPasses()
	n.succeeds(kept...)

	// Two nights are skipped.
	n.dayPasses()
	n.dayPasses()
	n.dayPasses()
	n.succeeds(kept...)

	// Somebody adds a session to the variable and forgets to apply.
	n.write("sessions.auto.tfvars", fourSessions)
	n.dayPasses()
	r = n.run()
	if r.code == 0 || !strings.Contains(r.output, `kept["annex"]: the plan creates it`) || len(n.writes()) > 0 {
		t.Fatalf("night %d: exit code %d, writes %q\n%s", n.night, r.code, n.writes(), r.output)
	}
	if summary := readFile(t, n.summary); !strings.Contains(summary, "Nothing was applied") || !strings.Contains(summary, "annex") {
		t.Errorf("night %d: summary\n%s", n.night, summary)
	}
	n.alive(kept...)
	n.engineRun("apply", "-auto-approve")
	kept = append(slices.Clone(kept), "room.d")

	for range 3 {
		n.dayPasses()
		n.succeeds(kept...)
	}
	n.nothingIsPlanned()

	if last := len(readFile(t, n.state)); last > first*3/2 { // There is one session more.
		t.Errorf("the state grew from %d to %d bytes", first, last)
	}
	if beats := strings.Count(readFile(t, filepath.Join(n.ci, "curl.log")), "heartbeat.example.com"); beats != n.successful {
		t.Errorf("%d heartbeats, want one for each of %d successful nights", beats, n.successful)
	}

	// After a week without runs the sessions are gone. The summary says so, and the
	// night succeeds; the watch has failed before.
	for range 7 {
		n.dayPasses()
	}
	n.succeeds()
	if summary := readFile(t, n.summary); !strings.Contains(summary, "4 in the state: 0 renewed, 4 ended.") {
		t.Errorf("the summary lacks the end of all sessions:\n%s", summary)
	}
	if left := n.Sessions(); len(left) > 0 {
		t.Errorf("sessions that should have ended: %v", left)
	}
}
