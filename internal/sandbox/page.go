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
	shownSessions = 100
	shownRequests = 20
	// pageInterval is how often the page's bars move when nothing else happens.
	pageInterval = time.Second
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("").Parse(pageSource))

// pageData is what the page shows. It holds no tokens, and no credentials.
type pageData struct {
	Nonce    string
	Now      string
	Total    int
	Limit    int
	More     int
	Sessions []pageSession
	Requests []pageRequest
}

type pageSession struct {
	ID, ExpiresAt, Remaining string
	// Percent of the lifetime since the last change that is left.
	Percent   int
	Connected bool
}

type pageRequest struct {
	Time, Method, Target, Status, Duration, Fault string
}

func (s *Sandbox) pageData() pageData {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	sessions := s.store.all(now)
	data := pageData{Now: now.Format(time.RFC3339), Total: len(sessions), Limit: s.options.SessionLimit}
	for _, session := range sessions {
		if len(data.Sessions) == shownSessions {
			data.More = len(sessions) - shownSessions
			break
		}
		left, whole := session.ExpiresAt.Sub(now), session.ExpiresAt.Sub(session.UpdatedAt)
		data.Sessions = append(data.Sessions, pageSession{
			ID: session.ID, ExpiresAt: session.ExpiresAt.Format(time.RFC3339), Remaining: left.String(),
			Percent: int(100 * left / max(left, whole, 1)), Connected: session.Connected,
		})
	}
	for i := len(s.requests) - 1; i >= 0 && len(data.Requests) < shownRequests; i-- {
		data.Requests = append(data.Requests, newPageRequest(s.requests[i]))
	}
	return data
}

func newPageRequest(r Request) pageRequest {
	shown := pageRequest{
		Time: r.Time.Format(time.TimeOnly), Method: r.Method, Target: r.Path,
		Status: fmt.Sprint(r.Status), Duration: r.Duration.Round(10 * time.Microsecond).String(), Fault: r.Fault,
	}
	if r.Query != "" {
		shown.Target += "?" + r.Query
	}
	if r.Status == 0 {
		shown.Status = "cut"
	}
	return shown
}

// servePage answers the two paths of the page, which are no part of the API.
func (s *Sandbox) servePage(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	switch r.URL.Path {
	case "/":
		s.page(w)
	case "/events":
		s.events(w, r)
	default:
		return false
	}
	return true
}

func (s *Sandbox) page(w http.ResponseWriter) {
	data := s.pageData()
	data.Nonce = randomHex(16)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; connect-src 'self'; img-src data:; style-src 'nonce-"+data.Nonce+"'; script-src 'nonce-"+data.Nonce+"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_ = pageTemplate.ExecuteTemplate(w, "page", data) // A client that went away.
}

// events streams the live part of the page as server-sent events: at once, after
// each request, and every second.
func (s *Sandbox) events(w http.ResponseWriter, r *http.Request) {
	changed := make(chan struct{}, 1)
	s.watch(changed)
	defer s.unwatch(changed)
	ticker := time.NewTicker(pageInterval)
	defer ticker.Stop()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	controller := http.NewResponseController(w)
	for {
		var live, event bytes.Buffer
		if err := pageTemplate.ExecuteTemplate(&live, "live", s.pageData()); err != nil {
			return
		}
		for line := range bytes.Lines(live.Bytes()) {
			fmt.Fprintf(&event, "data: %s\n", bytes.TrimRight(line, "\n"))
		}
		event.WriteByte('\n')
		if _, err := w.Write(event.Bytes()); err != nil || controller.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-ticker.C:
		}
	}
}

func (s *Sandbox) watch(changed chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[changed] = true
}

func (s *Sandbox) unwatch(changed chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watchers, changed)
}

// notify wakes the pages; the caller holds the lock. One that has not drawn the
// last change yet is going to draw this one with it.
func (s *Sandbox) notify() {
	for changed := range s.watchers {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}
