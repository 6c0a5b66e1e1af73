package palabra

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestSessions_ListsEveryEnvelopeToTheEndInOrder(t *testing.T) {
	t.Parallel()
	for _, envelope := range []sandbox.Envelope{
		sandbox.EnvelopeData, sandbox.EnvelopeNext, sandbox.EnvelopeSessions, sandbox.EnvelopeSessionsNext, sandbox.EnvelopeTopLevel, sandbox.EnvelopeItems,
	} {
		for n, pages := range map[int]int{0: 1, 1: 1, 100: 1, 101: 2, 250: 3} {
			s := newServer(t, func(o *sandbox.Options) { o.Envelope = envelope })
			want := s.fill(n)
			if got, err := list(t.Context(), s.client(t)); err != nil || len(got) != n || n > 0 && !slices.Equal(got, want) {
				t.Errorf("envelope %s: %d of %d sessions, %v", envelope, len(got), n, err)
			}
			if got := len(s.Requests()); got != pages {
				t.Errorf("envelope %s: %d calls for %d pages", envelope, got, pages)
			}
		}
	}
}

// listPages lists from a server that answers the n-th request with page(n).
func listPages(t *testing.T, page func(n int) string) (ids []string, calls int, err error) {
	t.Helper()
	client := offline(t, func(*http.Request) (*http.Response, error) {
		calls++
		return respond(http.StatusOK, page(calls-1)), nil
	})
	ids, err = list(t.Context(), client.Client)
	return ids, calls, err
}

func TestSessions_ListThatNeverEndsIsAnError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		page  func(n int) string
		calls int
	}{
		"repeated token":    {func(int) string { return `{"data":[{"id":"a"}],"next_page_token":"same"}` }, 2},
		"tokens in a cycle": {func(n int) string { return fmt.Sprintf(`{"data":[{"id":"%d"}],"next":"%d"}`, n, n%5) }, 6},
		"same session":      {func(n int) string { return fmt.Sprintf(`{"data":[{"id":"a"}],"next":"%d"}`, n) }, 2},
		"sessions in turn":  {func(n int) string { return fmt.Sprintf(`{"data":[{"id":"%d"}],"next":"%d"}`, n%3, n) }, 4},
		"only empty pages":  {func(n int) string { return fmt.Sprintf(`{"data":[],"next":"%d"}`, n) }, 101},
	} {
		_, calls, err := listPages(t, test.page)
		if expectError(t, err, "next page"); calls != test.calls {
			t.Errorf("%s: %d calls, want %d", name, calls, test.calls)
		}
	}
}

func TestSessions_FollowsEmptyPages(t *testing.T) {
	t.Parallel()
	got, calls, err := listPages(t, func(n int) string {
		switch {
		case n == 250:
			return `{"data":[{"id":"240"}]}` // The list moves while it is read.
		case n%80 == 0:
			return fmt.Sprintf(`{"data":[{"id":"%d"}],"next":"%d"}`, n, n)
		default:
			return fmt.Sprintf(`{"data":[],"next":"%d"}`, n)
		}
	})
	if want := []string{"0", "80", "160", "240", "240"}; err != nil || !slices.Equal(got, want) || calls != 251 {
		t.Errorf("%q, %v after %d calls; want %q", got, err, calls, want)
	}
}

func TestSessions_LeavesOutARefusedPageSize(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 422} {
		s := newServer(t)
		want, refused := s.fill(25), 0
		s.Inject(sandbox.Fault{Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
			if r.URL.Query().Has("page_size") {
				refused++
				w.WriteHeader(status)
				return
			}
			api.ServeHTTP(w, r)
		}})
		if got, err := list(t.Context(), s.client(t)); err != nil || !slices.Equal(got, want) || refused != 1 {
			t.Errorf("%d: %d sessions, %v, %d refusals", status, len(got), err, refused)
		}
	}
}

func TestSessions_StopsWhenTheCallerStops(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.fill(250)
	n := 0
	for _, err := range s.client(t).Sessions(t.Context(), 7) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 5 {
			break
		}
	}
	s.expectCalls(t, "GET /sessions?page_size=7")
}

func TestSessions_ReportsAnErrorOnALaterPage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.fill(250)
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Skip: 1, Effect: sandbox.RefuseCredentials(401)})
	if got, err := list(t.Context(), s.client(t)); len(got) != 100 || !errors.Is(err, ErrUnauthorized) {
		t.Errorf("%d sessions, %v", len(got), err)
	}
}
