package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// The states were written by Terraform 1.11 and the builds of the commits that they
// are named after: there is no release yet. Both resources had no active and renew_at,
// and identities of version 0, which engines of then did not store.
func TestUpgrade_StatesOfEarlierBuildsPlanNothing(t *testing.T) {
	t.Parallel()
	states, err := filepath.Glob("testdata/states/*.json")
	if err != nil || len(states) < 2 {
		t.Fatalf("%d states: %v", len(states), err)
	}
	for _, path := range states {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			c := newCLI(t)
			written := putSessionsOf(t, f, path)
			if err := os.WriteFile(filepath.Join(c.Dir, "terraform.tfstate"), written, 0o600); err != nil {
				t.Fatal(err)
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
			if actions, said := c.plan(); len(actions) != 2 || actions["palabra_session_expiry.kept"] != "no-op" || actions["palabra_session.own"] != "no-op" {
				t.Fatalf("planned %v, want nothing for two resources: %s", actions, said)
			}
			c.run("apply", "-auto-approve")
			c.run("plan", "-detailed-exitcode")
			f.expectWrites(t)
			for address, instances := range c.instances() {
				if identity := instances[0].Identity; identity != nil && identity["session_id"] != instances[0].Attributes["id"] {
					t.Errorf("%s: identity %v, want that of session %v", address, identity, instances[0].Attributes["id"])
				}
			}
		})
	}
}

// putSessionsOf stores the sessions of a state in the sandbox, an hour after they were
// written, and returns the state with the identities that newer engines store.
func putSessionsOf(t *testing.T, f *fixture, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path) // #nosec G304 -- test data
	if err != nil {
		t.Fatal(err)
	}
	written := string(content)
	for _, resource := range readStateFile(t, path).Resources {
		values := resource.Instances[0].Attributes
		end, err := time.Parse(time.RFC3339, fmt.Sprint(values["expires_at"]))
		if err != nil {
			t.Fatal(err)
		}
		granted := end.Add(-7 * 24 * time.Hour)
		f.clock.Advance(granted.Add(time.Hour).Sub(f.clock.Now()))
		f.Put(sandbox.Session{ID: fmt.Sprint(values["id"]), CreatedAt: granted, UpdatedAt: granted, ExpiresAt: end})
		attribute := map[string]string{sessionExpiryType: "session_id", managedSessionType: "id"}[resource.Type]
		before, after, _ := strings.Cut(written, fmt.Sprintf("%q: %q", "type", resource.Type))
		written = before + fmt.Sprintf("%q: %q", "type", resource.Type) +
			strings.Replace(after, `"attributes":`, fmt.Sprintf(`"identity_schema_version": 0, "identity": {%q: %q}, "attributes":`, attribute, values["id"]), 1)
	}
	return []byte(written)
}
