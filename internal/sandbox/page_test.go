package sandbox_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func openPage(t *testing.T, f *fixture, path string) (http.Header, io.Reader) {
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

func TestPageShowsSessionsAndRequestsEscaped(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{SessionLimit: 5})
	f.Put(sandbox.Session{ID: "<script>alert(1)</script>", ExpiresAt: start.Add(time.Hour)})
	f.clock.Advance(45 * time.Minute)
	f.expectStatus(t, http.StatusOK, "GET", "/sessions?page_size=7", "")
	created := f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{}}`)
	header, page := openPage(t, f, "/")
	body, err := io.ReadAll(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 of 5 sessions", "&lt;script&gt;alert(1)", "25 % of its life left", "15m0s", "GET /session-storage/sessions?page_size=7", "200"} {
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

func TestPageUpdatesAfterARequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	_, stream := openPage(t, f, "/events")
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
	await("data: <p>0 of 1000 sessions")
	f.expectStatus(t, http.StatusCreated, "POST", "/session", `{"data":{}}`)
	await("data: <p>1 of 1000 sessions")
	await("POST /session-storage/session")
}

// watchedPage serves the sandbox to a browser that prints its DOM on the load
// event: an image that arrives only after the second update holds that event.
type watchedPage struct {
	sandbox *sandbox.Sandbox
	updates chan struct{}
}

func (p watchedPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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

func TestPageUpdatesItselfInABrowser(t *testing.T) {
	t.Parallel()
	browser := findBrowser(t)
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			s := sandbox.New(sandbox.Options{Now: sandbox.NewClock(start).Now})
			s.Put(sandbox.Session{ID: "there.before"})
			listener := httptest.NewServer(watchedPage{s, make(chan struct{}, 100)})
			t.Cleanup(listener.CloseClientConnections)
			profile := t.TempDir()
			args := []string{
				"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
				"--disable-component-update", "--disable-sync", "--user-data-dir=" + profile, "--window-size=1000,700", "--dump-dom",
			}
			if scheme == "dark" {
				args = append(args, "--blink-settings=preferredColorScheme=0")
			}
			// For a look at it: PALABRA_SCREENSHOTS=folder.
			if folder := os.Getenv("PALABRA_SCREENSHOTS"); folder != "" {
				args = append(args, "--screenshot="+folder+"/"+scheme+".png")
			}
			output, err := exec.CommandContext(t.Context(), browser, append(args, listener.URL)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"there.before", "appeared.later", "2 of 1000 sessions live"} {
				if !strings.Contains(string(output), want) {
					t.Errorf("the browser does not show %q:\n%s", want, output)
				}
			}
		})
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
