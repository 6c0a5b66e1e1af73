package sandbox_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestCreate_TakesTheDeprecatedPathAndAnEmptyObject(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{}}`)
	f.expectStatus(t, http.StatusCreated, "POST", "/sessions", `{"data":{}}`)
	f.expectStatus(t, http.StatusCreated, "POST", "/sessions/?ttl_seconds=60", `{"data":{}}`)
	f.expectStatus(t, http.StatusBadRequest, "POST", "/session", `{}`)
	f.expectStatus(t, http.StatusBadRequest, "POST", "/session", `not JSON`)
	f.expectStatus(t, http.StatusUnprocessableEntity, "POST", "/session", `{"data":{"subscriber_count":11}}`)
}

func TestCreate_ShowsOrganizationAndAggregation(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{Organization: "acme"})
	created := f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{"aggregation_id":"tour"}}`)
	if !strings.Contains(created, `"organization":"acme"`) || strings.Contains(created, "aggregation_id") {
		t.Errorf("created: %s", created)
	}
	f.expectMember(t, "/sessions/"+f.Sessions()[0].ID, `"intent":"api","aggregation_id":"tour","organization":"acme"`)
	f.expectMember(t, "/sessions", `"intent":"api","aggregation_id":"tour","organization":"acme"`)
}

func TestCreate_GivesJWTIDsOnDemand(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{JWTIDs: true})
	f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{}}`)
	id := f.Sessions()[0].ID
	if !strings.HasPrefix(id, "eyJ") || strings.Count(id, ".") != 2 || len(id) < 100 {
		t.Errorf("id %q", id)
	}
	f.expectStatus(t, http.StatusOK, "GET", "/sessions/"+id, "")
}

func TestCreate_RefusesOverTheLimitWithTheGivenStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 409, 422, 429} {
		f := newFixture(t, sandbox.Options{SessionLimit: 1, SessionLimitStatus: status})
		f.Put(sandbox.Session{ID: "a"})
		f.expectStatus(t, max(status, 403), "POST", "/session", `{"data":{}}`)
	}
}
