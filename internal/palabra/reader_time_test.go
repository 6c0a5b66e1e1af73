package palabra_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// memoryServer is a sandbox without a network between: synctest lets its delays
// pass at once, and time is exact.
type memoryServer struct{ *sandbox.Sandbox }

func newMemoryServer(t *testing.T, single, page time.Duration) memoryServer {
	t.Helper()
	// By then a page that nobody waits for has ended.
	t.Cleanup(func() { time.Sleep(2 * time.Second) })
	s := memoryServer{sandbox.New(sandbox.Options{APIKey: "plbr_key"})}
	s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.Delay(single), Through: true})
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.Delay(page), Through: true})
	return s
}

func (s memoryServer) fill(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("time-user.%08d", i)
		s.Put(sandbox.Session{ID: ids[i], CreatedAt: bubbleTime().Add(time.Duration(i-n) * time.Second)})
	}
	return ids
}

func (s memoryServer) client(t *testing.T, adjust ...func(*palabra.Config)) *palabra.Client {
	t.Helper()
	config := palabra.Config{APIKey: "plbr_key", BulkRead: true}
	for _, f := range adjust {
		f(&config)
	}
	client, err := palabra.New(config)
	if err != nil {
		t.Fatal(err)
	}
	client.SetTransport(s)
	return client
}

// RoundTrip answers as a server would, with what its faults do to connections.
func (s memoryServer) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	received := r.Clone(r.Context())
	if received.Body == nil {
		received.Body = http.NoBody
	}
	defer received.Body.Close() //nolint:errcheck // in memory
	defer func() {
		cut := recover()
		if cutErr, _ := cut.(error); cut != nil && !errors.Is(cutErr, http.ErrAbortHandler) {
			panic(cut)
		}
		if err = r.Context().Err(); err == nil && cut != nil {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			answer = nil
		}
	}()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, received)
	return w.Result(), nil
}

// bubbleTime is the clock of synctest's bubbles, which only waiting moves.
func bubbleTime() time.Time { return time.Now() } //nolint:forbidigo // no wall clock

func withoutBulkRead(c *palabra.Config) { c.BulkRead = false }

// elapsed is how long it takes to read ids, without errors.
func elapsed(t *testing.T, client *palabra.Client, parallel int, ids []string) time.Duration {
	t.Helper()
	began := bubbleTime()
	if errs := readParallel(t, client, parallel, ids); len(errs) > 0 {
		t.Errorf("errors: %v", errs)
	}
	took := bubbleTime().Sub(began)
	time.Sleep(2 * time.Second)
	return took
}

const (
	usualSingle = 25 * time.Millisecond
	// longestWait is the documented bound, about a second.
	longestWait = 1100 * time.Millisecond
)

func TestReader_IsNeverSlowerThanSingleReads(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name            string
		sessions, reads int
		page            time.Duration
		order           func([]string) []string
		list            sandbox.Fault
		// waits is what may be lost: nothing where no page answers.
		waits time.Duration
	}{
		{name: "hanging list", sessions: 60, reads: 60, list: sandbox.Fault{Effect: sandbox.Hang()}},
		{name: "list that hangs after a page", sessions: 1000, reads: 1000, list: sandbox.Fault{Skip: 1, Effect: sandbox.Hang()}, waits: longestWait},
		{name: "list that hangs after ten pages", sessions: 9000, reads: 9000, list: sandbox.Fault{Skip: 10, Effect: sandbox.Hang()}, waits: longestWait},
		{name: "last of 10,000, 100 ms a page", sessions: 10_000, reads: 200, page: 100 * time.Millisecond},
		{name: "last of 10,000, 300 ms a page", sessions: 10_000, reads: 200, page: 300 * time.Millisecond},
		{name: "last of 10,000, 1 s a page", sessions: 10_000, reads: 200, page: time.Second},
		{name: "all of 1000, 100 ms a page", sessions: 1000, reads: 1000, page: 100 * time.Millisecond},
		{name: "all of 1000, 1 s a page", sessions: 1000, reads: 1000, page: time.Second, waits: longestWait},
		{name: "all of 1000, 1.5 s a page", sessions: 1000, reads: 1000, page: 1500 * time.Millisecond, waits: longestWait},
		{name: "1000 of 9000, 30 ms a page", sessions: 9000, reads: 1000, page: 30 * time.Millisecond, waits: longestWait},
		{name: "1000 of 9000, 300 ms a page", sessions: 9000, reads: 1000, page: 300 * time.Millisecond, waits: longestWait},
		{name: "1000 of 9000, 1.5 s a page", sessions: 9000, reads: 1000, page: 1500 * time.Millisecond, waits: longestWait},
		{name: "list with holes", sessions: 1000, reads: 1000, page: 100 * time.Millisecond, waits: longestWait, list: sandbox.Fault{
			Effect: sandbox.EditSessions(func(session map[string]any) bool { return fmt.Sprint(session["id"])[17]%2 == 0 }),
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for order, arrange := range map[string]func([]string) []string{"list order": slices.Clone[[]string], "random order": shuffled} {
				synctest.Test(t, func(t *testing.T) {
					s := newMemoryServer(t, usualSingle, test.page)
					ids := s.fill(test.sessions)
					test.list.Operation = sandbox.OperationList
					if test.list.Effect != nil {
						s.Inject(test.list)
					}
					if test.sessions == 9000 && test.reads < test.sessions {
						ids = shuffled(ids)
					}
					ids = arrange(ids[len(ids)-test.reads:])
					singly := elapsed(t, s.client(t, withoutBulkRead), 10, ids)
					s.ResetRequests()
					bulk := elapsed(t, s.client(t), 10, ids)
					pages, singles := countCalls(s.Sandbox)
					t.Logf("%s: %v with %d pages and %d singles, singly %v", order, bulk, pages, singles, singly)
					if most := singly + singly/20 + test.waits; bulk > most {
						t.Errorf("%s: %v, want at most %v: singly it takes %v", order, bulk, most, singly)
					}
				})
			}
		})
	}
}

