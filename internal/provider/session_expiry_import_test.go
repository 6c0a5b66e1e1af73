package provider

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// importing imports session s1 by its id, as it is in the account.
func importing(session sandbox.Session) func(*story) {
	session.ID = "s1"
	return func(s *story) {
		s.Put(session)
		s.Import(room("it"), &tfprotov6.ImportResourceStateRequest{ID: "s1"})
	}
}

func TestSessionExpiry_ImportIsUpdatedInPlace(t *testing.T) {
	t.Parallel()
	importedAfter := func(d time.Duration) func(*story) {
		return all(after(d), importing(sandbox.Session{CreatedAt: testStart, ExpiresAt: testStart.Add(2 * time.Hour)}))
	}
	another := lead(time.Minute)
	another["ttl_seconds"] = 9000
	missing := func(s *story) {
		s.Remove("s1")
		s.Import(room("it"), &tfprotov6.ImportResourceStateRequest{ID: "s1"})
	}
	runScenarios(t, map[string]scenario{
		"with the same lifetime": {turns: []turn{{happens: importedAfter(time.Hour), config: attributes{}, expiresAt: 2 * time.Hour}}},
		"with another lifetime":  {turns: []turn{renewed(importedAfter(0), another, 150*time.Minute)}},
		"with a renewal due":     {turns: []turn{renewed(importedAfter(90*time.Minute), lead(time.Hour), 210*time.Minute)}},
		// The engine says that the session does not exist.
		"not of a missing session": {turns: []turn{{happens: missing, config: attributes{}, plans: "create", fails: []string{"does not exist"}, writes: []string{"POST s1"}}}},
	})
}

// Engines generate a configuration from what the import has put into the state.
func TestSessionExpiry_ImportGivesValuesThatPlanEmpty(t *testing.T) {
	t.Parallel()
	created, updated := testStart.Add(-time.Hour), testStart.Add(-time.Minute)
	for name, session := range map[string]sandbox.Session{
		"connected":     {CreatedAt: created, UpdatedAt: updated, ExpiresAt: testStart.Add(30 * time.Second), Connected: true},
		"about to end":  {CreatedAt: created, UpdatedAt: testStart, ExpiresAt: testStart.Add(time.Second)},
		"the year 9999": {CreatedAt: testStart, ExpiresAt: time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			importing(session)(s)
			generated := make(attributes)
			for _, argument := range []string{"session_id", "ttl_seconds", "renew_before_seconds", "renew_triggers", "delete_on_destroy"} {
				generated[argument] = member(s.State.Current[room("it")].Value, argument)
			}
			s.config = configuration{room("it"): {Arguments: generated}}
			s.expectEmptyPlan()
			s.expectWrites()
		})
	}
}

func TestSessionExpiry_EngineImports(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		needs engine.Since
		by    string
		ttl   int // 0 means that the engine generates the configuration
	}{
		"by id, with generated configuration": {engine.Since{Terraform: "1.5", OpenTofu: "1.6"}, "id = %q", 0},
		"by identity":                         {identityImport, "identity = { session_id = %q }", 7200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs(t, test.needs)
			f, c := newFixture(t), newCLI(t)
			f.putSession(testSessionID, 2*time.Hour)
			config, args := fmt.Sprintf("import {\n  to = %s\n  "+test.by+"\n}\n", expiryAddress, testSessionID), []string{}
			if test.ttl > 0 {
				config += expiryConfig(test.ttl, "")
			} else {
				args = append(args, "-generate-config-out=generated.tf")
			}
			c.write(f.config(config))
			actions, said := c.plan(args...)
			if actions[expiryAddress] != "no-op" || !strings.Contains(said, "1 to import, 0 to add, 0 to change, 0 to destroy") {
				t.Errorf("plan: %v\n%s", actions, said)
			}
			c.run("apply", "tfplan")
			f.expectWrites(t)
			if identity := c.instances()[expiryAddress][0].Identity; testEngine.Has(identityImport) && identity["session_id"] != testSessionID {
				t.Errorf("identity in the state: %v", identity)
			}
		})
	}
}
