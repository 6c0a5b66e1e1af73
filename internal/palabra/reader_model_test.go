package palabra_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// pageLifetime is the documented freshness bound of bulk reads.
const pageLifetime = 30 * time.Second

// version is what the server held for a session from some time on; a zero expiry
// means that it held none.
type version struct{ from, expires time.Time }

// model is a reference that knows what a single read would have answered at any
// time, and what this process has written.
type model struct {
	// lag is how far the list is behind the API.
	lag     time.Duration
	history map[string][]version
	own     map[string]bool
}

// observe notes what the server holds for a session now.
func (m *model) observe(s *sandbox.Sandbox, id string) {
	session, _ := s.Session(id)
	m.history[id] = append(m.history[id], version{from: bubbleTime(), expires: session.ExpiresAt.Truncate(time.Second)})
}

// allowed says whether an answer (zero: not found) is one that a single read
// gives now, or gave within the freshness bound, if this process has not written
// the session since. Not found is allowed only if it is true now.
func (m *model) allowed(id string, expires time.Time) bool {
	versions := m.history[id]
	if len(versions) == 0 {
		return expires.IsZero()
	}
	if expires.Equal(versions[len(versions)-1].expires) {
		return true
	}
	if m.own[id] || expires.IsZero() {
		return false
	}
	for i, v := range versions[:len(versions)-1] {
		if v.expires.Equal(expires) && bubbleTime().Sub(versions[i+1].from) <= pageLifetime+m.lag {
			return true
		}
	}
	return false
}

// modelList is a list that fails, hangs or takes its time on demand.
type modelList struct {
	next  atomic.Pointer[sandbox.Effect]
	delay atomic.Int64
}

func (l *modelList) effect(list sandbox.Effect) sandbox.Effect {
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		if once := l.next.Swap(nil); once != nil {
			(*once)(w, r, api)
			return
		}
		sandbox.Delay(time.Duration(l.delay.Load()))(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { list(w, r, api) }))
	}
}

func TestReader_AgreesWithSingleReadsWithinTheFreshnessBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// A bubble has no deadline, which rapid would ask a *testing.T for.
		rapid.Check(struct{ rapid.TB }{t}, checkReaderAgainstModel)
		time.Sleep(2 * time.Second)
	})
}

func checkReaderAgainstModel(t *rapid.T) {
	m := &model{history: make(map[string][]version), own: make(map[string]bool)}
	m.lag = time.Duration(rapid.SampledFrom([]int{0, 0, 10, 60}).Draw(t, "seconds of lag")) * time.Second
	s := memoryServer{sandbox.New(sandbox.Options{APIKey: "plbr_key"})}
	list := &modelList{}
	s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.Delay(usualSingle), Through: true})
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: list.effect(s.LaggingList(m.lag))})
	client, err := palabra.New(palabra.Config{APIKey: "plbr_key", BulkRead: true, PageSize: rapid.IntRange(1, 5).Draw(t, "page size")})
	if err != nil {
		t.Fatal(err)
	}
	client.SetTransport(s)
	created := bubbleTime()
	put := func(id string, lifetime time.Duration) {
		s.Put(sandbox.Session{ID: id, CreatedAt: created, ExpiresAt: bubbleTime().Add(lifetime)})
		m.observe(s.Sandbox, id)
	}
	for i := range 8 {
		put(fmt.Sprintf("s.%d", i), 1000*time.Hour)
	}
	// A 404 is believed from here on, also while the list fails.
	if _, err := client.Get(t.Context(), "s.0"); err != nil {
		t.Fatal(err)
	}
	anyID := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("s.%d", rapid.IntRange(0, 11).Draw(t, "session")) })
	reads, hits := 0, 0
	read := func(t *rapid.T, ids []string) {
		reads += len(ids)
		sessions, errs := make([]palabra.Session, len(ids)), make([]error, len(ids))
		began := bubbleTime()
		var wg sync.WaitGroup
		for i, id := range ids {
			wg.Go(func() { sessions[i], errs[i] = client.Read(t.Context(), id) })
		}
		wg.Wait()
		if took := bubbleTime().Sub(began); took > longestWait+usualSingle {
			t.Fatalf("the reads took %v", took)
		}
		for i, id := range ids {
			if errs[i] != nil && !errors.Is(errs[i], palabra.ErrNotFound) {
				t.Fatal(errs[i])
			}
			if sessions[i].Listed {
				hits++
			}
			if !m.allowed(id, sessions[i].ExpiresAt) {
				t.Fatalf("%s: answered %v (%v), history %v", id, sessions[i].ExpiresAt, errs[i], m.history[id])
			}
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"read one":  func(t *rapid.T) { read(t, []string{anyID.Draw(t, "id")}) },
		"read some": func(t *rapid.T) { read(t, rapid.SliceOfN(anyID, 2, 12).Draw(t, "ids")) },
		"prime":     func(t *rapid.T) { client.Prime(t.Context()) },
		"set expiry": func(t *rapid.T) {
			id, ttl := anyID.Draw(t, "id"), rapid.Int64Range(100_000, 900_000).Draw(t, "ttl")
			m.own[id] = true
			_, _ = client.SetExpiry(t.Context(), id, ttl) // Some do not exist.
			m.observe(s.Sandbox, id)
		},
		"delete": func(t *rapid.T) {
			id := anyID.Draw(t, "id")
			m.own[id] = true
			_ = client.Delete(t.Context(), id) // Some do not exist.
			m.observe(s.Sandbox, id)
		},
		"somebody changes": func(t *rapid.T) {
			put(anyID.Draw(t, "id"), time.Duration(rapid.IntRange(200, 900).Draw(t, "hours"))*time.Hour)
		},
		"somebody deletes": func(t *rapid.T) {
			id := anyID.Draw(t, "id")
			s.Remove(id)
			m.observe(s.Sandbox, id)
		},
		"time passes": func(t *rapid.T) {
			time.Sleep(time.Duration(rapid.IntRange(1, 40_000).Draw(t, "milliseconds")) * time.Millisecond)
		},
		"a moment passes": func(*rapid.T) { time.Sleep(500 * time.Millisecond) },
		"the list takes": func(t *rapid.T) {
			list.delay.Store(int64(rapid.IntRange(0, 3000).Draw(t, "milliseconds")) * int64(time.Millisecond))
		},
		"the next list goes wrong": func(t *rapid.T) {
			effects := []sandbox.Effect{sandbox.Hang(), sandbox.HTMLError(500), sandbox.CutBefore(), sandbox.Truncate()}
			list.next.Store(&effects[rapid.IntRange(0, len(effects)-1).Draw(t, "how")])
		},
	})
	if stats := client.ReaderStats(); stats.Hits != hits || stats.Hits+stats.Misses != reads {
		t.Fatalf("stats %+v for %d reads, %d of them listed", stats, reads, hits)
	}
}
