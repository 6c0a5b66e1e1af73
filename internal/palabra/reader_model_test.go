package palabra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// version is what the server held for a session from some time on. Its expiry is
// zero while there was no session.
type version struct{ from, expires time.Time }

// model knows what a single read would have answered at any time, and which
// sessions this process has written.
type model struct {
	// lag is how far the list is behind the API.
	lag     time.Duration
	history map[string][]version
	own     map[string]bool
}

// observe notes what the server holds for a session now.
func (m *model) observe(s *server, id string) {
	session, _ := s.Session(id)
	m.history[id] = append(m.history[id], version{from: elapsedClock(), expires: session.ExpiresAt.Truncate(time.Second)})
}

// allowed reports whether a read may give an answer at a time (zero: not found).
// That is what a single read gives now or, unless this process has written the
// session, gave within the freshness bound. Not found has to be true now.
func (m *model) allowed(id string, expires, at time.Time) bool {
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
		if v.expires.Equal(expires) && at.Sub(versions[i+1].from) <= documentedLifetime+m.lag {
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
	s := &server{Sandbox: sandbox.New(sandbox.Options{})}
	list := &modelList{}
	s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.Delay(usualSingle), Through: true})
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: list.effect(s.LaggingList(m.lag))})
	client := s.client(t)
	client.reader.pageSize = rapid.IntRange(1, 5).Draw(t, "page size")
	created := elapsedClock()
	put := func(id string, lifetime time.Duration) {
		s.Put(sandbox.Session{ID: id, CreatedAt: created, ExpiresAt: elapsedClock().Add(lifetime)})
		m.observe(s, id)
	}
	for i := range 8 {
		put(fmt.Sprintf("s.%d", i), 1000*time.Hour)
	}
	// A 404 is believed from here on, also while the list fails.
	if _, err := client.Get(t.Context(), "s.0"); err != nil {
		t.Fatal(err)
	}
	anyID := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("s.%d", rapid.IntRange(0, 11).Draw(t, "session")) })
	anyTTL := rapid.Int64Range(100_000, 900_000)
	// readBeside reads while one session is written and some reads are cancelled.
	readBeside := func(t *rapid.T, ids []string, written string, cancelled int) {
		type answer struct {
			session Session
			err     error
			at      time.Time
			before  bool // allowed before the write
		}
		answers, writeErr := make([]answer, len(ids)), error(nil)
		began := elapsedClock()
		before, _ := s.counts()
		var group sync.WaitGroup
		for i, id := range ids {
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if i < cancelled {
				ctx, cancel = context.WithTimeout(ctx, usualSingle/2)
			}
			group.Go(func() {
				defer cancel()
				session, err := client.Read(ctx, id)
				answers[i] = answer{session: session, err: err, at: elapsedClock()}
			})
		}
		if written != "" {
			ttl := anyTTL.Draw(t, "ttl")
			group.Go(func() { _, writeErr = client.SetExpiry(t.Context(), written, ttl) }) // Some do not exist.
		}
		group.Wait()
		missing := writeErr != nil || slices.ContainsFunc(answers, func(got answer) bool { return got.err != nil }) // and waits for a list
		pages, _ := s.counts()
		// A page that answers a read is waited for, also by the others.
		most := documentedWait + usualSingle + time.Duration(pages-before)*time.Duration(list.delay.Load())
		if took := elapsedClock().Sub(began); took > most && !missing {
			t.Fatalf("the reads took %v", took)
		}
		for i, got := range answers {
			answers[i].before = m.allowed(ids[i], got.session.ExpiresAt, got.at)
		}
		if written != "" {
			m.own[written] = true
			m.observe(s, written)
		}
		for i, got := range answers {
			switch {
			case i < cancelled && errors.Is(got.err, context.DeadlineExceeded):
				continue
			case errors.Is(got.err, ErrUnconfirmed) || errors.Is(got.err, ErrStillListed):
				continue // The list that would confirm the end went wrong, or lags.
			case got.err != nil && !errors.Is(got.err, ErrNotFound):
				t.Fatal(got.err)
			}
			if !got.before && !m.allowed(ids[i], got.session.ExpiresAt, got.at) {
				t.Fatalf("%s: answered %v (%v), history %v", ids[i], got.session.ExpiresAt, got.err, m.history[ids[i]])
			}
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"read one":  func(t *rapid.T) { readBeside(t, []string{anyID.Draw(t, "id")}, "", 0) },
		"read some": func(t *rapid.T) { readBeside(t, rapid.SliceOfN(anyID, 2, 12).Draw(t, "ids"), "", 0) },
		"read and write": func(t *rapid.T) {
			readBeside(t, rapid.SliceOfN(anyID, 2, 12).Draw(t, "ids"), anyID.Draw(t, "written"), rapid.IntRange(0, 2).Draw(t, "cancelled"))
		},
		"set expiry": func(t *rapid.T) {
			readBeside(t, nil, anyID.Draw(t, "id"), 0)
		},
		"delete": func(t *rapid.T) {
			id := anyID.Draw(t, "id")
			m.own[id] = true
			_ = client.Delete(t.Context(), id) // Some do not exist.
			m.observe(s, id)
		},
		"somebody changes": func(t *rapid.T) {
			put(anyID.Draw(t, "id"), time.Duration(rapid.IntRange(200, 900).Draw(t, "hours"))*time.Hour)
		},
		"somebody deletes": func(t *rapid.T) {
			id := anyID.Draw(t, "id")
			s.Remove(id)
			m.observe(s, id)
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
}
