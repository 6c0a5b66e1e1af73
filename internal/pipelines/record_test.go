package pipelines

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// record writes the recorded plans anew, those of the engine that
// PALABRA_ENGINE names:
//
//	go test ./internal/pipelines -run Recordings -record
var record = flag.Bool("record", false, "record the plans of the engine under test")

const planFolder = "testdata/plans"

const requiredProviders = `
terraform {
  required_providers {
    palabra = { source = "palabra-community/palabra" }
  }
}
`

const kept = `
variable "sessions" {
  type    = map(string)
  default = { lobby = "room.a", stage = "room.b" }
}
resource "palabra_session_expiry" "kept" {
  for_each             = var.sessions
  session_id           = each.value
  ttl_seconds          = 7200
  renew_before_seconds = 3600
}
output "ended" {
  value = [for name, s in palabra_session_expiry.kept : name if !s.active]
}
`

// recordings are plans: what is applied first, what is planned then, and how.
var recordings = []struct {
	name          string
	before, after string
	change        func(w *workspace)
	args          []string
	// terraform and openTofu are parts of the gate's output about the engine's plan.
	// Nil means that the plan may be applied; for openTofu, the same as terraform.
	terraform, openTofu []string
}{
	{name: "nothing", before: kept, after: kept},
	{name: "renewal", before: kept, after: kept, change: becomeDue},
	{name: "ended", before: kept, after: kept, change: func(w *workspace) { becomeDue(w); w.Remove("room.b") }},
	{name: "arguments", before: kept, after: strings.Replace(kept, "= 7200", "= 9000", 1)},
	{
		name: "session", before: `resource "palabra_session" "own" { ttl_seconds = 7200 }`,
		after: `resource "palabra_session" "own" { ttl_seconds = 9000 }`,
	},
	{
		name: "create", before: kept, after: strings.Replace(kept, `"room.b"`, `"room.b", hall = "room.c"`, 1), change: becomeDue,
		terraform: []string{`palabra_session_expiry.kept["hall"]: the plan creates it`},
	},
	{
		name: "delete", before: kept, after: strings.Replace(kept, `, stage = "room.b"`, "", 1),
		terraform: []string{`palabra_session_expiry.kept["stage"]: the plan deletes it`},
	},
	{
		name: "destroy", before: kept, after: kept, args: []string{"-destroy"},
		terraform: []string{`kept["lobby"]: the plan deletes it`, `kept["stage"]: the plan deletes it`},
	},
	{
		name: "forget", before: kept, after: "removed {\n  from = palabra_session_expiry.kept\n  lifecycle {\n    destroy = false\n  }\n}\n",
		terraform: []string{`kept["lobby"]: the plan forgets it`},
	},
	{
		name: "replace", before: kept, after: strings.Replace(kept, `"room.b"`, `"room.c"`, 1),
		terraform: []string{`kept["stage"]: the plan replaces it: delete, then create`},
	},
	{
		name: "replace_create_first", before: kept,
		after:     strings.Replace(strings.Replace(kept, `"room.b"`, `"room.c"`, 1), "= 3600", "= 3600\n  lifecycle {\n    create_before_destroy = true\n  }", 1),
		terraform: []string{`kept["stage"]: the plan replaces it: create, then delete`},
	},
	{
		name: "moved", before: kept,
		after:     strings.ReplaceAll(kept, "kept", "rooms") + "moved {\n  from = palabra_session_expiry.kept\n  to = palabra_session_expiry.rooms\n}\n",
		terraform: []string{`rooms["lobby"]: moves it from palabra_session_expiry.kept["lobby"]`},
	},
	{
		name: "import", before: kept,
		after: kept + "import {\n  to = palabra_session_expiry.hall\n  id = \"room.c\"\n}\n" +
			`resource "palabra_session_expiry" "hall" { ` + "\nsession_id = \"room.c\"\nttl_seconds = 86400\n}\n",
		terraform: []string{`palabra_session_expiry.hall: imports it`},
	},
	{
		name: "other_type", before: kept + `resource "terraform_data" "note" { input = "a" }`, change: becomeDue,
		after:     kept + `resource "terraform_data" "note" { input = "b" }`,
		terraform: []string{`terraform_data.note: terraform_data is not a session`, `terraform_data.note: it belongs to the provider terraform.io/builtin/terraform`},
	},
	{
		name: "read_in_apply", before: kept, change: becomeDue,
		after: kept + "data \"palabra_session\" \"lobby\" {\n  id         = \"room.a\"\n  depends_on = [palabra_session_expiry.kept]\n}\n",
		// Engines read it in the plan unless the resource has changes.
		terraform: []string{`data.palabra_session.lobby: the plan reads it during apply`},
	},
	{
		name: "target", before: kept, after: kept, change: becomeDue, args: []string{`-target=palabra_session_expiry.kept["lobby"]`},
		terraform: []string{"the plan: it is not complete"}, openTofu: []string{},
	},
}

// becomeDue lets time pass until the sessions are due for renewal.
func becomeDue(w *workspace) { w.clock.Advance(90 * time.Minute) }

func TestRecordings_AreWrittenOnDemand(t *testing.T) {
	t.Parallel()
	if !*record {
		t.Skip("records only with -record; the gate's test reads what was recorded")
	}
	for _, r := range recordings {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			for _, id := range []string{"room.a", "room.b", "room.c"} {
				w.putSession(id, 24*time.Hour)
			}
			w.write("main.tf", requiredProviders+r.before)
			w.engineRun("init", "-input=false")
			w.engineRun("apply", "-auto-approve")
			if r.change != nil {
				r.change(w)
			}
			w.write("main.tf", requiredProviders+r.after)
			w.engineRun(append([]string{"plan", "-out=tfplan"}, r.args...)...)
			folder := filepath.Join(planFolder, w.Engine.Name)
			if err := os.MkdirAll(folder, 0o750); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(folder, r.name+".json"), recorded(t, w.engineRun("show", "-json", "tfplan")))
			if r.name == "nothing" {
				writeFile(t, filepath.Join(folder, "state.json"), recorded(t, w.engineRun("show", "-json")))
			}
		})
	}
}

// token is a token of the sandbox, which looks like credentials.
var token = regexp.MustCompile(`"eyJ[^"]*"`)

// recorded is a plan without tokens, indented.
func recorded(t *testing.T, plan string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal(token.ReplaceAll([]byte(plan), []byte(`"(token)"`)), &value); err != nil {
		t.Fatal(err)
	}
	laidOut, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(laidOut) + "\n"
}
