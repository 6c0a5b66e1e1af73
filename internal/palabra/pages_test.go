package palabra_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func (s *server) fill(n int) []string {
	var ids []string
	for i := range n {
		id := fmt.Sprintf("user.%05d", i)
		s.Put(sandbox.Session{ID: id, CreatedAt: start.Add(time.Duration(i) * time.Second)})
		ids = append(ids, id)
	}
	return ids
}

func list(t *testing.T, client *palabra.Client) ([]string, error) {
	t.Helper()
	var ids []string
	for session, err := range client.Sessions(t.Context()) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, session.ID)
	}
	return ids, nil
}

func TestSessions_ListsEveryEnvelopeToTheEndInOrder(t *testing.T) {
	t.Parallel()
	for _, envelope := range []sandbox.Envelope{
		sandbox.EnvelopeData, sandbox.EnvelopeNext, sandbox.EnvelopeSessions, sandbox.EnvelopeSessionsNext, sandbox.EnvelopeTopLevel,
	} {
		for _, n := range []int{0, 1, 100, 101, 250} {
			s := newServer(t, func(o *sandbox.Options) { o.Envelope = envelope })
			want := s.fill(n)
			got, err := list(t, newClient(t, s.url))
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("envelope %d: %d of %d sessions, %v", envelope, len(got), n, err)
			}
			if pages := max(1, (n+99)/100); len(s.calls()) != pages {
				t.Errorf("envelope %d: %d calls for %d pages", envelope, len(s.calls()), pages)
			}
		}
	}
}

func TestSessions_DecodesOtherListBodies(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`[{"id":"a"},{"id":"b"}]`: 2,
		`{"data":null}`:           0,
		`{"data":[]}`:             0,
		`{"data":{"items":[{"id":"a"}],"next_page_token":""}}`: 1,
		`{"data":{"items":null}}`:                              0,
		`{"sessions":null,"data":[{"id":"a"}]}`:                1,
		`{"data":{"sessions":null}}`:                           0,
		`{"data":[{"id":"a"}],"next_page_token":null}`:         1,
		`{"data":[{"id":"a"}],"next_page_token":""}`:           1,
		`{"data":[{"id":"a","expires_at":null}]}`:              1,
	} {
		s := newServer(t)
		s.Inject(sandbox.Fault{Effect: sandbox.Respond(200, "application/json", body)})
		if got, err := list(t, newClient(t, s.url)); err != nil || len(got) != want {
			t.Errorf("%s: %d sessions, %v; want %d", body, len(got), err, want)
		}
	}
}

func TestSessions_AnswerWithoutAListIsAnError(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"ok":true}`, `{"data":{}}`, `{"data":{"id":"a"}}`, `null`, `{"data":5}`, `"text"`, `{"data":[{}]}`, `<html>`, ``} {
		s := newServer(t)
		s.fill(3)
		s.Inject(sandbox.Fault{Effect: sandbox.Respond(200, "application/json", body)})
		if got, err := list(t, newClient(t, s.url)); err == nil {
			t.Errorf("%s: %d sessions and no error", body, len(got))
		}
	}
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
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, calls := pageServer(t, test.page)
			if _, err := list(t, client); err == nil || !strings.Contains(err.Error(), "next page") {
				t.Errorf("error %v", err)
			}
			if *calls != test.calls {
				t.Errorf("%d calls, want %d", *calls, test.calls)
			}
		})
	}
}

func TestSessions_EmptyPagesAreFollowed(t *testing.T) {
	t.Parallel()
	client, calls := pageServer(t, func(n int) string {
		switch {
		case n == 250:
			return `{"data":[{"id":"last"}]}`
		case n%80 == 0:
			return fmt.Sprintf(`{"data":[{"id":"%d"}],"next":"%d"}`, n, n)
		default:
			return fmt.Sprintf(`{"data":[],"next":"%d"}`, n)
		}
	})
	got, err := list(t, client)
	if want := []string{"0", "80", "160", "240", "last"}; err != nil || !slices.Equal(got, want) || *calls != 251 {
		t.Errorf("%q, %v after %d calls; want %q", got, err, *calls, want)
	}
}

// pageServer answers the n-th request with page(n).
func pageServer(t *testing.T, page func(n int) string) (client *palabra.Client, calls *int) {
	t.Helper()
	calls = new(int)
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(page(*calls)))
		*calls++
	}))
	t.Cleanup(listener.Close)
	return newClient(t, listener.URL), calls
}

func TestSessions_RefusedPageSizeIsLeftOut(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 422} {
		s := newServer(t)
		want := s.fill(25)
		refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("page_size") {
				w.WriteHeader(status)
				return
			}
			s.ServeHTTP(w, r)
		})
		listener := httptest.NewServer(refuse)
		t.Cleanup(listener.Close)
		got, err := list(t, newClient(t, listener.URL))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d: %d sessions, %v", status, len(got), err)
		}
	}
}

func TestSessions_StopsFetchingWhenTheCallerStops(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.fill(250)
	n := 0
	for _, err := range newClient(t, s.url).SessionsPageSize(t.Context(), 7) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 5 {
			break
		}
	}
	expectCalls(t, s, "GET /sessions?page_size=7")
}

func TestSessions_ReportsAnErrorOnALaterPage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.fill(250)
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Skip: 1, Effect: sandbox.RefuseCredentials(401)})
	got, err := list(t, newClient(t, s.url))
	if len(got) != 100 || !errors.Is(err, palabra.ErrUnauthorized) {
		t.Errorf("%d sessions, %v", len(got), err)
	}
}

// Not parallel: it asks how much of the heap is in use.
func TestSessions_HoldsAPageNotTheAccount(t *testing.T) { //nolint:paralleltest // others would allocate beside it
	const sessions = 100_000
	s := newServer(t)
	s.fill(sessions)
	inUse := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	client := newClient(t, s.url)
	before, n := inUse(), 0
	for _, err := range client.Sessions(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == sessions-1 {
			if grown := int64(inUse()) - int64(before); grown > sessions*1024/10 { //nolint:gosec // far from the limits
				t.Errorf("%d bytes more in use near the end of %d sessions", grown, sessions)
			}
		}
	}
	if n != sessions {
		t.Errorf("%d sessions, want %d", n, sessions)
	}
}
