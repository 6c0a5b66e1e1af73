package provider_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestSessionLimit_NamesTheOldestSessionsOnce(t *testing.T) {
	t.Parallel()
	s := newStory(t, func(o *sandbox.Options) { o.SessionLimit = 7 })
	for i := range 7 {
		s.put(fmt.Sprintf("test-user.fec6b8f%d.af4d2d2%d", i, i))
		s.clock.Advance(time.Minute)
	}
	said := s.failedApply(configuration{sessionAt("a"): creates(), sessionAt("b"): creates(), sessionAt("c"): creates()})
	expectInOrder(t, said, "limit of active sessions", // the API's own words
		"The account has 7 sessions. The oldest:\n  test-u…2d20, created "+sinceStart(0)+", expires "+sinceStart(24*time.Hour)+"\n  test-u…2d21,",
		"\"Clean up an account near its limit\"", "palabra_prune_sessions")
	if strings.Contains(said, "2d25") || strings.Contains(said, "fec6b8f0") || strings.Count(said, "The oldest") != 1 {
		t.Errorf("said too much: %s", said)
	}
	lists := 0
	for _, request := range s.Requests() {
		if request.Method == http.MethodGet && request.SessionID == "" {
			lists++
		}
	}
	if lists != 1 {
		t.Errorf("%d list calls, want 1", lists)
	}
}

func TestSessionLimit_FailingListLeavesTheAdvice(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: sandbox.SessionLimitReached(http.StatusForbidden)})
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.HTMLError(http.StatusNotFound)})
	said := s.failedApply(configuration{sessionAt("a"): creates()})
	if !strings.Contains(said, "as its plan allows") || strings.Contains(said, "The oldest") {
		t.Errorf("said: %s", said)
	}
}

func TestSessionLimit_SessionOfUnknownAgeIsNotTheOldest(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: sandbox.SessionLimitReached(http.StatusForbidden)})
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.Respond(http.StatusOK, "application/json", `{"data":[
		{"id":"ageless"}, {"id":"aged","created_at":"2031-03-14T09:00:00Z"}]}`)})
	said := s.failedApply(configuration{sessionAt("a"): creates()})
	expectInOrder(t, said, "The account has 2 sessions. The oldest:", "created 2031-03-14T09:00:00Z", "created at an unknown time")
}
