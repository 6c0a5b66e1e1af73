package palabra_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func withBulkRead(c *palabra.Config) { c.BulkRead = true }

// readAll reads ids like an engine does, at most ten at a time, and returns the
// errors.
func readAll(t *testing.T, client *palabra.Client, ids []string) map[string]error {
	t.Helper()
	return readParallel(t, client, 10, ids)
}

func readParallel(t *testing.T, client *palabra.Client, parallel int, ids []string) map[string]error {
	t.Helper()
	var (
		mu    sync.Mutex
		errs  = make(map[string]error)
		queue = make(chan string)
		wg    sync.WaitGroup
	)
	for range parallel {
		wg.Go(func() {
			for id := range queue {
				session, err := client.Read(t.Context(), id)
				if err == nil && session.ID != id {
					err = fmt.Errorf("answered with %s", session.ID)
				}
				if err != nil {
					mu.Lock()
					errs[id] = err
					mu.Unlock()
				}
			}
		})
	}
	for _, id := range ids {
		queue <- id
	}
	close(queue)
	wg.Wait()
	return errs
}

// shuffled returns ids in an order that nobody chose: engines walk a graph.
func shuffled(ids []string) []string {
	ids = slices.Clone(ids)
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] }) //nolint:gosec // no secret
	return ids
}

// counts returns how many list calls and how many single reads the server saw.
func (s *server) counts() (pages, singles int) { return countCalls(s.Sandbox) }

func countCalls(s *sandbox.Sandbox) (pages, singles int) {
	for _, r := range s.Requests() {
		if r.SessionID == "" {
			pages++
		} else {
			singles++
		}
	}
	return pages, singles
}

func TestReader_ManyReadsCostFewRequests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                         string
		sessions, reads, maxRequests int
		order                        func([]string) []string
	}{
		{"one of one", 1, 1, 1, slices.Clone[[]string]},
		{"two of ten", 10, 2, 2, shuffled},
		{"three of ten", 10, 3, 3, shuffled},
		{"all of 200", 200, 200, 40, slices.Clone[[]string]},
		{"all of 200 in random order", 200, 200, 60, shuffled},
		{"all of 1000", 1000, 1000, 150, slices.Clone[[]string]},
		{"all of 1000 in random order", 1000, 1000, 200, shuffled},
		{"the last 200 of 10,000", 10_000, 200, 220, slices.Clone[[]string]},
		{"the last 200 of 10,000 in random order", 10_000, 200, 220, shuffled},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newMemoryServer(t, usualSingle, 2*usualSingle)
				ids := s.fill(test.sessions)
				client := s.client(t)
				// The newest ones, which are last in the list.
				if errs := readAll(t, client, test.order(ids[test.sessions-test.reads:])); len(errs) > 0 {
					t.Fatalf("errors: %v", errs)
				}
				pages, singles := countCalls(s.Sandbox)
				t.Logf("%d pages, %d singles", pages, singles)
				if pages+singles > test.maxRequests {
					t.Errorf("%d requests, want at most %d", pages+singles, test.maxRequests)
				}
				stats := client.ReaderStats()
				if stats.Misses != singles || stats.Hits+stats.Misses != test.reads {
					t.Errorf("stats %+v, the server saw %d singles", stats, singles)
				}
			})
		})
	}
}

func TestReader_ThreeReadsInALargeAccountCostAtMostAPageMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, primed := range []bool{false, true} {
			s := newMemoryServer(t, usualSingle, usualSingle)
			ids := s.fill(10_000)
			client := s.client(t)
			if primed {
				client.Prime(t.Context())
			}
			readAll(t, client, shuffled([]string{ids[2000], ids[5000], ids[9000]}))
			if pages, singles := countCalls(s.Sandbox); pages > 1 || singles != 3 {
				t.Errorf("primed %t: %d pages and %d singles", primed, pages, singles)
			}
		}
	})
}

func TestReader_PrimedPageAnswersReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryServer(t, usualSingle, usualSingle)
		ids := s.fill(100)
		client := s.client(t)
		for range 3 {
			client.Prime(t.Context())
		}
		readAll(t, client, shuffled(ids))
		if pages, singles := countCalls(s.Sandbox); pages != 1 || singles != 0 {
			t.Errorf("%d pages and %d singles", pages, singles)
		}
		s.ResetRequests()
		s.client(t, withoutBulkRead).Prime(t.Context())
		if pages, _ := countCalls(s.Sandbox); pages != 0 {
			t.Errorf("%d pages without bulk reads", pages)
		}
	})
}

