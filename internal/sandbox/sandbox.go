// Package sandbox imitates the Palabra Session Storage API: an http.Handler over
// an in-memory store, with an injected clock, a request log and faults on
// demand. It is a reading of the public contract of its own and shares no code
// with the client; where the contract is silent it takes the stricter reading.
package sandbox

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// The credentials of a sandbox that is given none.
const (
	DefaultClientID     = "sandbox-client-id"
	DefaultClientSecret = "sandbox-client-secret" // #nosec G101 -- of the sandbox only
	DefaultAPIKey       = "plbr_sandbox"          // #nosec G101 -- of the sandbox only
)

const (
	// defaultTTL is the lifetime of all public samples.
	defaultTTL = 30 * 24 * time.Hour
	// defaultSessionLimit is a guess: the limit of each plan is not public.
	defaultSessionLimit = 1000
	// maxLoggedRequests bounds the memory that the request log takes.
	maxLoggedRequests = 50_000
)

// Request is an entry of the request log.
type Request struct {
	// Time is when it arrived, by the sandbox's clock.
	Time time.Time
	// Method, Path (escaped, as it was sent) and Query are of the request line.
	Method, Path, Query string
	// SessionID is the id that the path names, unescaped.
	SessionID string
	// Status is the answer's; 0 when the connection was cut.
	Status int
	// Duration is how long the answer took.
	Duration time.Duration
	// RemoteAddr tells connections apart.
	RemoteAddr string
	// Fault names what was injected; empty for a normal answer.
	Fault string
}

// Sandbox is the imitation. It is safe for concurrent use.
type Sandbox struct {
	options Options

	mu       sync.Mutex
	store    store
	requests []Request
	faults   []*Fault
	rng      *rand.Rand
	watchers map[chan struct{}]bool
}

// New returns a sandbox without sessions.
func New(options Options) *Sandbox {
	setDefault(&options.ClientID, DefaultClientID)
	setDefault(&options.ClientSecret, DefaultClientSecret)
	setDefault(&options.APIKey, DefaultAPIKey)
	setDefault(&options.SessionLimit, defaultSessionLimit)
	setDefault(&options.DefaultTTL, defaultTTL)
	setDefault(&options.BadCredentialsStatus, http.StatusUnauthorized)
	setDefault(&options.SessionLimitStatus, http.StatusForbidden)
	setDefault(&options.Organization, "sandbox")
	if options.Now == nil {
		options.Now = realTime
	}
	return &Sandbox{
		options:  options,
		store:    newStore(),
		watchers: make(map[chan struct{}]bool),
		rng:      rand.New(rand.NewPCG(options.Seed, 0)), // #nosec G404 -- faults are to be repeatable
	}
}

func setDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// now is the server's time in whole seconds: HTTP dates and the API's timestamps
// know no fractions.
func (s *Sandbox) now() time.Time { return s.options.Now().UTC().Truncate(time.Second) }

// Put stores a session, or changes one behind the clients' backs. Zero times are
// filled in from the clock and the default lifetime.
func (s *Sandbox) Put(session Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	setDefault(&session.CreatedAt, now)
	setDefault(&session.UpdatedAt, session.CreatedAt)
	setDefault(&session.ExpiresAt, session.CreatedAt.Add(s.options.DefaultTTL))
	s.store.beforeChange(now)
	s.store.put(session)
}

// Session returns a live session.
func (s *Sandbox) Session(id string) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.store.live(id, s.now())
	if session == nil {
		return Session{}, false
	}
	return *session, true
}

// Sessions returns every live session in order of creation.
func (s *Sandbox) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store.all(s.now())
}

// Remove deletes a session behind the clients' backs.
func (s *Sandbox) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store.beforeChange(s.now())
	s.store.remove(id)
}

// Connect begins a live connection: the expiry is reset to a minute ahead (or to
// now, see Options.ConnectResetsToNow) and moves on every minute from then on.
func (s *Sandbox) Connect(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if session := s.store.live(id, now); session != nil {
		s.store.beforeChange(now)
		session.Connected = true
		session.UpdatedAt = now
		session.ExpiresAt = now
		if !s.options.ConnectResetsToNow {
			session.ExpiresAt = now.Add(time.Minute)
		}
	}
}

// Disconnect ends a live connection. The session stays until the expiry that it
// then has, which is at most a minute ahead: one that was used and hung up ends
// long before the expiry that it was given.
func (s *Sandbox) Disconnect(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if session := s.store.live(id, s.now()); session != nil {
		s.store.beforeChange(s.now())
		session.Connected = false
	}
}

// Requests returns the requests since the last reset, of which it keeps the last
// 50,000.
func (s *Sandbox) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// ResetRequests forgets the request log.
func (s *Sandbox) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (s *Sandbox) record(r Request) {
	s.mu.Lock()
	if len(s.requests) >= maxLoggedRequests {
		s.requests = append([]Request(nil), s.requests[maxLoggedRequests/2:]...)
	}
	s.requests = append(s.requests, r)
	s.notify()
	s.mu.Unlock()
	if s.options.OnRequest != nil {
		s.options.OnRequest(r)
	}
}
