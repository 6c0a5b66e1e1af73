package provider_test

import (
	"fmt"
	"regexp"
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

var importByID = fmt.Sprintf(`
import {
  to = palabra_session_expiry.test
  id = %q
}
`, testSessionID)

func TestSessionExpiry_ImportBlockAdoptsWithoutAWrite(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 2*time.Hour)
	f.clock.Advance(time.Hour)
	c.write(f.config(importByID + expiryConfig(7200, "")))
	p := c.plan()
	if p.actions()[expiryAddress] != "no-op" || !strings.Contains(p.text, "1 to import, 0 to add, 0 to change, 0 to destroy") {
		t.Errorf("plan: %v\n%s", p.actions(), p.text)
	}
	c.run("apply", "tfplan")
	if values := c.values(expiryAddress); values["expires_at"] != sinceStart(2*time.Hour) || values["id"] != testSessionID || values["delete_on_destroy"] != true {
		t.Errorf("state: %v", values)
	}
	if p := c.plan(); !strings.Contains(p.text, "No changes.") {
		t.Errorf("the next plan is not empty:\n%s", p.text)
	}
	f.expectWrites(t)
}

func TestSessionExpiry_ImportWithAnotherLifetimeUpdatesInPlace(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 2*time.Hour)
	c.write(f.config(importByID + expiryConfig(600, "renew_before_seconds = 60")))
	p := c.plan()
	if p.actions()[expiryAddress] != "update" || !p.unknown(expiryAddress, "expires_at") {
		t.Errorf("plan: %v, want an in-place update", p.actions())
	}
	f.expectWrites(t)
	c.run("apply", "tfplan")
	f.expectWrites(t, "POST "+testSessionPath)
	if got := c.values(expiryAddress)["expires_at"]; got != sinceStart(10*time.Minute) {
		t.Errorf("expires_at: %v", got)
	}
}

func TestSessionExpiry_ImportOfADueSessionRenewsItInTheSamePlan(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 2*time.Hour)
	f.clock.Advance(90 * time.Minute)
	c.write(f.config(importByID + expiryConfig(7200, "renew_before_seconds = 3600")))
	p := c.plan()
	if p.actions()[expiryAddress] != "update" || !p.unknown(expiryAddress, "expires_at") {
		t.Errorf("plan: %v\n%s", p.actions(), p.text)
	}
	c.run("apply", "tfplan")
	f.expectWrites(t, "POST "+testSessionPath)
}

func TestSessionExpiry_GeneratedConfigurationPlansEmpty(t *testing.T) {
	t.Parallel()
	for name, session := range map[string]sandbox.Session{
		"as created":    {ID: testSessionID},
		"given a TTL":   {ID: testSessionID, CreatedAt: testStart.Add(-time.Hour), UpdatedAt: testStart.Add(-time.Minute), ExpiresAt: testStart.Add(time.Hour)},
		"connected":     {ID: testSessionID, CreatedAt: testStart.Add(-time.Hour), UpdatedAt: testStart.Add(-time.Minute), ExpiresAt: testStart.Add(30 * time.Second), Connected: true},
		"about to end":  {ID: testSessionID, CreatedAt: testStart.Add(-time.Hour), UpdatedAt: testStart, ExpiresAt: testStart.Add(time.Second)},
		"an odd moment": {ID: testSessionID, CreatedAt: testStart, UpdatedAt: testStart.Add(time.Hour), ExpiresAt: testStart.Add(time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := newFixture(t), newCLI(t)
			f.Put(session)
			c.write(f.config(importByID))
			c.run("plan", "-generate-config-out=generated.tf")
			generated := c.read("generated.tf")
			if p := c.plan(); p.actions()[expiryAddress] != "no-op" {
				t.Errorf("plan of the generated configuration: %v\n%s", p.actions(), generated)
			}
			c.run("apply", "tfplan")
			if p := c.plan(); !strings.Contains(p.text, "No changes.") {
				t.Errorf("plan after the import:\n%s\n%s", p.text, generated)
			}
			f.expectWrites(t)
		})
	}
}

func TestSessionExpiry_EngineImportsByIdentity(t *testing.T) {
	t.Parallel()
	needs(t, identityImport) // The test below talks to the provider on any engine.
	f := newFixture(t)
	f.putSession(testSessionID, 2*time.Hour)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{
				Config: f.config(expiryConfig(7200, "")),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectIdentity(expiryAddress, map[string]knownvalue.Check{"session_id": knownvalue.StringExact(testSessionID)}),
				},
			},
			{
				Config:           f.config(expiryConfig(7200, "")),
				ResourceName:     expiryAddress,
				ImportState:      true,
				ImportStateKind:  resource.ImportBlockWithResourceIdentity,
				ImportPlanChecks: resource.ImportPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(expiryAddress, plancheck.ResourceActionNoop)}},
			},
		},
	})
}

func TestSessionExpiry_ImportsByIDAndByIdentity(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	identity := s.wire(tftypes.NewValue(identityType, map[string]tftypes.Value{"session_id": stringOf("s1")}))
	for name, request := range map[string]*tfprotov6.ImportResourceStateRequest{
		"identity": {Identity: &tfprotov6.ResourceIdentityData{IdentityData: identity}},
		"id":       {ID: "s1"},
	} {
		s.expectWarnings(s.imports(room("it"), request))
		fresh := s.state.current[room("it")]
		if got := member(fresh.value, "ttl_seconds"); !got.Equal(numberOf(24*3600)) || text(fresh.value, "expires_at") != sinceStart(24*time.Hour) {
			t.Errorf("%s: state %s", name, fresh.value)
		}
	}
	s.expectWrites()
}

func TestSessionExpiry_ReadOfAStateWithoutIdentityAddsOne(t *testing.T) {
	t.Parallel()
	for name, vanish := range map[string]func(*story){
		"deleted early": func(s *story) { s.box.Remove("s1") },
		"ended":         func(s *story) { s.clock.Advance(3 * time.Hour) },
		"alive":         func(*story) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.put("s1")
			s.config = configuration{room("it"): lasts("s1")}
			s.run()
			vanish(s)
			created := s.state.current[room("it")]
			for _, private := range [][]byte{created.private, nil} {
				s.state.current[room("it")] = object{value: created.value, private: private}
				s.run(command{refreshOnly: true}) // It fails the test unless the answer has an identity.
				s.active(room("it"), name == "alive")
			}
		})
	}
}

func TestSessionExpiry_ImportOfAMissingSessionSaysSo(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession("another.session", time.Hour)
	c.write(f.config(importByID + expiryConfig(7200, "")))
	if out := c.fail("plan"); !regexp.MustCompile(`[Cc]annot import non-existent remote object`).MatchString(out) {
		t.Errorf("plan: %s", out)
	}
	f.expectWrites(t)
}

func TestSessionExpiry_ImportTellsBadIDsApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := newCLI(t)
	c.write(f.config(expiryConfig(3600, "")))
	for id, want := range map[string]string{
		"":                     "Empty session id",
		"..":                   "part of the URL's path",
		testSessionID + " ":    "begins or ends with a space",
		testSessionID + "typo": "Cannot import non-existent",
	} {
		said := c.fail("import", expiryAddress, id)
		if !strings.Contains(said, want) || strings.Contains(said, "status of the Palabra service") {
			t.Errorf("%q: %s", id, said)
		}
	}
}
