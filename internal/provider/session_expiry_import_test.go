package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

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
	another["ttl_seconds"] = 600
	missing := func(s *story) {
		s.Remove("s1")
		s.Import(room("it"), &tfprotov6.ImportResourceStateRequest{ID: "s1"})
	}
	runScenarios(t, map[string]scenario{
		"with the same lifetime": {turns: []turn{{happens: importedAfter(time.Hour), config: attributes{}, expiresAt: 2 * time.Hour}}},
		"with another lifetime":  {turns: []turn{renewed(importedAfter(0), another, 10*time.Minute)}},
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

func TestSessionExpiry_ImportByIDEqualsImportByIdentity(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	for _, request := range []*tfprotov6.ImportResourceStateRequest{{ID: "s1"}, {Identity: identityOf("s1")}} {
		s.expectWarnings(s.Import(room("it"), request))
		s.expectValue(room("it"), "ttl_seconds", 24*3600)
		s.expectValue(room("it"), "expires_at", sinceStart(24*time.Hour))
		s.expectValue(room("it"), "delete_on_destroy", true)
	}
	s.expectWrites()
}

func TestSessionExpiry_ReadOfAStateWithoutIdentityAddsOne(t *testing.T) {
	t.Parallel()
	for name, vanish := range map[string]func(*story){
		"deleted early": func(s *story) { s.Remove("s1") },
		"ended":         after(3 * time.Hour),
		"alive":         func(*story) {},
		"not configured": func(s *story) {
			s.provider["client_secret"] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAppliedStory(t, configuration{room("it"): lasts("s1")}, "s1")
			vanish(s)
			created := s.State.Current[room("it")]
			for _, private := range [][]byte{created.Private, nil} {
				s.State.Current[room("it")] = object{Value: created.Value, Private: private}
				s.run(command{RefreshOnly: true}) // It fails the test unless the answer has an identity.
				s.active(room("it"), name == "alive" || name == "not configured")
			}
		})
	}
}

func TestSessionExpiry_EngineImportsWithGeneratedConfiguration(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 2*time.Hour)
	c.write(f.config(fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", expiryAddress, testSessionID)))
	c.run("plan", "-generate-config-out=generated.tf")
	p := c.plan()
	if p.actions()[expiryAddress] != "no-op" || !strings.Contains(p.text, "1 to import, 0 to add, 0 to change, 0 to destroy") {
		t.Errorf("plan: %v\n%s\n%s", p.actions(), p.text, c.read("generated.tf"))
	}
	c.run("apply", "tfplan")
	f.expectWrites(t)
}

func TestSessionExpiry_EngineImportsByIdentity(t *testing.T) {
	t.Parallel()
	needs(t, identityImport)
	f := newFixture(t)
	f.putSession(testSessionID, 2*time.Hour)
	config := f.config(expiryConfig(7200, ""))
	runSteps(t,
		resource.TestStep{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectIdentity(expiryAddress, map[string]knownvalue.Check{"session_id": knownvalue.StringExact(testSessionID)}),
			},
		},
		resource.TestStep{
			Config:           config,
			ResourceName:     expiryAddress,
			ImportState:      true,
			ImportStateKind:  resource.ImportBlockWithResourceIdentity,
			ImportPlanChecks: resource.ImportPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(expiryAddress, plancheck.ResourceActionNoop)}},
		},
	)
}
