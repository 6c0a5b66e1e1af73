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

// replaced is what a TTL call found, and how many reads have answered it since.
type replaced struct {
	updatedAt, expiresAt time.Time
	reads                int
}

// beforeChange notes what the store holds, for the faults that show it later.
func (s *store) beforeChange(now time.Time) {
	if !s.keep {
		return
	}
	if len(s.history) == maxHistory {
		s.history = s.history[1:]
	}
	s.history = append(s.history, snapshot{until: now, sessions: s.all(now)})
}

// asOf returns a store that holds what this one held at a time.
func (s *store) asOf(at time.Time) *store {
	for _, old := range s.history {
		if old.until.After(at) {
			return old.store()
		}
	}
	return s
}

func (s snapshot) store() *store {
	restored := newStore()
	for _, session := range s.sessions {
		restored.put(session)
	}
	return &restored
}

// LaggingList lists the sessions as they were that long ago: created ones are
// missing, deleted ones are there, changed ones have their old expiry. Changes
// count from this call on.
func (s *Sandbox) LaggingList(by time.Duration) Effect {
	return s.listFrom(func(now time.Time) (*store, time.Time) {
		at := now.Add(-by)
		return s.store.asOf(at), at
	})
}

// ListBeforeWrites lists the sessions as they were before the last n changes.
// Changes count from this call on.
func (s *Sandbox) ListBeforeWrites(n int) Effect {
	return s.listFrom(func(now time.Time) (*store, time.Time) {
		history := s.store.history
		at := len(history) - min(n, len(history))
		if at == len(history) {
			return &s.store, now
		}
		old := history[at]
		return old.store(), old.until
	})
}

// listFrom answers list calls from another store than the sandbox's, as of
// another time; view is called with the lock held.
func (s *Sandbox) listFrom(view func(now time.Time) (*store, time.Time)) Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store.keep = true
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		if operation, _ := route(r); operation != OperationList || !s.authorized(r) {
			api.ServeHTTP(w, r)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		from, at := view(s.now())
		s.list(w, r, from, at)
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
