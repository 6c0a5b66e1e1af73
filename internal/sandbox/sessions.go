package sandbox

import (
	"cmp"
	"time"
)

// Put stores a session, or changes one behind the clients' backs. Zero times are
// filled in from the clock and the default lifetime.
func (s *Sandbox) Put(session Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(session)
}

func (s *Sandbox) put(session Session) {
	now := s.now()
	session.CreatedAt = cmp.Or(session.CreatedAt, now)
	session.UpdatedAt = cmp.Or(session.UpdatedAt, session.CreatedAt)
	session.ExpiresAt = cmp.Or(session.ExpiresAt, session.CreatedAt.Add(s.options.DefaultTTL))
	s.beforeChange(now)
	s.store.put(session)
	s.notify()
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
	s.end(id)
}

func (s *Sandbox) end(id string) {
	now := s.now()
	s.beforeChange(now)
	s.store.end(id, "deleted", now)
	s.notify()
}

// Connect begins a live connection: the expiry is reset to a minute ahead (or to
// now, see Options.ConnectResetsToNow) and moves on every minute from then on.
func (s *Sandbox) Connect(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connect(id)
}

func (s *Sandbox) connect(id string) {
	now := s.now()
	session := s.store.live(id, now)
	if session == nil {
		return
	}
	s.beforeChange(now)
	session.Connected = true
	session.UpdatedAt, session.ExpiresAt = now, now
	if !s.options.ConnectResetsToNow {
		session.ExpiresAt = now.Add(time.Minute)
	}
	s.notify()
}

// Disconnect ends a live connection. The session stays until the expiry that it
// then has, which is at most a minute ahead: one that was used and hung up ends
// long before the expiry that it was given.
func (s *Sandbox) Disconnect(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disconnect(id)
}

func (s *Sandbox) disconnect(id string) {
	if session := s.store.live(id, s.now()); session != nil {
		s.beforeChange(s.now())
		session.Connected = false
		s.notify()
	}
}
