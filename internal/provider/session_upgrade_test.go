package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// The states were written by Terraform 1.11 and the builds of the commits that they
// are named after: there is no release yet. Both resources had no active and renew_at.
func TestUpgrade_StatesOfEarlierBuildsPlanNothing(t *testing.T) {
	t.Parallel()
	states := must(filepath.Glob("testdata/states/*.json"))
	if len(states) < 2 {
		t.Fatalf("%d states", len(states))
	}
	for _, path := range states {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			f, c := newFixture(t), newCLI(t)
			c.writeFile("terraform.tfstate", string(must(os.ReadFile(path)))) // #nosec G304 -- test data
			for _, instances := range c.instances() {                         // The plan is made an hour after they were written.
				values := instances[0].Attributes
				end := must(time.Parse(time.RFC3339, fmt.Sprint(values["expires_at"])))
				granted := end.Add(-7 * 24 * time.Hour)
				f.clock.Advance(granted.Add(time.Hour).Sub(f.clock.Now()))
				f.Put(sandbox.Session{ID: fmt.Sprint(values["id"]), CreatedAt: granted, UpdatedAt: granted, ExpiresAt: end})
			}
			c.write(f.config(`
resource "palabra_session_expiry" "kept" {
  session_id           = "` + testSessionID + `"
  ttl_seconds          = 604800
  renew_before_seconds = 86400
}

resource "palabra_session" "own" {
  ttl_seconds = 604800
}`))
			expectNothingChanges(t, f, c, "palabra_session_expiry.kept", "palabra_session.own")
		})
	}
}
