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

func TestSessionLimit_ReadsOnePageAtMost(t *testing.T) {
	t.Parallel()
	limit, listed := sandbox.SessionLimitReached(http.StatusForbidden), func(body string) sandbox.Effect {
		return sandbox.Respond(http.StatusOK, "application/json", body)
	}
	ages := listed(`{"data":[{"id":"ageless"}, {"id":"aged","created_at":"2031-03-14T09:00:00Z"}]}`)
	for name, test := range map[string]struct {
		create, list sandbox.Effect
		lists        int
		want         []string
		named        bool
	}{
		"many":              {limit, nil, 1, []string{"The account has at least 100 sessions. The oldest:"}, true},
		"one of no age":     {limit, ages, 1, []string{"has 2 sessions. The oldest:", "created 2031-03-14T09:00:00Z", "created at an unknown time"}, true},
		"the list fails":    {limit, sandbox.HTMLError(http.StatusNotFound), 1, []string{"as its plan allows"}, false},
		"the list is empty": {limit, listed(`{"data":[]}`), 1, []string{"as its plan allows"}, false},
		"another error":     {sandbox.InsufficientBalance(), nil, 0, []string{"no balance left"}, false},
	} {
		s := newStory(t)
		s.putMany(120)
		s.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: test.create})
		if test.list != nil {
			s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: test.list})
		}
		said := s.failedApply(configuration{sessionAt("a"): creates()})
		expectInOrder(t, said, test.want...)
		if strings.Contains(said, "The oldest") != test.named {
			t.Errorf("%s: %s", name, said)
		}
		s.expectLists(test.lists)
	}
}
