package sandbox_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func openDashboard(t *testing.T, f *fixture, path string) (http.Header, io.Reader) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp.Header, resp.Body
}

func TestDashboard_ShowsSessionsAndRequestsEscaped(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{SessionLimit: 5})
	f.Put(sandbox.Session{ID: "<script>alert(1)</script>", ExpiresAt: start.Add(time.Hour)})
	f.clock.Advance(45 * time.Minute)
	f.expectStatus(t, http.StatusOK, "GET", "/sessions?page_size=7", "")
	created := f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{}}`)
	header, page := openDashboard(t, f, "/")
	body, err := io.ReadAll(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 of 5 sessions", "&lt;script&gt;alert(1)", "25 % of its life left", ">15 min 0 s<", "GET /session-storage/sessions?page_size=7", "200"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	for _, secret := range []string{"<script>alert", sandbox.DefaultClientSecret, sandbox.DefaultAPIKey, "eyJ"} {
		if strings.Contains(string(body), secret) {
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

func (f *fixture) dashboard(t *testing.T) string {
	t.Helper()
	_, page := openDashboard(t, f, "/")
	body, err := io.ReadAll(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
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
	_, stream := openDashboard(t, f, "/events")
	events := bufio.NewScanner(stream)
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

// watchedDashboard serves the sandbox to a browser that prints its DOM on the load
// event: an image that arrives only after the second update holds that event.
type watchedDashboard struct {
	sandbox *sandbox.Sandbox
	updates chan struct{}
}

func (p watchedDashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/events":
		// Known to the server only from here on: a browser shows it only if the
		// page updates itself.
		p.sandbox.Put(sandbox.Session{ID: "appeared.later"})
		p.sandbox.ServeHTTP(updateCounter{w, p.updates}, r)
	case "/hold":
		for range 2 {
			select {
			case <-p.updates:
			case <-r.Context().Done():
			}
		}
	default:
		page := httptest.NewRecorder()
		p.sandbox.ServeHTTP(page, r)
		policy := strings.Replace(page.Header().Get("Content-Security-Policy"), "img-src", "img-src 'self'", 1)
		w.Header().Set("Content-Type", page.Header().Get("Content-Type"))
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = w.Write(append(page.Body.Bytes(), `<img src="/hold" alt="">`...))
	}
}

type updateCounter struct {
	http.ResponseWriter
	updates chan struct{}
}

func (c updateCounter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	select {
	case c.updates <- struct{}{}:
	default:
	}
	return n, err
}

func (c updateCounter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// dumpDOM opens a page in a headless browser and returns what it shows once it
// has loaded.
func dumpDOM(t *testing.T, page http.Handler, scheme string) string {
	t.Helper()
	listener := httptest.NewServer(page)
	t.Cleanup(listener.Close)
	t.Cleanup(listener.CloseClientConnections)
	args := []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + t.TempDir(), "--window-size=1000,700", "--dump-dom",
	}
	if scheme == "dark" {
		args = append(args, "--blink-settings=preferredColorScheme=0")
	}
	// For a look at it: PALABRA_SCREENSHOTS=folder.
	if folder := os.Getenv("PALABRA_SCREENSHOTS"); folder != "" {
		args = append(args, "--screenshot="+folder+"/"+scheme+".png")
	}
	output, err := exec.CommandContext(t.Context(), findBrowser(t), append(args, listener.URL)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(output)
}

func TestDashboard_UpdatesItselfInABrowser(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			s := sandbox.New(sandbox.Options{Now: sandbox.NewClock(start).Now})
			s.Put(sandbox.Session{ID: "there.before"})
			shown := dumpDOM(t, watchedDashboard{s, make(chan struct{}, 100)}, scheme)
			for _, want := range []string{"there.before", "appeared.later", "2 of 1000 sessions live", `id="lost" role="status" hidden`} {
				if !strings.Contains(shown, want) {
					t.Errorf("the browser does not show %q:\n%s", want, shown)
				}
			}
		})
	}
}

// lostDashboard cuts the stream of updates. The load event waits until the
// browser asks for it again.
type lostDashboard struct {
	watchedDashboard
	streams *atomic.Int32
}

func (p lostDashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/events" {
		p.watchedDashboard.ServeHTTP(w, r)
		return
	}
	p.updates <- struct{}{}
	if p.streams.Add(1) == 1 {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "retry: 1\n\n")
		return
	}
	<-r.Context().Done()
}

func TestDashboard_SaysThatTheConnectionIsLost(t *testing.T) {
	t.Parallel()
	s := sandbox.New(sandbox.Options{})
	shown := dumpDOM(t, lostDashboard{watchedDashboard{s, make(chan struct{}, 100)}, new(atomic.Int32)}, "lost")
	if !strings.Contains(shown, `id="lost" role="status">Connection lost`) {
		t.Errorf("no notice:\n%s", shown)
	}
}

func findBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("CI runs the browser test, and there is no Chromium in PATH; Debian's package is called chromium")
	}
	t.Skip("there is no Chromium in PATH; Debian's package is called chromium")
	return ""
}
