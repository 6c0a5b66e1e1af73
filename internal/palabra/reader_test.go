package palabra

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
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

// evenSession matches a session with an even number, unless it ends its page.
var evenSession = regexp.MustCompile(`{"id":"user\.\d*[02468]",[^}]*},`)

// omitEven leaves the sessions with even numbers out of a list.
func omitEven(w http.ResponseWriter, r *http.Request, api http.Handler) {
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, r)
	sandbox.Respond(answer.Code, jsonType, evenSession.ReplaceAllString(answer.Body.String(), ""))(w, r, api)
}

// Each case reads so many of the newest sessions, which are last in the list.
func TestReader_TakesFewRequestsAndNoMoreTimeThanSingleReads(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name            string
		sessions, reads int
		parallel        int // 0 means 10
		page            time.Duration
		fault           sandbox.Fault
		// requests is the most for list order and for random order; 0 is no bound.
		requests [2]int
	}{
		{name: "one of one", sessions: 1, reads: 1, requests: [2]int{1, 1}},
		{name: "three of three", sessions: 3, reads: 3, requests: [2]int{1, 1}},
		{name: "ten of ten", sessions: 10, reads: 10, requests: [2]int{1, 1}},
		{name: "ten of ten, one by one", sessions: 10, reads: 10, parallel: 1, requests: [2]int{1, 1}},
		{name: "ten of ten, 300 ms a page", sessions: 10, reads: 10, page: 300 * time.Millisecond, requests: [2]int{1, 1}},
		{name: "30 of 30", sessions: 30, reads: 30, requests: [2]int{1, 1}},
		{name: "all of 200", sessions: 200, reads: 200, requests: [2]int{2, 14}},
		{name: "all of 200, 300 ms a page", sessions: 200, reads: 200, page: 300 * time.Millisecond, requests: [2]int{2, 14}},
		{name: "all of 1000", sessions: 1000, reads: 1000, requests: [2]int{10, 150}},
		{name: "all of 1000, one by one", sessions: 1000, reads: 1000, parallel: 1, requests: [2]int{10, 200}},
		{name: "all of 1000, 1 s a page", sessions: 1000, reads: 1000, page: time.Second},
		{name: "three of 10,000", sessions: 10_000, reads: 3, requests: [2]int{4, 4}},
		{name: "200 of 10,000", sessions: 10_000, reads: 200, requests: [2]int{201, 201}},
		{name: "200 of 10,000, one by one", sessions: 10_000, reads: 200, parallel: 1, requests: [2]int{202, 202}},
		{name: "list answers 500", sessions: 60, reads: 60, fault: sandbox.Fault{Effect: sandbox.HTMLError(500)}, requests: [2]int{61, 61}},
		{name: "list answers 403", sessions: 60, reads: 60, fault: sandbox.Fault{Effect: sandbox.RefuseCredentials(403)}, requests: [2]int{61, 61}},
		{name: "list answers 401", sessions: 60, reads: 60, fault: sandbox.Fault{Effect: sandbox.RefuseCredentials(401)}, requests: [2]int{61, 61}},
		{name: "list answers with a page", sessions: 60, reads: 60, fault: sandbox.Fault{Effect: sandbox.Respond(200, "text/html", htmlPage)}, requests: [2]int{61, 61}},
		{name: "list is cut off", sessions: 60, reads: 60, fault: sandbox.Fault{Effect: sandbox.CutBefore()}, requests: [2]int{61, 61}},
		{name: "list is empty and never ends", sessions: 60, reads: 60, fault: sandbox.Fault{Effect: sandbox.Respond(200, jsonType, `{"data":[],"next":"x"}`)}, requests: [2]int{61, 61}},
		{name: "list hangs", sessions: 60, reads: 60, fault: sandbox.Fault{Effect: sandbox.Hang()}, requests: [2]int{61, 61}},
		{name: "list hangs after a page", sessions: 1000, reads: 1000, fault: sandbox.Fault{Skip: 1, Effect: sandbox.Hang()}},
		{name: "list has holes", sessions: 1000, reads: 1000, page: 100 * time.Millisecond, fault: sandbox.Fault{Effect: omitEven}},
	} {
		t.Run(strings.ReplaceAll(test.name, ",", ""), func(t *testing.T) {
			t.Parallel()
			for i, order := range []func([]string) []string{slices.Clone[[]string], shuffled} {
				synctest.Test(t, func(t *testing.T) {
					s := newBubbleServer(t, usualSingle, cmp.Or(test.page, 2*usualSingle))
					if test.fault.Operation = sandbox.OperationList; test.fault.Effect != nil {
						s.Inject(test.fault)
					}
					ids, parallel := s.fill(test.sessions), cmp.Or(test.parallel, 10)
					ids = order(ids[len(ids)-test.reads:])
					took := read(t, s.client(t, withRetries(4)), parallel, ids)
					pages, singles := s.counts()
					if most := test.requests[i]; most > 0 && pages+singles > most {
						t.Errorf("%d pages and %d singles, want %d requests at most", pages, singles, most)
					}
					singly := read(t, singleReader{s.client(t)}, parallel, ids)
					// What a page answers is rewarded, also if single reads had been faster.
					if most := singly + documentedWait + time.Duration(pages)*test.page; took > most {
						t.Errorf("%v, want at most %v: single reads take %v", took, most, singly)
					}
					t.Logf("%d pages and %d singles in %v, singly %v", pages, singles, took, singly)
				})
			}
		})
	}
}

