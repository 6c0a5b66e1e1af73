// Package sandbox imitates the Palabra Session Storage API: an http.Handler over
// an in-memory store, with an injected clock, a request log and faults on
// demand. It implements the public contract independently and shares no code
// with the client; where the contract is silent it takes the stricter reading.
package sandbox

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The default credentials.
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
	// RemoteAddr distinguishes connections.
	RemoteAddr string
	// Fault names what was injected; empty for a normal answer.
	Fault string
}

// Target is the path with the query, as it was sent.
func (r Request) Target() string {
	if r.Query == "" {
		return r.Path
	}
	return r.Path + "?" + r.Query
}

// Sandbox is the imitation. It is safe for concurrent use.
type Sandbox struct {
	options Options

	mu       sync.Mutex
	store    store
	requests []Request
	faults   []*Fault
	rng      *rand.Rand
	seed     []seedSession
	// offset is how far Advance has moved the clock.
	offset   time.Duration
	watchers map[chan struct{}]bool
	// keepHistory is set once a fault shows what the store held before.
	keepHistory bool
}

// New returns a sandbox without sessions.
func New(options Options) *Sandbox {
	options.ClientID = cmp.Or(options.ClientID, DefaultClientID)
	options.ClientSecret = cmp.Or(options.ClientSecret, DefaultClientSecret)
	options.APIKey = cmp.Or(options.APIKey, DefaultAPIKey)
	options.SessionLimit = cmp.Or(options.SessionLimit, defaultSessionLimit)
	options.DefaultTTL = cmp.Or(options.DefaultTTL, defaultTTL)
	options.BadCredentialsStatus = cmp.Or(options.BadCredentialsStatus, http.StatusUnauthorized)
	options.SessionLimitStatus = cmp.Or(options.SessionLimitStatus, http.StatusForbidden)
	options.Organization = cmp.Or(options.Organization, "sandbox")
	if options.Now == nil {
		options.Now = realTime
	}
	s := &Sandbox{options: options, watchers: make(map[chan struct{}]bool)}
	s.empty()
	return s
}

// empty removes all sessions and requests; the caller holds the lock.
func (s *Sandbox) empty() {
	s.store = newStore()
	s.requests = nil
	s.offset = 0
	s.rng = rand.New(rand.NewPCG(s.options.Seed, 0)) // #nosec G404 -- faults are to be repeatable
}

// Reset goes back to the start: the clock as it was given, the sessions of the
// seeds, no requests. Faults stay.
func (s *Sandbox) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reset()
}

func (s *Sandbox) reset() {
	s.empty()
	for _, seeded := range s.seed {
		s.putSeed(seeded)
	}
	s.notify()
}

// Advance moves the clock that the sandbox was given; a negative duration moves
// it back.
func (s *Sandbox) Advance(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += by
	s.notify()
}

// now is the server's time in whole seconds: HTTP dates and the API's timestamps
// know no fractions. The caller holds the lock.
func (s *Sandbox) now() time.Time {
	return s.options.Now().Add(s.offset).UTC().Truncate(time.Second)
}

func (s *Sandbox) lockedNow() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// Requests returns the requests since the last reset, of which it keeps the last
// 50,000.
func (s *Sandbox) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ResetRequests empties the request log.
func (s *Sandbox) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (s *Sandbox) record(r Request) {
	s.mu.Lock()
	if len(s.requests) >= maxLoggedRequests {
		s.requests = slices.Clone(s.requests[maxLoggedRequests/2:])
	}
	s.requests = append(s.requests, r)
	s.notify()
	s.mu.Unlock()
	if s.options.OnRequest != nil {
		s.options.OnRequest(r)
	}
}
