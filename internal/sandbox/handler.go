package sandbox

import (
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	createPath   = "/session-storage/session"
	sessionsPath = "/session-storage/sessions"
	// maxPageSize is that of the API's sibling lists; more is refused.
	maxPageSize = 100
	// defaultPageSize is the samples' size in the sibling lists' reference.
	defaultPageSize = 10
)

// Operation is one of the API's calls.
type Operation string

// The calls of the API. OperationCreate is also the deprecated create path.
const (
	OperationCreate Operation = "create"
	OperationList   Operation = "list"
	OperationGet    Operation = "get"
	OperationDelete Operation = "delete"
	OperationExpiry Operation = "expiry"
	operationNone   Operation = ""
)

// route tells what a request asks for. It works on the path as it was sent, so
// that any id is one segment, whatever characters it holds.
func route(r *http.Request) (Operation, string) {
	path := r.URL.EscapedPath()
	rest, isSession := strings.CutPrefix(path, sessionsPath+"/")
	switch {
	case r.Method == http.MethodPost && (path == createPath || path == sessionsPath || isSession && rest == ""):
		// An empty id in the TTL call reaches the deprecated create path.
		return OperationCreate, ""
	case r.Method == http.MethodGet && path == sessionsPath:
		return OperationList, ""
	case !isSession || rest == "" || strings.Contains(rest, "/"):
		return operationNone, ""
	}
	id, err := url.PathUnescape(rest)
	if err != nil {
		return operationNone, ""
	}
	switch r.Method {
	case http.MethodGet:
		return OperationGet, id
	case http.MethodDelete:
		return OperationDelete, id
	case http.MethodPost:
		return OperationExpiry, id
	default:
		return operationNone, id
	}
}

// ServeHTTP answers like the API, and at the root with a page to look at.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.servePage(w, r) {
		return
	}
	started := realTime()
	operation, id := route(r)
	recorder := &statusRecorder{ResponseWriter: w}
	recorder.Header().Set("Date", s.now().Format(http.TimeFormat))
	fault := s.pickFault(operation, id)
	defer func() {
		entry := Request{
			Time: s.now(), Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
			SessionID: id, Status: recorder.status, Duration: realTime().Sub(started), RemoteAddr: r.RemoteAddr,
		}
		if fault != nil {
			entry.Fault = fault.Name
		}
		s.record(entry)
	}()
	if fault != nil {
		fault.Effect(recorder, r, http.HandlerFunc(s.answer))
		return
	}
	s.answer(recorder, r)
}

// answer is the API without faults.
func (s *Sandbox) answer(w http.ResponseWriter, r *http.Request) {
	operation, id := route(r)
	if !s.authorized(r) {
		refuseCredentials(w, r, s.options.BadCredentialsStatus)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch operation {
	case OperationCreate:
		s.create(w, r)
	case OperationList:
		s.list(w, r)
	case OperationGet:
		s.get(w, r, id)
	case OperationDelete:
		s.delete(w, r, id)
	case OperationExpiry:
		s.expiry(w, r, id)
	case operationNone:
		writeProblem(w, r, http.StatusNotFound, "Not found", "There is no such endpoint.", 100404)
	}
}

// authorized accepts either kind of credentials, and not both at once: which of
// them would count is not known.
func (s *Sandbox) authorized(r *http.Request) bool {
	same := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	id, secret := r.Header.Get("ClientID"), r.Header.Get("ClientSecret")
	bearer, hasBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if hasBearer {
		return id == "" && secret == "" && same(bearer, s.options.APIKey)
	}
	return same(id, s.options.ClientID) && same(secret, s.options.ClientSecret)
}

func (s *Sandbox) list(w http.ResponseWriter, r *http.Request) {
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
	sessions, more := s.store.page(after, size, s.now())
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
	writeJSON(w, http.StatusOK, map[string]any{"ok": true, "data": wireOf(*session)})
}

func (s *Sandbox) delete(w http.ResponseWriter, r *http.Request, id string) {
	if s.store.live(id, s.now()) == nil {
		writeNotFound(w, r)
		return
	}
	s.store.remove(id)
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
	if body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20)); err != nil || len(body) > 0 && bodyTTL(body) != ttl {
		writeProblem(w, r, http.StatusBadRequest, "Bad request", "The body's ttl_seconds does not agree with the query's.", 100400)
		return
	}
	session := s.store.live(id, s.now())
	if session == nil {
		writeNotFound(w, r)
		return
	}
	granted := time.Duration(ttl) * time.Second
	if s.options.MaxTTL > 0 {
		granted = min(granted, s.options.MaxTTL)
	}
	session.UpdatedAt = s.now()
	session.ExpiresAt = s.now().Add(granted)
	w.WriteHeader(http.StatusNoContent)
}

// bodyTTL is 0, which no query may ask for, where the body holds no TTL.
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

// statusRecorder remembers the status for the request log.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *statusRecorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