// expectListed reads one session and checks whether a page answers.
func expectListed(t *testing.T, client *Client, id string) {
	t.Helper()
	if got, err := client.Read(t.Context(), id); err != nil || !got.Listed || got.ServerTime.IsZero() || got.LocalTime.IsZero() {
		t.Errorf("%s: not from a page: %+v, %v", id, got, err)
	}
}

func TestReader_PageAnswersForThirtySeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, usualSingle, 900*time.Millisecond)
		ids := s.fill(2)
		client, asked := s.client(t), elapsedClock() // A page is as old as its request.
		for _, step := range []struct {
			at    time.Duration
			pages int
		}{{0, 1}, {documentedLifetime, 1}, {documentedLifetime + time.Millisecond, 2}} {
			time.Sleep(step.at - elapsedClock().Sub(asked))
			expectListed(t, client, ids[1])
			if pages, singles := s.counts(); pages != step.pages || singles != 0 {
				t.Errorf("after %s: %d pages and %d singles, want %d and none", step.at, pages, singles, step.pages)
			}
		}
	})
}

func TestReader_ListThatEndedOrFailedIsNotReadAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	client := s.client(t)
	expectListed(t, client, s.fill(2)[0])
	if _, err := client.Read(t.Context(), "missing"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	// The second list is the second witness.
	s.expectCalls(t, "GET /sessions?page_size=100", "GET /sessions/missing", "GET /sessions?page_size=100")
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, 0, 0)
		s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.HTMLError(500)})
		client, ids := s.client(t), s.fill(2)
		read(t, client, 1, ids)
		time.Sleep(2 * documentedLifetime)
		read(t, client, 1, ids)
		if pages, singles := s.counts(); pages != 1 || singles != 4 {
			t.Errorf("%d pages and %d singles, want 1 and 4", pages, singles)
		}
	})
}

func TestReader_CancelEndsOneWaitOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, 500*time.Millisecond, 500*time.Millisecond)
		ids := s.fill(1)
		client := s.client(t)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := elapsedClock()
		if _, err := client.Read(ctx, ids[0]); !errors.Is(err, context.DeadlineExceeded) || elapsedClock().Sub(began) != 100*time.Millisecond {
			t.Errorf("%v after %v", err, elapsedClock().Sub(began))
		}
		time.Sleep(500 * time.Millisecond)
		expectListed(t, client, ids[0])
		s.expectCalls(t, "GET /sessions?page_size=100")
	})
}

// Each page answers a later read, but not the one that waits for it.
func TestReader_WaitsInVainForAboutASecondTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, usualSingle, 400*time.Millisecond)
		ids := s.fill(1000)
		client := s.client(t)
		for page := range 8 {
			read(t, client, 1, []string{ids[100*page], ids[999-page]})
		}
		// One that answers, two in vain, and one that is given up.
		if pages, _ := s.counts(); pages != 4 {
			t.Errorf("%d pages, want 4", pages)
		}
	})
}
