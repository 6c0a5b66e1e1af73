package sandbox_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// A page of evil.example, whose name now leads to this machine, is of the same origin
// as the sandbox.
func TestHost_OtherNamesReachNeitherPageNorControls(t *testing.T) {
	t.Parallel()
	s := sandbox.New(sandbox.Options{Control: true, Hosts: []string{"sandbox.internal.example"}})
	ask := func(method, target, host string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
		r.Host = host
		r.Header.Set("Origin", "http://"+host)
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, r)
		return answer
	}
	for host, want := range map[string]int{
		"evil.example": http.StatusMisdirectedRequest, "evil.example:8787": http.StatusMisdirectedRequest,
		"127.0.0.1.evil.example:8787": http.StatusMisdirectedRequest, "localhost.evil.example": http.StatusMisdirectedRequest,
		"127.0.0.1:8787": http.StatusOK, "[::1]:8787": http.StatusOK, "10.1.2.3": http.StatusOK,
		"localhost:8787": http.StatusOK, "palabra-sandbox:8787": http.StatusOK, "sandbox.internal.example:8787": http.StatusOK,
	} {
		page := ask(http.MethodGet, "/", host)
		if page.Code != want || strings.Contains(page.Body.String(), sandbox.DefaultAPIKey) != (want == http.StatusOK) {
			t.Errorf("page for %s: %d, want %d", host, page.Code, want)
		}
		if got := ask(http.MethodPost, "/sandbox/put?id=a", host); got.Code != want {
			t.Errorf("control call for %s: %d, want %d: %s", host, got.Code, want, got.Body)
		}
		if want == http.StatusOK || page.Code == http.StatusOK { // A stream of events would not end.
			continue
		}
		if got := ask(http.MethodGet, "/events", host); got.Code != want {
			t.Errorf("events for %s: %d, want %d", host, got.Code, want)
		}
		// The API has credentials.
		if got := ask(http.MethodGet, "/session-storage/sessions", host); got.Code != http.StatusUnauthorized {
			t.Errorf("API for %s: %d, want 401", host, got.Code)
		}
	}
}

func TestRequests_KeepsTheNewestOnly(t *testing.T) {
	t.Parallel()
	const most = 50_000
	s := sandbox.New(sandbox.Options{})
	get := func(path string) {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	}
	for range most {
		get("/first")
	}
	get("/last")
	got := s.Requests()
	if len(got) > most || got[len(got)-1].Path != "/last" {
		t.Errorf("%d requests, from %s to %s, want at most %d, the newest", len(got), got[0].Path, got[len(got)-1].Path, most)
	}
}

func TestDashboard_CannotBeFramedOrLoadOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	_, header, _ := f.send(t, "GET", "/", "")
	policy := header.Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, directive) {
			t.Errorf("policy %q lacks %s", policy, directive)
		}
	}
}

// A carriage return ends a line of an event stream, also without a line feed.
func TestDashboard_StreamsIDsWithLineBreaks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a\rb\r\nc", ExpiresAt: start.AddDate(1, 0, 0)})
	f.Put(sandbox.Session{ID: "after", ExpiresAt: start.AddDate(1, 0, 0)})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // given up
	var event string
	for stream := bufio.NewReader(resp.Body); !strings.HasSuffix(event, "\n\n"); {
		line, err := stream.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		event += line
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(strings.ReplaceAll(event, "\r\n", "\n"), "\r", "\n"), "\n") {
		if line != "" && !strings.HasPrefix(line, "data: ") {
			t.Errorf("line %q of the event is not data", line)
		}
	}
	if !strings.Contains(event, "after") {
		t.Error("the event lacks the other session")
	}
}
