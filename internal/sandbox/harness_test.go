package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

var start = time.Date(2031, time.March, 14, 9, 26, 53, 999, time.UTC)

type fixture struct {
	*sandbox.Sandbox
	clock *sandbox.Clock
	url   string
}

func newFixture(t *testing.T, options sandbox.Options) *fixture {
	t.Helper()
	clock := sandbox.NewClock(start)
	options.Now = clock.Now
	s := sandbox.New(options)
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	return &fixture{s, clock, listener.URL}
}

// send sends a request; a body is JSON unless a header says otherwise. Headers are
// given as name, value, ….
func (f *fixture) send(t *testing.T, method, path, body string, headers ...string) (status int, header http.Header, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header[headers[i]] = []string{headers[i+1]}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(got)
}

// call calls the API, without headers with the default pair, in another spelling
// than the documented one.
func (f *fixture) call(t *testing.T, method, path, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	if len(headers) == 0 {
		headers = []string{"clientid", sandbox.DefaultClientID, "ClientSecret", sandbox.DefaultClientSecret}
	}
	return f.send(t, method, "/session-storage"+path, body, headers...)
}

func (f *fixture) expectStatus(t *testing.T, want int, method, path, body string, headers ...string) string {
	t.Helper()
	status, _, got := f.call(t, method, path, body, headers...)
	if status != want {
		t.Errorf("%s %s: %d, want %d: %s", method, path, status, want, got)
	}
	return got
}

func (f *fixture) expectMember(t *testing.T, path, member string) {
	t.Helper()
	if got := f.expectStatus(t, http.StatusOK, "GET", path, ""); !strings.Contains(got, member) {
		t.Errorf("GET %s: %s, want %s in it", path, got, member)
	}
}

// listed returns the ids and the token of one page in the documented envelope.
func (f *fixture) listed(t *testing.T, query string) (ids []string, token string) {
	t.Helper()
	var page struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
		Next string `json:"next_page_token"`
	}
	if err := json.Unmarshal([]byte(f.expectStatus(t, http.StatusOK, "GET", "/sessions"+query, "")), &page); err != nil {
		t.Fatal(err)
	}
	for _, item := range page.Data {
		ids = append(ids, item.ID)
	}
	return ids, page.Next
}

func (f *fixture) expectListed(t *testing.T, want ...string) {
	t.Helper()
	if got, _ := f.listed(t, ""); !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}
