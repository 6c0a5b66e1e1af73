package provider_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// liveConfig is the live API that "make testacc" asks for, read before TestMain
// clears the environment; nil in every other run.
var liveConfig = func() *palabra.Config {
	if os.Getenv("PALABRA_LIVE") == "" {
		return nil
	}
	return &palabra.Config{
		Endpoint:     os.Getenv("PALABRA_API_URL"),
		ClientID:     os.Getenv("PALABRA_CLIENT_ID"),
		ClientSecret: os.Getenv("PALABRA_CLIENT_SECRET"),
		APIKey:       os.Getenv("PALABRA_API_KEY"),
		MaxRetries:   4,
	}
}()

// liveTarget is the live API, or a sandbox: the suite runs in every test run, so
// that it works when somebody needs it.
func liveTarget(t *testing.T) (*palabra.Client, string) {
	t.Helper()
	config := palabra.Config{ClientID: testClientID, ClientSecret: testClientSecret}
	if liveConfig != nil {
		config = *liveConfig
	} else {
		config.Endpoint = newFixture(t).url
	}
	client, err := palabra.New(config)
	if err != nil {
		t.Fatal(err)
	}
	block := "provider \"palabra\" {\n"
	for name, value := range map[string]string{
		"endpoint": config.Endpoint, "client_id": config.ClientID, "client_secret": config.ClientSecret, "api_key": config.APIKey,
	} {
		if value != "" {
			block += fmt.Sprintf("  %s = %q\n", name, value)
		}
	}
	return client, block + "}\n"
}

// liveReportText is what TestMain prints after the tests of a live API.
var liveReportText atomic.Pointer[string]

// TestLive_Report asks the API the open questions of its contract.
func TestLive_Report(t *testing.T) {
	t.Parallel()
	if liveConfig == nil {
		t.Skip("needs the live API; TestLiveReport_ tests the report with sandboxes")
	}
	report := liveReport(newLiveProbe(t, *liveConfig, time.Sleep))
	liveReportText.Store(&report)
}

// TestLive_LifeOfASession works on a session of its own and always deletes it. It
// asserts nothing about the rest of the account.
func TestLive_LifeOfASession(t *testing.T) {
	t.Parallel()
	client, provider := liveTarget(t)
	created, err := client.Create(t.Context(), palabra.CreateRequest{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		if err := client.Delete(context.WithoutCancel(t.Context()), created.ID); err != nil && !errors.Is(err, palabra.ErrNotFound) {
			t.Errorf("session %s is left behind: %v", palabra.ShortenID(created.ID), err)
		}
	})
	config := func(ttl int) string {
		return provider + fmt.Sprintf(`
data "palabra_session" "test" {
  id = %[1]q
}

data "palabra_sessions" "test" {
  id_prefix = %[1]q
}

resource "palabra_session_expiry" "test" {
  session_id  = %[1]q
  ttl_seconds = %[2]d
}
`, created.ID, ttl)
	}
	timestamp := knownvalue.StringRegexp(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`))
	action := func(want plancheck.ResourceActionType) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(expiryAddress, want)}}
	}
	runSteps(t,
		resource.TestStep{
			Config: config(3600),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("data.palabra_session.test", tfjsonpath.New("expires_at"), timestamp),
				statecheck.ExpectKnownValue("data.palabra_sessions.test", tfjsonpath.New("ids"), knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact(created.ID)})),
				statecheck.ExpectKnownValue(expiryAddress, tfjsonpath.New("expires_at"), timestamp),
			},
		},
		resource.TestStep{Config: config(3600), ConfigPlanChecks: action(plancheck.ResourceActionNoop)},
		resource.TestStep{Config: config(7200), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
		resource.TestStep{
			Config: config(7200), ResourceName: expiryAddress, ImportState: true, ImportStateId: created.ID, ImportStateVerify: true,
			// Derived from the API's timestamps, which may be a second apart.
			ImportStateVerifyIgnore: []string{"ttl_seconds", "expires_at"},
		},
		resource.TestStep{Config: config(7200), Destroy: true},
	)
	if _, err := client.Get(t.Context(), created.ID); !errors.Is(err, palabra.ErrNotFound) {
		t.Errorf("after the destroy: %v, want ErrNotFound", err)
	}
}

// TestLive_WrongCredentialsAreRecognised logs which status a live API answers.
func TestLive_WrongCredentialsAreRecognised(t *testing.T) {
	t.Parallel()
	config := palabra.Config{Endpoint: newFixture(t).url}
	if liveConfig != nil {
		config.Endpoint = liveConfig.Endpoint
	}
	config.ClientID, config.ClientSecret = "not-a-client", "not-a-secret"
	client, err := palabra.New(config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Get(t.Context(), "no.such.session")
	if !errors.Is(err, palabra.ErrUnauthorized) {
		t.Errorf("error %v, want ErrUnauthorized", err)
	}
	t.Logf("wrong credentials: %v", err)
}
