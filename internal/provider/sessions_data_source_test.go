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

const sessionsAddress = "data.palabra_sessions.test"

func sessionsConfig(filters string) string {
	return fmt.Sprintf("\ndata \"palabra_sessions\" \"test\" {\n%s\n}\n", filters)
}

func TestSessionsDataSource_ReadsEveryPageInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var want []knownvalue.Check
	for i := range 250 {
		id := fmt.Sprintf("user.%04d", i)
		f.putSession(id, time.Hour)
		f.clock.Advance(time.Second)
		want = append(want, knownvalue.StringExact(id))
	}
	runSteps(t, resource.TestStep{
		Config: f.config(sessionsConfig("")),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(sessionsAddress, tfjsonpath.New("ids"), knownvalue.ListExact(want)),
			statecheck.ExpectKnownValue(sessionsAddress, tfjsonpath.New("sessions"), knownvalue.ListSizeExact(250)),
			statecheck.ExpectKnownValue(sessionsAddress, tfjsonpath.New("sessions").AtSliceIndex(1),
				knownvalue.ObjectExact(map[string]knownvalue.Check{
					"id":         knownvalue.StringExact("user.0001"),
					"created_at": knownvalue.StringExact(sinceStart(time.Second)),
					"updated_at": knownvalue.StringExact(sinceStart(time.Second)),
					"expires_at": knownvalue.StringExact(sinceStart(time.Second + time.Hour)),
				})),
		},
	})
}

func TestSessionsDataSource_IsEmptyNotNullInAnEmptyAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	runSteps(t, resource.TestStep{
		Config: f.config(sessionsConfig("")),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(sessionsAddress, tfjsonpath.New("ids"), knownvalue.ListSizeExact(0)),
			statecheck.ExpectKnownValue(sessionsAddress, tfjsonpath.New("sessions"), knownvalue.ListSizeExact(0)),
		},
	})
}

func TestSessionsDataSource_AppliesAllFiltersTogether(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	// One session an hour; a.N lives an hour longer than b.N.
	for i := range 4 {
		f.putSession(fmt.Sprintf("a.%d", i), 10*time.Hour)
		f.putSession(fmt.Sprintf("b.%d", i), 9*time.Hour)
		f.clock.Advance(time.Hour)
	}
	for name, test := range map[string]struct {
		filters string
		want    []string
	}{
		"prefix":         {`id_prefix = "a."`, []string{"a.0", "a.1", "a.2", "a.3"}},
		"created_before": {fmt.Sprintf("created_before = %q", sinceStart(time.Hour)), []string{"a.0", "b.0"}},
		"created_after":  {fmt.Sprintf("created_after = %q", sinceStart(2*time.Hour)), []string{"a.3", "b.3"}},
		"expires_before": {fmt.Sprintf("expires_before = %q", sinceStart(10*time.Hour)), []string{"b.0"}},
		"expires_after":  {fmt.Sprintf("expires_after = %q", sinceStart(12*time.Hour)), []string{"a.3"}},
		"all": {fmt.Sprintf("id_prefix = \"b.\"\ncreated_before = %q\ncreated_after = %q\nexpires_before = %q\nexpires_after = %q",
			sinceStart(3*time.Hour), sinceStart(0), sinceStart(11*time.Hour), sinceStart(9*time.Hour)), []string{"b.1"}},
		"another offset": {`created_before = "2031-03-14T12:26:53+02:00"`, []string{"a.0", "b.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []knownvalue.Check
			for _, id := range test.want {
				want = append(want, knownvalue.StringExact(id))
			}
			runSteps(t, resource.TestStep{
				Config:            f.config(sessionsConfig(test.filters)),
				ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(sessionsAddress, tfjsonpath.New("ids"), knownvalue.ListExact(want))},
			})
		})
	}
}

func TestSessionsDataSource_RefusesATimestampThatIsNotRFC3339(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	runSteps(t, resource.TestStep{
		Config:      f.config(sessionsConfig(`created_before = "yesterday"`)),
		ExpectError: regexp.MustCompile(`RFC3339`),
	})
}
