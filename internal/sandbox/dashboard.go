package sandbox

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

const (
	// dashboardInterval is how often the bars move when nothing else happens.
	dashboardInterval = time.Second
	// dashboardPause bounds how often a busy sandbox draws its dashboards.
	dashboardPause = 100 * time.Millisecond
)

//go:embed dashboard.html
var dashboardSource string

var dashboardTemplate = template.Must(template.New("").Parse(dashboardSource))

// serveDashboard answers the two paths of the dashboard, which are not part of the
// API.
func (s *Sandbox) serveDashboard(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	switch r.URL.Path {
	case "/":
		s.dashboard(w, r)
	case "/events":
		s.events(w, r)
	default:
		return false
	}
	return true
}

func (s *Sandbox) dashboard(w http.ResponseWriter, r *http.Request) {
	data := s.dashboardData()
	data.Nonce = randomHex(16)
	data.connection = s.connection(r.Host)
	forms := "'none'"
	if data.Control {
		forms = "'self'"
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; connect-src 'self'; img-src data:; style-src 'nonce-"+data.Nonce+"'; script-src 'nonce-"+data.Nonce+"'; base-uri 'none'; form-action "+forms+"; frame-ancestors 'none'")
	_ = dashboardTemplate.ExecuteTemplate(w, "dashboard", data) // A client that went away.
}

// events streams the live parts of the dashboard as server-sent events: at once,
// after requests, and every second.
func (s *Sandbox) events(w http.ResponseWriter, r *http.Request) {
	changed := make(chan struct{}, 1)
	s.mu.Lock()
	s.watchers[changed] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, changed)
	}()
	ticker := time.NewTicker(dashboardInterval)
	defer ticker.Stop()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	controller := http.NewResponseController(w)
	for {
		var live, event bytes.Buffer
		if err := dashboardTemplate.ExecuteTemplate(&live, "live", s.dashboardData()); err != nil {
			return
		}
		// A carriage return, as in an id, would end a line of the event.
		for line := range bytes.Lines(bytes.ReplaceAll(live.Bytes(), []byte("\r"), []byte("&#13;"))) {
			fmt.Fprintf(&event, "data: %s\n", bytes.TrimRight(line, "\n"))
		}
		event.WriteByte('\n')
		if _, err := w.Write(event.Bytes()); err != nil || controller.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(dashboardPause):
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-ticker.C:
		}
	}
}

// notify wakes the dashboards; the caller holds the lock. A dashboard that has not
// drawn the last change yet draws both at once.
func (s *Sandbox) notify() {
	for changed := range s.watchers {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}
