package sandbox

import (
	"bytes"
	"crypto/subtle"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	createPath   = "/session-storage/session"
	sessionsPath = "/session-storage/sessions"
	// maxPageSize is that of the API's sibling lists; more is refused.
	maxPageSize = 100
	// defaultPageSize is the samples' size in the sibling lists' reference.
	defaultPageSize = 10
	// maxBody bounds what is read of a request, in bytes.
	maxBody = 1 << 20
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

// route returns what a request asks for. It works on the path as it was sent, so
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

// ServeHTTP answers like the API, at the root with a dashboard, and under
// /sandbox/ the control calls.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if guarded(r.URL.Path) && !s.answersFor(r.Host) {
		refuseHost(w, r)
		return
	}
	if s.serveDashboard(w, r) || s.serveControl(w, r) {
		return
	}
	started := realTime()
	operation, id := route(r)
	recorder := &statusRecorder{ResponseWriter: w}
	arrived := s.lockedNow()
	recorder.Header().Set("Date", arrived.Format(http.TimeFormat))
	faultName := ""
	defer func() {
		s.record(Request{
			Time: arrived, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, SessionID: id,
			Status: recorder.status, Duration: realTime().Sub(started), RemoteAddr: r.RemoteAddr, Fault: faultName,
		})
	}()
	if !bufferBody(recorder, r) {
		return
	}
	s.withFaults(operation, id, &faultName).ServeHTTP(recorder, r)
}

// bufferBody reads the body before anything is locked, so that a client that
// stalls in the middle of it holds up nobody else.
func bufferBody(w http.ResponseWriter, r *http.Request) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeProblem(w, r, http.StatusBadRequest, "Bad request", "The body could not be read, or is larger than 1 MiB.", 100400)
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return true
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
		s.list(w, r, &s.store, s.now())
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

// statusRecorder keeps the status for the request log.
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
