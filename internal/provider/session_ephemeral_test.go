package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// withEcho adds a provider that shows what its configuration was given.
func withEcho() map[string]func() (tfprotov6.ProviderServer, error) {
	factories := protoV6Factories()
	factories["echo"] = echoprovider.NewProviderServer()
	return factories
}

const openSessionConfig = `
ephemeral "palabra_session" "test" {
  ttl_seconds      = 600
  intent           = "event"
  subscriber_count = 2
}

provider "echo" {
  data = ephemeral.palabra_session.test
}
`

// lives returns the ids of the sessions that were given a lifetime, and of those
// that were deleted, as often as that was done.
func (f *fixture) lives() (created, deleted []string) {
	for _, request := range f.Requests() {
		switch {
		case request.Method == "POST" && request.SessionID != "":
			created = append(created, request.SessionID)
		case request.Method == "DELETE":
			deleted = append(deleted, request.SessionID)
		}
	}
	return created, deleted
}

func TestSessionEphemeral_GivesTheRunASession(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f := newFixture(t)
	echoed := func(attribute string, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("echo.test", tfjsonpath.New("data").AtMapKey(attribute), check)
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: withEcho(),
		Steps: []resource.TestStep{{
			Config: f.config(openSessionConfig + `resource "echo" "test" {}`),
			ConfigStateChecks: []statecheck.StateCheck{
				echoed("id", knownvalue.NotNull()),
				echoed("publisher_token", knownvalue.NotNull()),
				echoed("subscriber_tokens", knownvalue.ListSizeExact(2)),
				echoed("webrtc_url", knownvalue.NotNull()),
				echoed("webrtc_room_name", knownvalue.NotNull()),
				echoed("ws_url", knownvalue.NotNull()),
				echoed("expires_at", knownvalue.StringExact(sinceStart(10*time.Minute))),
			},
		}},
	})
	if left := f.sessionIDs(); len(left) > 0 {
		t.Errorf("sessions left: %q", left)
	}
}

func TestSessionEphemeral_EachOpeningIsASessionThatIsDeleted(t *testing.T) {
	t.Parallel()
	needs(t, ephemeralResources)
	f, noTrace := newFixture(t), &traceCheck{}
	noTrace.fixture = f
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: withEcho(),
		Steps: []resource.TestStep{
			{
				Config:             f.config(openSessionConfig + `output "word" { value = "before" }`),
				PlanOnly:           true,
				ExpectNonEmptyPlan: true, // The output is new.
				ConfigPlanChecks:   resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{noTrace}},
			},
			{
				PreConfig:         func() { noTrace.expectClosed(t, "a plan") },
				Config:            f.config(openSessionConfig + `output "word" { value = "before" }`),
				ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{noTrace}},
				ConfigStateChecks: []statecheck.StateCheck{noTrace},
			},
		},
	})
	noTrace.expectClosed(t, "an apply")
	if noTrace.plans == 0 || noTrace.states == 0 {
		t.Errorf("%d plans and %d states were looked at", noTrace.plans, noTrace.states)
	}
}

// traceCheck looks for sessions of the fixture in plans and states.
type traceCheck struct {
	fixture       *fixture
	plans, states int
}

func (c *traceCheck) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	c.plans++
	resp.Error = c.find("plan", req.Plan)
}

func (c *traceCheck) CheckState(_ context.Context, req statecheck.CheckStateRequest, resp *statecheck.CheckStateResponse) {
	c.states++
	resp.Error = c.find("state", req.State)
}

// find also looks for the beginning that all tokens have.
func (c *traceCheck) find(where string, document any) error {
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	ids, _ := c.fixture.lives()
	if len(ids) == 0 {
		return fmt.Errorf("no session was opened before the %s was made", where)
	}
	for _, trace := range append(ids, "eyJ", "livekit", "speech-to-speech") {
		if strings.Contains(string(text), trace) {
			return fmt.Errorf("the %s holds %q", where, trace)
		}
	}
	return nil
}

// expectClosed checks that every session that was opened so far was deleted,
// and that no two openings shared one.
func (c *traceCheck) expectClosed(t *testing.T, after string) {
	t.Helper()
	created, deleted := c.fixture.lives()
	slices.Sort(created)
	slices.Sort(deleted)
	if len(created) == 0 || !slices.Equal(created, deleted) {
		t.Errorf("after %s: opened %q, deleted %q", after, created, deleted)
	}
	if len(slices.Compact(created)) != len(deleted) {
		t.Errorf("after %s: openings share a session: %q", after, deleted)
	}
	if left := c.fixture.sessionIDs(); len(left) > 0 {
		t.Errorf("after %s: sessions left: %q", after, left)
	}
}
