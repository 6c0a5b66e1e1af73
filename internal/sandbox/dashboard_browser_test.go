package sandbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

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
