package palabra_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

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
	var (
		mu    sync.Mutex
		errs  = make(map[string]error)
		queue = make(chan string)
		wg    sync.WaitGroup
	)
	for range 10 {
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

// counts returns how many list calls and how many single reads the server saw.
func (s *server) counts() (pages, singles int) {
	for _, r := range s.Requests() {
		if r.SessionID == "" {
			pages++
		} else {
			singles++
		}
	}
	return pages, singles
}

func TestManyReadsCostFewRequests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ sessions, reads, maxRequests int }{
		{1, 1, 1},
		{10, 2, 2},
		{200, 200, 40},
		{1000, 1000, 150},
		{10_000, 200, 220},
	} {
		t.Run(fmt.Sprintf("%d of %d", test.reads, test.sessions), func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			ids := s.fill(test.sessions)
			client := newClient(t, s.url, withBulkRead)
			// The newest ones, which are last in the list.
			if errs := readAll(t, client, ids[test.sessions-test.reads:]); len(errs) > 0 {
				t.Fatalf("errors: %v", errs)
			}
			pages, singles := s.counts()
			t.Logf("%d pages, %d singles", pages, singles)
			if pages+singles > test.maxRequests {
				t.Errorf("%d requests, want at most %d", pages+singles, test.maxRequests)
			}
			stats := client.ReaderStats()
			if stats.Pages != pages || stats.Misses != singles || stats.Hits+stats.Misses != test.reads {
				t.Errorf("stats %+v, the server saw %d pages and %d singles", stats, pages, singles)
			}
		})
	}
}

func TestThreeReadsInALargeAccountCostThreeAndAPage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ids := s.fill(10_000)
	readAll(t, newClient(t, s.url, withBulkRead), []string{ids[2000], ids[5000], ids[9000]})
	if pages, singles := s.counts(); pages > 1 || singles > 3 {
		t.Errorf("%d pages and %d singles", pages, singles)
	}
}

func TestThreePrimedReadsInALargeAccountCostThreeAndAPage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ids := s.fill(10_000)
	client := newClient(t, s.url, withBulkRead)
	client.Prime(t.Context())
	readAll(t, client, []string{ids[2000], ids[5000], ids[9000]})
	if stats := client.ReaderStats(); stats.Pages != 1 || stats.Misses != 3 {
		t.Errorf("%+v, want 1 page and 3 misses", stats)
	}
}

func TestPrimedReaderAnswersFromOnePage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ids := s.fill(500)
	client := newClient(t, s.url, withBulkRead)
	for range 3 {
		client.Prime(t.Context())
	}
	readAll(t, client, ids[:50])
	if pages, singles := s.counts(); pages != 1 || singles != 0 {
		t.Errorf("%d pages and %d singles", pages, singles)
	}
	readAll(t, client, ids[490:492])
	if pages, singles := s.counts(); pages > 2 || singles != 2 {
		t.Errorf("%d pages and %d singles", pages, singles)
	}
	off := newServer(t)
	newClient(t, off.url).Prime(t.Context())
	expectCalls(t, off)
}

func TestPageThatIsMostlyWantedBringsTheNextOneBeforeItIsAskedFor(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ids := s.fill(300)
	client := newClient(t, s.url, withBulkRead)
	client.Prime(t.Context())
	readAll(t, client, ids[:50])
	if stats := client.ReaderStats(); stats.Pages != 1 {
		t.Errorf("half a page was wanted: %+v, want one page", stats)
	}
	readAll(t, client, ids[50:51])
	if stats := client.ReaderStats(); stats.Pages != 2 || stats.Misses != 0 {
		t.Errorf("more than half a page was wanted: %+v, want two pages and no misses", stats)
	}
}

func TestBulkReadCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	readAll(t, newClient(t, s.url), s.fill(50))
	if pages, singles := s.counts(); pages != 0 || singles != 50 {
		t.Errorf("%d pages and %d singles", pages, singles)
	}
}

func TestAbsenceFromTheListIsNoProof(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ids := s.fill(50)
	client := newClient(t, s.url, withBulkRead)
	readAll(t, client, ids)
	s.Put(sandbox.Session{ID: "made.later"})
	if _, err := client.Read(t.Context(), "made.later"); err != nil {
		t.Error(err)
	}
	if _, err := client.Read(t.Context(), "never.made"); !errors.Is(err, palabra.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestOwnWritesAreNeverAnsweredFromAPage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ids := s.fill(50)
	client := newClient(t, s.url, withBulkRead)
	readAll(t, client, ids)
	if _, err := client.SetExpiry(t.Context(), ids[7], 60); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Read(t.Context(), ids[7]); err != nil || got.ExpiresAt.Sub(got.ServerTime).Seconds() != 60 {
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
	if _, singles := s.counts(); singles != 1 {
		t.Errorf("%d single reads of the created session, want 1", singles)
	}
}

func TestListingThatFailsFailsNobody(t *testing.T) {
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
			if errs := readAll(t, newClient(t, s.url, withBulkRead), s.fill(50)); len(errs) > 0 {
				t.Errorf("errors: %v", errs)
			}
			// net/http itself repeats a GET once per kept connection that turns
			// out to be cut, so there may be more than the one that was asked for.
			pages, singles := s.counts()
			if pages < 1 || pages > 2 && name != "cut" || singles != 50 {
				t.Errorf("%d pages and %d singles", pages, singles)
			}
		})
	}
}

func TestReadersOfOneIDShareARequestAndOnesCancelFailsNoOther(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Put(sandbox.Session{ID: id})
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	s.Inject(sandbox.Fault{Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		arrived <- struct{}{}
		<-release
		api.ServeHTTP(w, r)
	}})
	client := newClient(t, s.url, withBulkRead)
	ctx, cancel := context.WithCancel(t.Context())
	first, others := make(chan error, 1), make(chan error, 1)
	go func() { _, err := client.Read(ctx, id); first <- err }()
	<-arrived
	go func() { _, err := client.Read(t.Context(), id); others <- err }()
	client.AwaitWaiters(id, 2)
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled reader: %v", err)
	}
	close(release)
	if err := <-others; err != nil {
		t.Errorf("other reader: %v", err)
	}
	if calls := s.calls(); len(calls) != 1 {
		t.Errorf("calls %q, want one", calls)
	}
}

func TestRequestNobodyWaitsForIsCancelled(t *testing.T) {
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
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled reader: %v", err)
	}
	<-ended
	if _, err := client.Read(t.Context(), id); err != nil {
		t.Errorf("the next reader: %v", err)
	}
}
