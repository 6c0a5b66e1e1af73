package palabra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	usualSingle = 25 * time.Millisecond

	// The documented bounds, apart from the code's.
	documentedWait     = 1100 * time.Millisecond
	documentedLifetime = 30 * time.Second
)

// expectListed reads one session and checks whether a page answers.
func expectListed(t *testing.T, client *Client, id string, want bool) {
	t.Helper()
	if got, err := client.Read(t.Context(), id); err != nil || got.Listed != want || got.ServerTime.IsZero() {
		t.Errorf("%s: listed %t, want %t, %v", id, got.Listed, want, err)
	}
	synctest.Wait()
}

func TestReader_PrimedPageAnswersReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, usualSingle, usualSingle)
		ids := s.fill(10_000)
		client := s.client(t)
		for range 3 {
			client.Prime(t.Context())
		}
		read(t, client, 10, []string{ids[2000], ids[5000], ids[9000]})
		if pages, singles := s.counts(); pages != 1 || singles != 3 {
			t.Errorf("%d pages and %d singles, want 1 and 3", pages, singles)
		}
		expectListed(t, client, ids[99], true)
		s.Put(sandbox.Session{ID: "made.later"})
		expectListed(t, client, "made.later", false)
	})
}

func TestReader_OwnWritesAreNeverAnsweredFromAPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, usualSingle, usualSingle)
		ids := s.fill(50)
		client := s.client(t)
		created, err := client.Create(t.Context(), CreateRequest{})
		if err != nil {
			t.Fatal(err)
		}
		client.Prime(t.Context())
		if _, err := client.SetExpiry(t.Context(), ids[7], 60); err != nil {
			t.Fatal(err)
		}
		if err := client.Delete(t.Context(), ids[8]); err != nil {
			t.Fatal(err)
		}
		expectListed(t, client, created.ID, false)
		expectListed(t, client, ids[7], false)
		expectListed(t, client, ids[9], true)
		if _, err := client.Read(t.Context(), ids[8]); !errors.Is(err, ErrNotFound) {
			t.Errorf("error %v", err)
		}
	})
}

func TestReader_HitOnTheNewestPagePrefetchesTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, usualSingle, 0)
		ids := s.fill(1000)
		client := s.client(t)
		client.Prime(t.Context())
		for _, step := range []struct{ read, pages int }{{0, 2}, {1, 2}, {101, 3}, {2, 3}, {102, 3}, {299, 4}} {
			expectListed(t, client, ids[step.read], true)
			if pages, _ := s.counts(); pages != step.pages {
				t.Errorf("after session %d: %d pages, want %d", step.read, pages, step.pages)
			}
		}
	})
}

func TestReader_WalkStartsAgainOnlyWhenItIsOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, usualSingle, usualSingle/2)
		ids := s.fill(50)
		client := s.client(t)
		time.Sleep(documentedLifetime) // The walk begins with its first page.
		expect := func(when string, wantPages, wantSingles int) {
			t.Helper()
			synctest.Wait()
			if pages, singles := s.counts(); pages != wantPages || singles != wantSingles {
				t.Errorf("%s: %d pages and %d singles, want %d and %d", when, pages, singles, wantPages, wantSingles)
			}
			s.ResetRequests()
		}
		client.Prime(t.Context())
		expect("primed", 1, 0)
		read(t, client, 1, shuffled(ids))
		client.Prime(t.Context())
		for i := range 7 {
			if _, err := client.Read(t.Context(), fmt.Sprint("missing.", i)); !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
		}
		expect("ended, within 30 s", 0, 7)
		time.Sleep(documentedLifetime + time.Second)
		read(t, client, 1, shuffled(ids))
		expect("after 30 s", 1, 4)
		time.Sleep(documentedLifetime + time.Second)
		client.Prime(t.Context())
		expect("primed after 30 s", 1, 0)
	})
}

