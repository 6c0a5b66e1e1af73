package palabra

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// server is a sandbox behind a listener or, in a synctest bubble, without a network.
type server struct {
	*sandbox.Sandbox
	clock *sandbox.Clock // nil in a bubble, whose time passes by itself
	url   string         // empty in a bubble
}

func newServer(t testing.TB, adjust ...func(*sandbox.Options)) *server {
	t.Helper()
	clock := sandbox.NewClock(start)
	options := sandbox.Options{ClientID: "client", ClientSecret: testSecret, Now: clock.Now}
	for _, f := range adjust {
		f(&options)
	}
	s := sandbox.New(options)
	return &server{s, clock, serve(t, s)}
}

// newBubbleServer returns a server that takes exactly that long for a single read
// and for a list page.
func newBubbleServer(t *testing.T, single, page time.Duration) *server {
	t.Helper()
	// By then a page that no read waits for has ended.
	t.Cleanup(func() { time.Sleep(2 * time.Second) })
	s := &server{Sandbox: sandbox.New(sandbox.Options{})}
	s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.Delay(single), Through: true})
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.Delay(page), Through: true})
	return s
}

// client returns a client of the server.
func (s *server) client(t rapid.TB, adjust ...func(*Config)) *Client {
	t.Helper()
	if s.url != "" {
		return newClient(t, s.url, adjust...)
	}
	client := newClient(t, "", append([]func(*Config){withKey(sandbox.DefaultAPIKey)}, adjust...)...)
	client.transport.base = s
	return client
}

// RoundTrip answers without a network, and cuts connections as the faults demand.
func (s *server) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	received := r.Clone(r.Context())
	if received.Body == nil {
		received.Body = http.NoBody
	}
	defer received.Body.Close() //nolint:errcheck // in memory
	defer func() {
		cut := recover()
		if cutErr, _ := cut.(error); cut != nil && !errors.Is(cutErr, http.ErrAbortHandler) {
			panic(cut)
		}
		if err = r.Context().Err(); err == nil && cut != nil {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			answer = nil
		}
	}()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, received)
	return w.Result(), nil
}

func (s *server) fill(n int) []string {
	now := elapsedClock()
	if s.clock != nil {
		now = s.clock.Now()
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("user.%05d", i)
		s.Put(sandbox.Session{ID: ids[i], CreatedAt: now.Add(time.Duration(i-n) * time.Second)})
	}
	return ids
}

func (s *server) expectCalls(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, r := range s.Requests() {
		got = append(got, r.Method+" "+strings.TrimPrefix(r.Target(), "/session-storage"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}

// counts returns how many pages and single sessions clients have asked for.
func (s *server) counts() (pages, singles int) {
	for _, r := range s.Requests() {
		if r.SessionID == "" {
			pages++
		} else {
			singles++
		}
	}
	return pages, singles
}

func serve(t testing.TB, handler http.Handler) (url string) {
	t.Helper()
	listener := httptest.NewServer(handler)
	t.Cleanup(listener.Close)
	return listener.URL
}

// serveTLS serves with a certificate for example.com and 127.0.0.1.
func serveTLS(t *testing.T, handler http.Handler, adjust ...func(*httptest.Server)) *httptest.Server {
	t.Helper()
	listener := httptest.NewUnstartedServer(handler)
	listener.Config.ErrorLog = log.New(io.Discard, "", 0)
	for _, f := range adjust {
		f(listener)
	}
	listener.StartTLS()
	t.Cleanup(listener.Close)
	return listener
}
