package sandbox

import (
	"cmp"
	"slices"
	"time"
)

// Session is a session of the store, with the names that get and list have for its
// members. Times are whole seconds in UTC.
type Session struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	ExpiresAt time.Time `json:"expires_at"`
	// Connected sessions move their expiry every minute.
	Connected bool `json:"-"`
	// The newest reference adds these three, all optional.
	Intent        string `json:"intent,omitempty"`
	AggregationID string `json:"aggregation_id,omitempty"`
	Organization  string `json:"organization,omitempty"`
}

// store holds the sessions; its owner locks it.
type store struct {
	byID map[string]*Session
	// ordered is by creation, then id: the order of the list call.
	ordered []*Session
	// written is what a TTL call replaced, by id, until the session is removed.
	written map[string]*replaced
	// history is what the store held before each change, if Sandbox.keepHistory.
	history []snapshot
	// gone are the sessions that ended last, the latest at the end.
	gone []goneSession
}

// maxGone is how many ended sessions the dashboard shows.
const maxGone = 10

// goneSession is a session that has ended.
type goneSession struct {
	id, how string
	at      time.Time
}

func newStore() store {
	return store{byID: make(map[string]*Session), written: make(map[string]*replaced)}
}

func inOrder(a, b *Session) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
}

func (s *store) put(session Session) {
	s.remove(session.ID)
	s.gone = slices.DeleteFunc(s.gone, func(gone goneSession) bool { return gone.id == session.ID })
	for _, t := range []*time.Time{&session.CreatedAt, &session.UpdatedAt, &session.ExpiresAt} {
		*t = t.UTC().Truncate(time.Second)
	}
	at, _ := slices.BinarySearchFunc(s.ordered, &session, inOrder)
	s.ordered = slices.Insert(s.ordered, at, &session)
	s.byID[session.ID] = &session
}

func (s *store) remove(id string) {
	session, ok := s.byID[id]
	if !ok {
		return
	}
	delete(s.byID, id)
	delete(s.written, id)
	if at, found := slices.BinarySearchFunc(s.ordered, session, inOrder); found {
		s.ordered = slices.Delete(s.ordered, at, at+1)
	}
}

// end removes a session and keeps it for the dashboard.
func (s *store) end(id, how string, at time.Time) {
	if _, ok := s.byID[id]; !ok {
		return
	}
	s.remove(id)
	if len(s.gone) == maxGone {
		s.gone = s.gone[1:]
	}
	s.gone = append(s.gone, goneSession{id: id, how: how, at: at})
}

// live returns the session if it has not ended. Whether the API still answers
// for an expired session is not known; that it vanishes at once is the stricter
// reading.
func (s *store) live(id string, now time.Time) *Session {
	session, ok := s.byID[id]
	if !ok {
		return nil
	}
	if session.ended(now) {
		s.end(id, "expired", session.ExpiresAt)
		return nil
	}
	return session
}

// ended brings the session up to date and reports whether its expiry is past. A
// connected one has not ended, whatever its expiry says.
func (s *Session) ended(now time.Time) bool {
	s.tick(now)
	return !s.Connected && !now.Before(s.ExpiresAt)
}

// tick lets a connected session live at least until a minute after the last full
// minute of its connection.
func (s *Session) tick(now time.Time) {
	if !s.Connected {
		return
	}
	elapsed := now.Sub(s.UpdatedAt).Truncate(time.Minute)
	if elapsed < time.Minute {
		return
	}
	s.UpdatedAt = s.UpdatedAt.Add(elapsed)
	if moved := s.UpdatedAt.Add(time.Minute); moved.After(s.ExpiresAt) {
		s.ExpiresAt = moved
	}
}

func (s *store) all(now time.Time) []Session {
	sessions, _ := s.page(nil, len(s.ordered), now)
	return sessions
}

// page returns up to size live sessions behind after, and whether there are
// more.
func (s *store) page(after *Session, size int, now time.Time) ([]Session, bool) {
	from := 0
	if after != nil {
		at, found := slices.BinarySearchFunc(s.ordered, after, inOrder)
		if from = at; found {
			from++
		}
	}
	sessions := make([]Session, 0, min(size, len(s.ordered)))
	var ended []*Session
	more := false
	for _, session := range s.ordered[from:] {
		if session.ended(now) {
			ended = append(ended, session)
			continue
		}
		if len(sessions) == size {
			more = true
			break
		}
		sessions = append(sessions, *session)
	}
	for _, session := range ended {
		s.end(session.ID, "expired", session.ExpiresAt)
	}
	return sessions, more
}

// count is how many sessions are live.
func (s *store) count(now time.Time) int { return len(s.all(now)) }