func TestReader_WaitsForPagesThatPay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		order      func([]string) []string
		maxSingles int
	}{
		"list order":   {slices.Clone[[]string], 40},
		"random order": {shuffled, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newMemoryServer(t, usualSingle, 50*time.Millisecond)
				ids := test.order(s.fill(1000))
				took := elapsed(t, s.client(t), 10, ids)
				if pages, singles := countCalls(s.Sandbox); pages != 10 || singles > test.maxSingles || took > time.Second {
					t.Errorf("%d pages and %d singles in %v", pages, singles, took)
				}
			})
		})
	}
}

func TestReader_WalkKeepsItsTokenLongerThanAPageAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		parallel int
		single   time.Duration
	}{
		{1, usualSingle},
		// Ten at once only gain from a page of a second if ten seconds of single
		// reads would take longer.
		{10, 150 * time.Millisecond},
		{10, time.Second},
	} {
		t.Run(fmt.Sprintf("%d at once, %v each", test.parallel, test.single), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newMemoryServer(t, test.single, time.Second)
				took := elapsed(t, s.client(t), test.parallel, s.fill(10_000))
				pages, singles := countCalls(s.Sandbox)
				t.Logf("%d pages and %d singles in %v", pages, singles, took)
				if pages != 100 || singles > 140 {
					t.Errorf("%d pages and %d singles", pages, singles)
				}
			})
		})
	}
}

func TestReader_WalkStartsAgainOnlyWhenItIsOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryServer(t, usualSingle, usualSingle/2)
		ids := s.fill(50)
		client := s.client(t)
		client.Prime(t.Context())
		expect := func(when string, wantPages, wantSingles int) {
			t.Helper()
			synctest.Wait()
			if pages, singles := countCalls(s.Sandbox); pages != wantPages || singles != wantSingles {
				t.Errorf("%s: %d pages and %d singles, want %d and %d", when, pages, singles, wantPages, wantSingles)
			}
			s.ResetRequests()
		}
		expect("primed", 1, 0)
		readParallel(t, client, 1, shuffled(ids))
		client.Prime(t.Context())
		if errs := readParallel(t, client, 1, []string{"no.1", "no.2", "no.3", "no.4", "no.5", "no.6", "no.7"}); len(errs) != 7 {
			t.Errorf("errors: %v", errs)
		}
		expect("within 30 s, ended", 0, 7)
		time.Sleep(31 * time.Second)
		readParallel(t, client, 1, shuffled(ids))
		expect("after 30 s", 1, 4)
	})
}

// expectListed reads one session and checks where the answer comes from.
func expectListed(t *testing.T, client *palabra.Client, id string, want bool) {
	t.Helper()
	if got, err := client.Read(t.Context(), id); err != nil || got.Listed != want {
		t.Errorf("%s: listed %t, want %t, %v", id, got.Listed, want, err)
	}
	synctest.Wait()
}

func TestReader_HitOnTheNewestPagePrefetchesTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryServer(t, usualSingle, 0)
		ids := s.fill(1000)
		client := s.client(t)
		client.Prime(t.Context())
		for _, step := range []struct{ read, pages int }{{0, 2}, {1, 2}, {101, 3}, {2, 3}, {102, 3}, {299, 4}} {
			expectListed(t, client, ids[step.read], true)
			if pages := client.ReaderStats().Pages; pages != step.pages {
				t.Errorf("after session %d: %d pages, want %d", step.read, pages, step.pages)
			}
		}
	})
}

