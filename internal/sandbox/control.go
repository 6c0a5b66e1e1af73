package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	controlPath = "/sandbox/"
	// maxOffset bounds how far the clock can be moved in all.
	maxOffset = 100 * 365 * 24 * time.Hour
)

var errNoSession = errors.New("there is no such session, or it has ended")

// controls are the calls of Options.Control, by the last segment of their path.
// Parameters come in the query or in a form.
var controls = map[string]func(s *Sandbox, r *http.Request) error{
	"advance": func(s *Sandbox, r *http.Request) error {
		by, err := time.ParseDuration(r.FormValue("by"))
		if err != nil || by <= 0 || by > maxOffset-s.offset {
			return errors.New(`by has to be a duration such as "72h" or "90m", of at most 100 years in all`)
		}
		s.offset += by
		return nil
	},
	"put": func(s *Sandbox, r *http.Request) error {
		id, lifetime := r.FormValue("id"), s.options.DefaultTTL
		if id == "" {
			return errors.New("id is missing")
		}
		if text := r.FormValue("expires_in"); text != "" {
			var err error
			if lifetime, err = time.ParseDuration(text); err != nil || lifetime <= 0 {
				return errors.New(`expires_in has to be a duration such as "72h" or "90m"`)
			}
		}
		now := s.now()
		session := Session{ID: id, CreatedAt: now}
		if known := s.store.live(id, now); known != nil {
			session = *known
		}
		session.UpdatedAt, session.ExpiresAt = now, now.Add(lifetime)
		s.put(session)
		return nil
	},
	"connect": ofSession((*Sandbox).connect),
	"hang-up": ofSession((*Sandbox).disconnect),
	"delete":  ofSession((*Sandbox).end),
	"reset": func(s *Sandbox, _ *http.Request) error {
		s.reset()
		return nil
	},
}

func ofSession(change func(s *Sandbox, id string)) func(*Sandbox, *http.Request) error {
	return func(s *Sandbox, r *http.Request) error {
		id := r.FormValue("id")
		if s.store.live(id, s.now()) == nil {
			return errNoSession
		}
		change(s, id)
		return nil
	}
}

// serveControl answers the control calls, which are not part of the API and do not
// count as its requests.
func (s *Sandbox) serveControl(w http.ResponseWriter, r *http.Request) bool {
	name, ok := strings.CutPrefix(r.URL.Path, controlPath)
	if !ok {
		return false
	}
	control := controls[name]
	switch {
	case !s.options.Control:
		writeProblem(w, r, http.StatusNotFound, "Not found", "Control calls are off. Start the sandbox with --control.", 100404)
	case control == nil:
		writeProblem(w, r, http.StatusNotFound, "Not found", "There is no such control call: advance, put, connect, hang-up, delete and reset.", 100404)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		writeProblem(w, r, http.StatusMethodNotAllowed, "Method not allowed", "Control calls are sent with POST.", 100405)
	case new(http.CrossOriginProtection).Check(r) != nil:
		// Any page in a browser on this machine could send the call.
		writeProblem(w, r, http.StatusForbidden, "Forbidden resource", "Control calls of other sites are refused.", 100403)
	case bufferBody(w, r):
		s.control(w, r, control)
	}
	return true
}

func (s *Sandbox) control(w http.ResponseWriter, r *http.Request, control func(*Sandbox, *http.Request) error) {
	s.mu.Lock()
	err := control(s, r)
	now, live := s.now(), s.store.count(s.now())
	s.notify()
	s.mu.Unlock()
	switch {
	case errors.Is(err, errNoSession):
		writeProblem(w, r, http.StatusNotFound, "Not found", fmt.Sprintf("%q: %v.", r.FormValue("id"), err), 100404)
	case err != nil:
		writeProblem(w, r, http.StatusBadRequest, "Bad request", err.Error()+".", 100400)
	case strings.Contains(r.Header.Get("Accept"), "text/html"):
		// A form of the dashboard, in a browser without scripts.
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		writeJSON(w, http.StatusOK, map[string]any{"ok": true, "now": now, "sessions": live})
	}
}
