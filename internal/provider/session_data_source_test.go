package provider_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

func sessionDataConfig(id string) string {
	return fmt.Sprintf(`
data "palabra_session" "test" {
  id = %q
}`, id)
}

func TestSessionDataSource_ReadsTheTimestamps(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	const address = "data.palabra_session.test"
	runSteps(t, resource.TestStep{
		Config: f.config(sessionDataConfig(testSessionID)),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(address, tfjsonpath.New("created_at"), knownvalue.StringExact(sinceStart(0))),
			statecheck.ExpectKnownValue(address, tfjsonpath.New("updated_at"), knownvalue.StringExact(sinceStart(0))),
			statecheck.ExpectKnownValue(address, tfjsonpath.New("expires_at"), knownvalue.StringExact(sinceStart(30*24*time.Hour))),
		},
	})
}

func TestSessionDataSource_NamesTheMissingSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	runSteps(t, resource.TestStep{
		Config:      f.config(sessionDataConfig("no.such.session")),
		ExpectError: regexp.MustCompile(`(?s)Unable to read session.*no\.such\.session.*does not\s+exist`),
	})
}

func TestSessionDataSource_ReportsAnUnreachableEndpoint(t *testing.T) {
	t.Parallel()
	const endpoint = "http://127.0.0.1:1"
	runSteps(t, resource.TestStep{
		Config: fmt.Sprintf(`
provider "palabra" {
  endpoint    = %q
  api_key     = %q
  max_retries = 0
}
`, endpoint, testAPIKey) + sessionDataConfig(testSessionID),
		ExpectError: regexp.MustCompile(`(?s)127\.0\.0\.1:1.*connection\s+refused.*sandbox\s+running`),
	})
}
