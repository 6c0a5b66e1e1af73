package sandbox_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestDashboard_ShowsSessionsAndRequestsEscaped(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{SessionLimit: 5})
	f.Put(sandbox.Session{ID: "<script>alert(1)</script>", ExpiresAt: start.Add(time.Hour)})
	f.clock.Advance(45 * time.Minute)
	f.expectStatus(t, http.StatusOK, "GET", "/sessions?page_size=7", "")
	created := f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{}}`)
	_, header, body := f.send(t, "GET", "/", "")
	for _, want := range []string{"2 of 5 sessions", "&lt;script&gt;alert(1)", "25 % of its life left", ">15 min 0 s<", "created 2031-03-14 09:26:53", "expires 2031-03-14 10:26:53", "GET /session-storage/sessions?page_size=7", "200"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	for _, secret := range []string{"<script>alert", "eyJ"} {
		if strings.Contains(body, secret) {
			t.Errorf("the page shows %q", secret)
		}
	}
	if !strings.Contains(created, "eyJ") {
		t.Error("the created session has no token that could have been shown")
	}
	if policy := header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("policy %q", policy)
	}
	if len(f.Requests()) != 2 {
		t.Errorf("the page counts as a request: %+v", f.Requests())
	}
}

func TestDashboard_ShowsWhatAShellNeeds(t *testing.T) {
	t.Parallel()
	const lines = "export PALABRA_API_KEY=key\nexport PALABRA_API_URL=http://"
	for host, want := range map[string]string{
		"127.0.0.1:8787": lines + "127.0.0.1:8787</pre>",
		"localhost:8787": lines + "localhost:8787</pre>",
		"[::1]:8787":     lines + "[::1]:8787</pre>",
		"palabra:8787":   lines + "palabra:8787\nexport PALABRA_ALLOW_INSECURE_ENDPOINT=true</pre>",
	} {
		page := httptest.NewRecorder()
		sandbox.New(sandbox.Options{APIKey: "key"}).ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/", nil))
		for _, want := range []string{want, "PALABRA_CLIENT_SECRET=" + sandbox.DefaultClientSecret, "<details class=\"panel\" open>", "No session is live", "With <code>--control</code>"} {
			if !strings.Contains(page.Body.String(), want) {
				t.Errorf("%s: the page does not show %q", host, want)
			}
		}
	}
}

func (f *fixture) dashboard(t *testing.T) string {
	t.Helper()
	_, _, page := f.send(t, "GET", "/", "")
	return page
}

func TestDashboard_ShowsLifeInTwoUnits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		left time.Duration
		want string
	}{
		{30*24*time.Hour - time.Second, "29 d 23 h"},
		{3*time.Hour + 12*time.Minute + time.Second, "3 h 12 min"},
		{65 * time.Second, "1 min 5 s"},
		{42 * time.Second, "42 s"},
		{200 * 365 * 24 * time.Hour, "73000 d 0 h"},
	} {
		f := newFixture(t, sandbox.Options{})
		f.Put(sandbox.Session{ID: "a", ExpiresAt: start.Add(test.left)})
		if got := f.dashboard(t); !strings.Contains(got, ">"+test.want+"<") || !strings.Contains(got, "100 % of its life left") {
			t.Errorf("%s: want %q in %s", test.left, test.want, got)
		}
	}
}

func TestDashboard_KeepsABarVisibleNearItsEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a", ExpiresAt: start.Add(time.Hour)})
	f.clock.Advance(time.Hour - time.Second)
	if got := f.dashboard(t); !strings.Contains(got, `aria-label="0 % of its life left"`) || !strings.Contains(got, `class="left low" width="2"`) {
		t.Error(got)
	}
	f.Connect("a")
	f.clock.Advance(59 * time.Second)
	if got := f.dashboard(t); strings.Contains(got, `class="left low"`) {
		t.Error("a connected session is marked as near its end")
	}
}

func TestDashboard_KeepsTheLastEndedInView(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	for i := range 12 {
		f.Put(sandbox.Session{ID: fmt.Sprintf("deleted.%02d", i)})
	}
	f.Put(sandbox.Session{ID: "expires", ExpiresAt: start.Add(time.Minute)})
	for i := range 12 {
		f.Remove(fmt.Sprintf("deleted.%02d", i))
	}
	f.clock.Advance(time.Hour)
	got := f.dashboard(t)
	for _, want := range []string{"expires</td>", "expired 59 min 0 s ago", "deleted.11", "deleted 1 h 0 min ago", "deleted.03"} {
		if !strings.Contains(got, want) {
			t.Errorf("does not show %q: %s", want, got)
		}
	}
	if strings.Contains(got, "deleted.02") {
		t.Error("shows more than ten")
	}
	f.Put(sandbox.Session{ID: "expires"})
	if strings.Contains(f.dashboard(t), "expired 59 min") {
		t.Error("shows a session that is back as ended")
	}
}

func TestDashboard_MarksRefusedAndFailedRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Inject(sandbox.Fault{Name: "gateway", Count: 1, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	f.expectStatus(t, http.StatusBadGateway, "GET", "/sessions", "")
	f.expectStatus(t, http.StatusNotFound, "GET", "/sessions/a", "")
	f.expectStatus(t, http.StatusOK, "GET", "/sessions", "")
	got := f.dashboard(t)
	for _, want := range []string{`class="last failed">502 <span class="muted">(gateway)`, `class="last refused">404<`, `class="last ok">200<`} {
		if !strings.Contains(got, want) {
			t.Errorf("does not show %s: %s", want, got)
		}
	}
}

func TestDashboard_ShortensLongIDs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{JWTIDs: true})
	f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{}}`)
	id := f.Sessions()[0].ID
	f.expectStatus(t, http.StatusOK, "GET", "/sessions/"+id, "")
	short := id[:20] + "…" + id[len(id)-16:]
	got := f.dashboard(t)
	for _, want := range []string{">" + short + "<", `title="` + id + `"`, ">GET /sessions/" + short + "<"} {
		if !strings.Contains(got, want) {
			t.Errorf("does not show %q: %s", want, got)
		}
	}
}

func TestDashboard_UpdatesAfterARequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // given up
	events := bufio.NewScanner(resp.Body)
	await := func(want string) {
		t.Helper()
		for events.Scan() {
			if strings.Contains(events.Text(), want) {
				return
			}
		}
		t.Fatalf("no event shows %q: %v", want, events.Err())
	}

	await(">0 of 1000 sessions")
	f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{}}`)
	await(">1 of 1000 sessions")
	await("POST /session-storage/session")
}
