package palabra_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// snapshotLifetime is the documented freshness bound of bulk reads.
const snapshotLifetime = 30 * time.Second

// version is what the server held for a session from some time on; a zero expiry
// means that it held none.
type version struct {
	from    time.Time
	expires time.Time
}

// model is a reference that knows what a single read would have answered at any
// time, and what this process has written.
type model struct {
	now     time.Time
	history map[string][]version
	own     map[string]time.Time
}

func (m *model) change(id string, expires time.Time) {
	m.history[id] = append(m.history[id], version{from: m.now, expires: expires})
}

// allowed says whether an answer (zero: not found) is one that a single read
// gives now, or gave within the freshness bound, if this process has not written
// the session since. Not found is allowed only if it is true now.
func (m *model) allowed(id string, expires time.Time) bool {
	versions := m.history[id]
	var current time.Time
	if len(versions) > 0 {
		current = versions[len(versions)-1].expires
	}
	if expires.Equal(current) {
		return true
	}
	if _, own := m.own[id]; own || expires.IsZero() {
		return false
	}
	for i, v := range versions {
		until := m.now
		if i+1 < len(versions) {
			until = versions[i+1].from
		}
		if v.expires.Equal(expires) && m.now.Sub(until) <= snapshotLifetime {
			return true
		}
	}
	return false
}

func TestReaderAgreesWithSingleReadsWithinTheFreshnessBound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		clock := sandbox.NewClock(start)
		s := sandbox.New(sandbox.Options{ClientID: "client", ClientSecret: secret, Now: clock.Now})
		listener := httptest.NewServer(s)
		defer listener.Close()
		pageSize := rapid.IntRange(1, 5).Draw(t, "page size")
		client, err := palabra.New(palabra.Config{Endpoint: listener.URL, ClientID: "client", ClientSecret: secret, BulkRead: true, PageSize: pageSize})
		if err != nil {
			t.Fatal(err)
		}
		client.RetryAtOnce()
		client.SetReaderClock(clock.Now)
		m := &model{now: start, history: make(map[string][]version), own: make(map[string]time.Time)}
		anyID := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("s.%d", rapid.IntRange(0, 11).Draw(t, "session")) })
		put := func(id string, lifetime time.Duration) {
			s.Put(sandbox.Session{ID: id, CreatedAt: start, ExpiresAt: m.now.Add(lifetime)})
			m.change(id, m.now.Add(lifetime))
		}
		for i := range 8 {
			put(fmt.Sprintf("s.%d", i), 1000*time.Hour)
		}
		// A 404 is believed from here on, also while the list fails.
		if _, err := client.Get(t.Context(), "s.0"); err != nil {
			t.Fatal(err)
		}
		reads := 0
		defer client.AwaitPage()
		t.Repeat(map[string]func(*rapid.T){
			"read": func(t *rapid.T) {
				id := anyID.Draw(t, "id")
				reads++
				session, err := client.Read(t.Context(), id)
				if err != nil && !errors.Is(err, palabra.ErrNotFound) {
					t.Fatal(err)
				}
				if !m.allowed(id, session.ExpiresAt) {
					t.Fatalf("%s: answered %v (%v), history %v", id, session.ExpiresAt, err, m.history[id])
				}
			},
			"let the page arrive": func(*rapid.T) { client.AwaitPage() },
			"set expiry": func(t *rapid.T) {
				id, ttl := anyID.Draw(t, "id"), rapid.Int64Range(100_000, 900_000).Draw(t, "ttl")
				m.own[id] = m.now
				if _, err := client.SetExpiry(t.Context(), id, ttl); err == nil {
					m.change(id, m.now.Add(time.Duration(ttl)*time.Second))
				}
			},
			"delete": func(t *rapid.T) {
				id := anyID.Draw(t, "id")
				m.own[id] = m.now
				if err := client.Delete(t.Context(), id); err == nil {
					m.change(id, time.Time{})
				}
			},
			"somebody changes": func(t *rapid.T) {
				put(anyID.Draw(t, "id"), time.Duration(rapid.IntRange(200, 900).Draw(t, "hours"))*time.Hour)
			},
			"somebody deletes": func(t *rapid.T) {
				id := anyID.Draw(t, "id")
				s.Remove(id)
				m.change(id, time.Time{})
			},
			"time passes": func(t *rapid.T) {
				d := time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second
				// A page in flight was asked for before.
				client.AwaitPage()
				clock.Advance(d)
				m.now = m.now.Add(d)
			},
			"the next list fails": func(*rapid.T) {
				s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Count: 1, Effect: sandbox.HTMLError(500)})
			},
		})
		if stats := client.ReaderStats(); stats.Hits+stats.Misses != reads {
			t.Fatalf("stats %+v for %d reads", stats, reads)
		}
	})
}
