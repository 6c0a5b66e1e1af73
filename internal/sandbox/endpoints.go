package sandbox

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"
)

// lastTime is the last one that RFC 3339 can express.
var lastTime = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)

// list answers from a store as of a time, which a fault may choose.
func (s *Sandbox) list(w http.ResponseWriter, r *http.Request, from *store, now time.Time) {
	size := defaultPageSize
	if text := r.URL.Query().Get("page_size"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPageSize {
			writeProblem(w, r, http.StatusUnprocessableEntity, "Validation error", "page_size must be an integer from 1 to 100.", 100422)
			return
		}
		size = n
	}
	var after *Session
	if token := r.URL.Query().Get("page_token"); token != "" {
		var ok bool
		if after, ok = decodeToken(token); !ok {
			writeProblem(w, r, http.StatusBadRequest, "Bad request", "page_token is not a token of this list.", 100400)
			return
		}
	}
	sessions, more := from.page(after, size, now)
	token := ""
	if more {
		token = encodeToken(sessions[len(sessions)-1])
	}
	writeJSON(w, http.StatusOK, listBody(s.options.Envelope, sessions, token))
}

func (s *Sandbox) get(w http.ResponseWriter, r *http.Request, id string) {
	session := s.store.live(id, s.now())
	if session == nil {
		writeNotFound(w, r)
		return
	}
	writeSession(w, *session)
}

func writeSession(w http.ResponseWriter, session Session) {
	writeJSON(w, http.StatusOK, map[string]any{"ok": true, "data": session})
}

func (s *Sandbox) delete(w http.ResponseWriter, r *http.Request, id string) {
	if s.store.live(id, s.now()) == nil {
		writeNotFound(w, r)
		return
	}
	s.end(id)
	w.WriteHeader(http.StatusNoContent)
}

// expiry takes the TTL from the query, where it is required, and wants a body,
// which newer references require, to agree with it.
func (s *Sandbox) expiry(w http.ResponseWriter, r *http.Request, id string) {
	ttl, err := strconv.ParseInt(r.URL.Query().Get("ttl_seconds"), 10, 64)
	if err != nil || ttl < 1 {
		writeProblem(w, r, http.StatusBadRequest, "Bad request", "ttl_seconds must be an integer of at least 1.", 100400)
		return
	}
	body, ok := s.readJSON(w, r)
	if !ok {
		return
	}
	if len(body) > 0 && bodyTTL(body) != ttl {
		writeProblem(w, r, http.StatusBadRequest, "Bad request", "The body's ttl_seconds does not agree with the query's.", 100400)
		return
	}
	if s.options.MaxTTL > 0 {
		ttl = min(ttl, int64(s.options.MaxTTL/time.Second))
	}
	now := s.now()
	if ttl > lastTime.Unix()-now.Unix() {
		// What the API does here is not known. A time that RFC 3339 cannot express
		// would break every later answer for the session.
		writeProblem(w, r, http.StatusBadRequest, "Bad request", "ttl_seconds reaches beyond the year 9999.", 100400)
		return
	}
	session := s.store.live(id, now)
	if session == nil {
		writeNotFound(w, r)
		return
	}
	s.beforeChange(now)
	s.store.written[id] = &replaced{updatedAt: session.UpdatedAt, expiresAt: session.ExpiresAt}
	if !s.options.KeepUpdatedAt {
		session.UpdatedAt = now
	}
	session.ExpiresAt = time.Unix(now.Unix()+ttl, 0).UTC()
	w.WriteHeader(http.StatusNoContent)
}

// bodyTTL is the TTL in the body; without one it is 0, which no query may ask for.
func bodyTTL(body []byte) int64 {
	var envelope struct {
		Data struct {
			TTLSeconds int64 `json:"ttl_seconds"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		return 0
	}
	return envelope.Data.TTLSeconds
}

// readJSON returns the body, which may be empty. It refuses a body that is not
// declared as JSON; ok is then false.
func (s *Sandbox) readJSON(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, _ = io.ReadAll(r.Body) // Buffered, so it does not fail.
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if len(body) > 0 && !s.options.AnyContentType && (err != nil || kind != "application/json") {
		writeProblem(w, r, http.StatusUnsupportedMediaType, "Unsupported media type", "The body's Content-Type must be application/json.", 100415)
		return nil, false
	}
	return body, true
}