func TestReader_BulkReadCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	readAll(t, newClient(t, s.url), s.fill(50))
	if pages, singles := s.counts(); pages != 0 || singles != 50 {
		t.Errorf("%d pages and %d singles", pages, singles)
	}
}

func TestReader_AbsenceFromTheListIsNoProof(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryServer(t, usualSingle, usualSingle)
		ids := s.fill(50)
		client := s.client(t)
		client.Prime(t.Context())
		readAll(t, client, shuffled(ids))
		s.Put(sandbox.Session{ID: "made.later"})
		if _, err := client.Read(t.Context(), "made.later"); err != nil {
			t.Error(err)
		}
		if _, err := client.Read(t.Context(), "never.made"); !errors.Is(err, palabra.ErrNotFound) {
			t.Errorf("error %v", err)
		}
	})
}

func TestReader_OwnWritesAreNeverAnsweredFromAPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryServer(t, usualSingle, usualSingle)
		ids := s.fill(50)
		client := s.client(t)
		client.Prime(t.Context())
		if _, err := client.SetExpiry(t.Context(), ids[7], 60); err != nil {
			t.Fatal(err)
		}
		if got, err := client.Read(t.Context(), ids[7]); err != nil || got.Listed || got.ExpiresAt.Sub(got.ServerTime).Seconds() != 60 {
			t.Errorf("%+v, %v", got, err)
		}
		if err := client.Delete(t.Context(), ids[8]); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(t.Context(), ids[8]); !errors.Is(err, palabra.ErrNotFound) {
			t.Errorf("error %v", err)
		}
		created, err := client.Create(t.Context(), palabra.CreateRequest{})
		if err != nil {
			t.Fatal(err)
		}
		s.ResetRequests()
		if _, err := client.Read(t.Context(), created.ID); err != nil {
			t.Error(err)
		}
		if _, singles := countCalls(s.Sandbox); singles != 1 {
			t.Errorf("%d single reads of the created session, want 1", singles)
		}
	})
}

func TestReader_ListedTellsAPageFromASingleRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryServer(t, usualSingle, usualSingle)
		s.Put(sandbox.Session{ID: id})
		s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.EditSessions(func(session map[string]any) bool {
			delete(session, "expires_at")
			return true
		})})
		client := s.client(t)
		if got, err := client.Read(t.Context(), id); err != nil || got.Listed || got.ExpiresAt.IsZero() {
			t.Errorf("single read: %+v, %v", got, err)
		}
		client.Prime(t.Context())
		s.ResetRequests()
		got, err := client.Read(t.Context(), id)
		if err != nil || !got.Listed || !got.ExpiresAt.IsZero() || got.ServerTime.IsZero() {
			t.Errorf("from a page without expiries: %+v, %v", got, err)
		}
		if pages, singles := countCalls(s.Sandbox); pages+singles != 0 {
			t.Errorf("%d pages and %d singles", pages, singles)
		}
	})
}

func TestReader_FailingListFailsNoRead(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sandbox.Effect{
		"html":       sandbox.HTMLError(502),
		"refused":    sandbox.RefuseCredentials(403),
		"cut":        sandbox.CutBefore(),
		"never ends": sandbox.Respond(200, "application/json", `{"data":[],"next_page_token":"x"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: effect})
			client := newClient(t, s.url, withBulkRead)
			if errs := readAll(t, client, s.fill(50)); len(errs) > 0 {
				t.Errorf("errors: %v", errs)
			}
			// The second page of the one that never ends tells that it does not.
			if stats := client.ReaderStats(); stats.Pages > 2 || stats.Pages > 1 && name != "never ends" || stats.Misses != 50 {
				t.Errorf("%+v, want one page and 50 misses", stats)
			}
		})
	}
}

func TestReader_CancelledReadEndsItsRequestAlone(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Put(sandbox.Session{ID: id})
	arrived, ended := make(chan struct{}, 1), make(chan struct{})
	s.Inject(sandbox.Fault{Count: 1, Effect: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		arrived <- struct{}{}
		<-r.Context().Done()
		close(ended)
	}})
	client := newClient(t, s.url, withBulkRead)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := client.Read(ctx, id); done <- err }()
	<-arrived
	if _, err := client.Read(t.Context(), id); err != nil {
		t.Errorf("another reader: %v", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled reader: %v", err)
	}
	<-ended
}