func TestReader_PagesThatAnswerNothingBecomeRare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryServer(t, usualSingle, 0)
		ids := s.fill(10_000)
		readParallel(t, s.client(t), 1, shuffled(ids[9800:]))
		// After 3, 6, 9 … single reads, a page is listed beside the next one.
		if pages, singles := countCalls(s.Sandbox); pages != 10 || singles != 200 {
			t.Errorf("%d pages and %d singles, want 10 and 200", pages, singles)
		}
	})
}

func TestReader_WalkContinuesAfterAPause(t *testing.T) {
	t.Parallel()
	for name, hangs := range map[string]int{"next page": 0, "page that ended because nobody read": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newMemoryServer(t, usualSingle, 0)
				ids := s.fill(1000)
				client := s.client(t)
				client.Prime(t.Context())
				if hangs > 0 {
					s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Count: hangs, Effect: sandbox.Hang()})
				}
				expectListed(t, client, ids[0], true) // Asks for the second page.
				time.Sleep(40 * time.Second)
				next := ids[200-100*hangs:]
				readParallel(t, client, 1, next[:4])
				synctest.Wait()
				expectListed(t, client, next[4], true)
			})
		})
	}
}

func TestReader_PageAnswersForThirtySeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// What a page tells is as old as the question.
		s := newMemoryServer(t, usualSingle, 900*time.Millisecond)
		ids := s.fill(2)
		client := s.client(t)
		asked := bubbleTime()
		client.Prime(t.Context())
		for _, test := range []struct {
			at   time.Duration
			want bool
		}{{time.Second, true}, {29900 * time.Millisecond, true}, {30100 * time.Millisecond, false}} {
			time.Sleep(test.at - bubbleTime().Sub(asked))
			if got, err := client.Read(t.Context(), ids[1]); err != nil || got.Listed != test.want {
				t.Errorf("after %v: listed %t, want %t, %v", test.at, got.Listed, test.want, err)
			}
		}
	})
}

func TestReader_PageEndsWhenNobodyReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryServer(t, usualSingle, 0)
		ids := s.fill(20)
		ended := make(chan time.Time, 1)
		s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Count: 1, Effect: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
			<-r.Context().Done()
			ended <- bubbleTime()
		}})
		client := s.client(t)
		readParallel(t, client, 1, ids[:4])
		for _, id := range ids[4:8] {
			time.Sleep(900 * time.Millisecond)
			readParallel(t, client, 1, []string{id})
		}
		synctest.Wait()
		if len(ended) > 0 {
			t.Fatal("the page ended between two reads")
		}
		last := bubbleTime()
		if after := (<-ended).Sub(last); after > longestWait {
			t.Errorf("the page ended %v after the last read, want a second at most", after)
		}
		// The walk goes on, after three more reads for each page that answered none.
		s.ResetRequests()
		readParallel(t, client, 1, ids)
		if pages, singles := countCalls(s.Sandbox); pages != 1 || singles > 8 {
			t.Errorf("%d pages and %d singles", pages, singles)
		}
	})
}

func TestReader_PageIsGivenUpWhenItCannotAnswerAnyMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryServer(t, usualSingle, 0)
		ids := s.fill(200)
		ended := make(chan time.Time, 1)
		s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Count: 1, Effect: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
			<-r.Context().Done()
			ended <- bubbleTime()
		}})
		client := s.client(t, func(c *palabra.Config) { c.RequestTimeout = time.Hour })
		began := bubbleTime()
		client.Prime(t.Context())
		for _, id := range ids {
			time.Sleep(500 * time.Millisecond)
			readParallel(t, client, 1, []string{id})
		}
		if took := (<-ended).Sub(began); took != pageLifetime {
			t.Errorf("the page was given up after %v", took)
		}
	})
}

func TestReader_CancelEndsTheWaitAndNotThePage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryServer(t, usualSingle, 500*time.Millisecond)
		ids := s.fill(1)
		client := s.client(t)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := bubbleTime()
		client.Prime(ctx)
		if took := bubbleTime().Sub(began); took != 100*time.Millisecond {
			t.Errorf("the wait took %v", took)
		}
		time.Sleep(500 * time.Millisecond)
		expectListed(t, client, ids[0], true)
	})
}

func TestReader_PrimeWaitsForAboutASecondAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryServer(t, usualSingle, 0)
		s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.Hang()})
		ids := s.fill(60)
		client := s.client(t)
		began := bubbleTime()
		for _, id := range ids {
			client.Prime(t.Context())
			if _, err := client.Read(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
		if took, most := bubbleTime().Sub(began), longestWait+60*usualSingle; took > most {
			t.Errorf("%v, want at most %v", took, most)
		}
	})
}
