package provider

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
		"The account has 7 sessions. The oldest:\n  test-u…2d20, created "+sinceStart(0)+", expires "+sinceStart(time.Hour)+"\n  test-u…2d21,",
		"\"Clean up an account near its limit\"", "palabra_prune_sessions", "create_before_destroy")
	if strings.Contains(said, "2d25") || strings.Contains(said, "fec6b8f0") || strings.Count(said, "The oldest") != 1 {
		t.Errorf("said too much: %s", said)
	}
	s.expectLists(1)
}

// expectLists expects this many list calls.
func (s *story) expectLists(want int) {
	s.t.Helper()
	lists := 0
	for _, call := range s.calls() {
		if call == http.MethodGet {
			lists++
		}
	}
	if lists != want {
		s.t.Errorf("%d list calls, want %d", lists, want)
	}
}

func TestSessionLimit_OnePageIsEnough(t *testing.T) {
	t.Parallel()
	s := newStory(t, func(o *sandbox.Options) { o.SessionLimit = 120 })
	s.putMany(120)
	said := s.failedApply(configuration{sessionAt("a"): creates()})
	expectInOrder(t, said, "The account has at least 100 sessions. The oldest:")
	s.expectLists(1)
}

func TestSessionLimit_NamesNoSessions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		create, list sandbox.Effect
		want         string
		lists        int
	}{
		"the list fails":    {sandbox.SessionLimitReached(http.StatusForbidden), sandbox.HTMLError(http.StatusNotFound), "as its plan allows", 1},
		"the list is empty": {sandbox.SessionLimitReached(http.StatusForbidden), sandbox.Respond(http.StatusOK, "application/json", `{"data":[]}`), "as its plan allows", 1},
		"another error":     {sandbox.InsufficientBalance(), nil, "no balance left", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.put("s1")
			s.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: test.create})
			if test.list != nil {
				s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: test.list})
			}
			said := s.failedApply(configuration{sessionAt("a"): creates()})
			if !strings.Contains(said, test.want) || strings.Contains(said, "The oldest") {
				t.Errorf("said: %s", said)
			}
			s.expectLists(test.lists)
		})
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