func TestReader_WalkContinuesAfterAPause(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ hangs, next int }{
		"next page":                           {0, 200},
		"page that ended because nobody read": {1, 100},
		"first page, which is too old":        {0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newBubbleServer(t, usualSingle, 0)
			ids := s.fill(1000)
			client := s.client(t)
			client.Prime(t.Context())
			if test.hangs > 0 {
				s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Count: test.hangs, Effect: sandbox.Hang()})
			}
			expectListed(t, client, ids[0], true) // Asks for the second page.
			time.Sleep(40 * time.Second)
			next := ids[test.next:]
			read(t, client, 1, next[:4])
			synctest.Wait()
			if got, err := client.Read(t.Context(), next[4]); err != nil || !got.Listed {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		})
	}
}

func TestReader_PageAnswersForThirtySeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, usualSingle, 900*time.Millisecond)
		ids := s.fill(2)
		client := s.client(t)
		asked := elapsedClock() // A page is as old as its request.
		client.Prime(t.Context())
		for _, step := range []struct {
			at   time.Duration
			want bool
		}{{time.Second, true}, {documentedLifetime - time.Millisecond, true}, {documentedLifetime + time.Millisecond, false}} {
			time.Sleep(step.at - elapsedClock().Sub(asked))
			expectListed(t, client, ids[1], step.want)
		}
	})
}

// hangOnce makes the next page hang, and returns when it was given up.
func (s *server) hangOnce() <-chan time.Time {
	ended := make(chan time.Time, 1)
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Count: 1, Effect: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		<-r.Context().Done()
		ended <- elapsedClock()
	}})
	return ended
}

func TestReader_PageEndsWhenNobodyReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, usualSingle, 0)
		ids, ended := s.fill(20), s.hangOnce()
		client := s.client(t)
		read(t, client, 1, ids[:4])
		for _, id := range ids[4:8] {
			time.Sleep(900 * time.Millisecond)
			read(t, client, 1, []string{id})
		}
		if synctest.Wait(); len(ended) > 0 {
			t.Fatal("the page ended between two reads")
		}
		last := elapsedClock()
		if after := (<-ended).Sub(last); after > documentedWait {
			t.Errorf("the page ended %v after the last read, want about a second", after)
		}
		// The walk goes on, after three more reads for each page that answered none.
		s.ResetRequests()
		read(t, client, 1, ids)
		if pages, singles := s.counts(); pages != 1 || singles > 8 {
			t.Errorf("%d pages and %d singles", pages, singles)
		}
	})
}

func TestReader_PageEndsWhenItCannotAnswerAnyMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, usualSingle, 0)
		ids, ended := s.fill(200), s.hangOnce()
		client := s.client(t, func(c *Config) { c.RequestTimeout = time.Hour })
		began := elapsedClock()
		client.Prime(t.Context())
		for _, id := range ids {
			time.Sleep(500 * time.Millisecond)
			read(t, client, 1, []string{id})
		}
		if took := (<-ended).Sub(began); took != documentedLifetime {
			t.Errorf("the page ended after %v", took)
		}
	})
}

func TestReader_CancelEndsOneWaitOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, 500*time.Millisecond, 500*time.Millisecond)
		ids := s.fill(1)
		client := s.client(t)
		for name, wait := range map[string]func(context.Context) error{
			"prime": func(ctx context.Context) error { client.Prime(ctx); return ctx.Err() },
			"read":  func(ctx context.Context) error { _, err := client.Read(ctx, "user.1"); return err },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			began := elapsedClock()
			if err := wait(ctx); !errors.Is(err, context.DeadlineExceeded) || elapsedClock().Sub(began) != 100*time.Millisecond {
				t.Errorf("%s: %v after %v", name, err, elapsedClock().Sub(began))
			}
			cancel()
		}
		time.Sleep(500 * time.Millisecond)
		expectListed(t, client, ids[0], true)
	})
}

func TestReader_PrimeWaitsForAboutASecondAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, usualSingle, 0)
		s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.Hang()})
		client, began := s.client(t), elapsedClock()
		for _, id := range s.fill(60) {
			client.Prime(t.Context())
			read(t, client, 1, []string{id})
		}
		if took, most := elapsedClock().Sub(began), documentedWait+60*usualSingle; took > most {
			t.Errorf("%v, want at most %v", took, most)
		}
	})
}
