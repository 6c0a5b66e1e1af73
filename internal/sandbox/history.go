package sandbox

import (
	"net/http"
	"time"
)

// maxHistory bounds the memory that a lagging list takes.
const maxHistory = 1000

// snapshot is what the store held until a change.
type snapshot struct {
	until    time.Time
	sessions []Session
}

// replaced is what a TTL call replaced, and how many reads have shown it since.
type replaced struct {
	updatedAt, expiresAt time.Time
	reads                int
}

// beforeChange notes what the store holds, for the faults that show it later; the
// caller holds the lock.
func (s *Sandbox) beforeChange(now time.Time) {
	if !s.keepHistory {
		return
	}
	if len(s.store.history) == maxHistory {
		s.store.history = s.store.history[1:]
	}
	s.store.history = append(s.store.history, snapshot{until: now, sessions: s.store.all(now)})
}

// asOf returns a store that holds what this one held at a time.
func (s *store) asOf(at time.Time) *store {
	for _, old := range s.history {
		if old.until.After(at) {
			then := newStore()
			for _, session := range old.sessions {
				then.put(session)
			}
			return &then
		}
	}
	return s
}

// LaggingList answers list calls with the sessions as they were that long ago:
// created ones are missing, deleted ones are there, changed ones have their old
// expiry. It knows only the changes that follow this call.
func (s *Sandbox) LaggingList(by time.Duration) Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepHistory = true
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		if operation, _ := route(r); operation != OperationList || !s.authorized(r) {
			api.ServeHTTP(w, r)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		at := s.now().Add(-by)
		s.list(w, r, s.store.asOf(at), at)
	}
}

// StaleReads lets the first n reads of a session after each TTL call answer with
// the expiry and updated_at from before it.
func (s *Sandbox) StaleReads(n int) Effect {
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		operation, id := route(r)
		if operation == OperationGet && s.authorized(r) {
			if session, ok := s.staleSession(id, n); ok {
				writeSession(w, session)
				return
			}
		}
		api.ServeHTTP(w, r)
	}
}

func (s *Sandbox) staleSession(id string, n int) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, before := s.store.live(id, s.now()), s.store.written[id]
	if session == nil || before == nil || before.reads >= n {
		return Session{}, false
	}
	before.reads++
	stale := *session
	stale.UpdatedAt, stale.ExpiresAt = before.updatedAt, before.expiresAt
	return stale, true
}
