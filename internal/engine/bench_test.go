package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// benchLatency is how long the API takes for each answer.
const benchLatency = 50 * time.Millisecond

var benchSteps = []struct{ name, command, ttl string }{
	{"create", "apply -auto-approve", "3600"},
	{"refresh", "plan -detailed-exitcode", "3600"},
	{"update", "apply -auto-approve", "7200"},
	{"destroy", "destroy -auto-approve", "7200"},
}

// managed are the compared configurations. terraform_data shows the engine's own
// time.
var managed = map[string]string{
	"terraform_data": `
resource "terraform_data" "session" {
  for_each = local.ids
  input    = { session_id = each.key, ttl_seconds = var.ttl_seconds }
}`,
	"palabra": `
terraform {
  required_providers {
    palabra = { source = "` + engine.ProviderSource + `" }
  }
}

resource "palabra_session_expiry" "session" {
  for_each    = local.ids
  session_id  = each.key
  ttl_seconds = var.ttl_seconds
}`,
}

// BenchmarkEngine measures whole runs of a real engine. It manages the sessions that
// come last in the list. Compare results of one go only, with benchstat: machines
// differ, and are noisy.
func BenchmarkEngine(b *testing.B) {
	prepared, err := engine.Prepare(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []struct{ sessions, account int }{{1, 1}, {3, 3}, {10, 10}, {30, 30}, {200, 200}, {3, 10_000}} {
		for by, blocks := range managed {
			b.Run(fmt.Sprintf("sessions=%d/account=%d/by=%s", size.sessions, size.account, by), func(b *testing.B) {
				config := fmt.Sprintf(`
variable "ttl_seconds" { type = number }
locals { ids = toset([for i in range(%d, %d) : format("bench-user.%%08d", i)]) }
%s`, size.account-size.sessions, size.account, blocks)
				for b.Loop() {
					benchLife(b, prepared.In(b.TempDir()), config, size.account)
				}
				b.ReportMetric(0, "ns/op") // It would include the set-up.
			})
		}
	}
}

// benchLife runs all steps and reports the time, requests and connections of each.
func benchLife(b *testing.B, work engine.Workspace, config string, account int) {
	b.Helper()
	api := engine.ServeTest(b, sandbox.Options{}, "")
	created := time.Now().Add(-24 * time.Hour)
	for i := range account {
		api.Put(sandbox.Session{ID: fmt.Sprintf("bench-user.%08d", i), CreatedAt: created.Add(time.Duration(i) * time.Second)})
	}
	api.Inject(sandbox.Fault{Name: "latency", Effect: sandbox.Delay(benchLatency)})
	work = work.In(work.Dir, api.Env()...)
	if err := os.WriteFile(filepath.Join(work.Dir, "main.tf"), []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	work.MustRun(b, "init")
	for _, step := range benchSteps {
		api.ResetRequests()
		began := time.Now()
		work.MustRun(b, strings.Fields(step.command+" -var=ttl_seconds="+step.ttl)...)
		b.ReportMetric(time.Since(began).Seconds(), step.name+"-sec/op")
		connections := make(map[string]bool)
		for _, request := range api.Requests() {
			connections[request.RemoteAddr] = true
		}
		b.ReportMetric(float64(len(api.Requests())), step.name+"-requests/op")
		b.ReportMetric(float64(len(connections)), step.name+"-connections/op")
	}
}
