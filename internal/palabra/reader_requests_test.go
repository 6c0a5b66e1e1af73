package palabra

import (
	"cmp"
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

// evenSession matches a session with an even number, unless it ends its page.
var evenSession = regexp.MustCompile(`{"id":"user\.\d*[02468]",[^}]*},`)

// omitEven leaves the sessions with even numbers out of a list.
func omitEven(w http.ResponseWriter, r *http.Request, api http.Handler) {
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, r)
	sandbox.Respond(answer.Code, jsonType, evenSession.ReplaceAllString(answer.Body.String(), ""))(w, r, api)
}

func inListOrder(ids []string) []string { return ids }

// Each case reads so many of the newest sessions, which are last in the list.
func TestReader_TakesFewRequestsAndNoMoreTimeThanSingleReads(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name            string
		sessions, reads int
		parallel        int           // 0 means 10
		single, page    time.Duration // 0 means the usual time for single
		fault           sandbox.Fault
		spread          bool // over the whole list
		// waits bounds the time lost; 0 where no page answers.
		waits time.Duration
		// requests is the most for list order and for random order; 0 is no bound.
		requests [2]int
		// least is the fewest requests for either order.
		least int
	}{
		{name: "one of one", sessions: 1, reads: 1, requests: [2]int{1, 1}},
		{name: "two of ten", sessions: 10, reads: 2, requests: [2]int{2, 2}},
		{name: "three of 10,000", sessions: 10_000, reads: 3, requests: [2]int{3, 3}},
		{name: "all of 200", sessions: 200, reads: 200, page: 2 * usualSingle, waits: documentedWait, requests: [2]int{40, 60}},
		{name: "all of 1000", sessions: 1000, reads: 1000, page: 2 * usualSingle, waits: documentedWait, requests: [2]int{50, 200}},
		{name: "all of 1000, 100 ms a page", sessions: 1000, reads: 1000, page: 100 * time.Millisecond},
		{name: "all of 1000, 1 s a page", sessions: 1000, reads: 1000, page: time.Second, waits: documentedWait},
		{name: "all of 1000, 1.5 s a page", sessions: 1000, reads: 1000, page: 1500 * time.Millisecond, waits: documentedWait},
		{name: "1000 of 9000, 30 ms a page", sessions: 9000, reads: 1000, spread: true, page: 30 * time.Millisecond, waits: documentedWait},
		{name: "1000 of 9000, 300 ms a page", sessions: 9000, reads: 1000, spread: true, page: 300 * time.Millisecond, waits: documentedWait},
		{name: "1000 of 9000, 1.5 s a page", sessions: 9000, reads: 1000, spread: true, page: 1500 * time.Millisecond, waits: documentedWait},
		// After 3, 6, 9 … reads that no page has answered, a page is listed.
		{name: "200 of 10,000, one by one", sessions: 10_000, reads: 200, parallel: 1, requests: [2]int{210, 210}},
		{name: "200 of 10,000, 50 ms a page", sessions: 10_000, reads: 200, page: 2 * usualSingle, requests: [2]int{220, 220}},
		{name: "200 of 10,000, 300 ms a page", sessions: 10_000, reads: 200, page: 300 * time.Millisecond, requests: [2]int{220, 220}},
		{name: "200 of 10,000, 1 s a page", sessions: 10_000, reads: 200, page: time.Second, requests: [2]int{220, 220}},
		// The walk takes longer than a page answers.
		{name: "5000 one by one, 1 s a page", sessions: 5000, reads: 5000, parallel: 1, page: time.Second, waits: documentedWait, requests: [2]int{130}},
		// Ten at once gain from a page of a second only if single reads are slow.
		{name: "5000 of 150 ms, 1 s a page", sessions: 5000, reads: 5000, single: 150 * time.Millisecond, page: time.Second, waits: documentedWait, requests: [2]int{130}},
		{name: "5000 of 1 s, 1 s a page", sessions: 5000, reads: 5000, single: time.Second, page: time.Second, waits: documentedWait, requests: [2]int{130}},
		{name: "failing list", sessions: 60, reads: 60, fault: sandbox.Fault{Effect: sandbox.HTMLError(502)}, requests: [2]int{61, 61}},
		{name: "refused list", sessions: 60, reads: 60, page: 2 * usualSingle, fault: sandbox.Fault{Effect: sandbox.RefuseCredentials(403)}, requests: [2]int{61, 61}},
		{name: "list that is cut off", sessions: 60, reads: 60, fault: sandbox.Fault{Effect: sandbox.CutBefore()}, requests: [2]int{61, 61}},
		{name: "list that never ends", sessions: 60, reads: 60, fault: sandbox.Fault{Effect: sandbox.Respond(200, jsonType, `{"data":[],"next":"x"}`)}, requests: [2]int{62, 62}},
		{name: "hanging list", sessions: 60, reads: 60, fault: sandbox.Fault{Effect: sandbox.Hang()}, requests: [2]int{61, 61}},
		{name: "list that hangs after a page", sessions: 1000, reads: 1000, fault: sandbox.Fault{Skip: 1, Effect: sandbox.Hang()}, waits: documentedWait},
		{name: "list that hangs after ten pages", sessions: 3000, reads: 3000, fault: sandbox.Fault{Skip: 10, Effect: sandbox.Hang()}, waits: documentedWait},
		{name: "list with holes", sessions: 1000, reads: 1000, page: 100 * time.Millisecond, fault: sandbox.Fault{Effect: omitEven}, waits: documentedWait, least: 500},
	} {
		t.Run(strings.ReplaceAll(test.name, ",", ""), func(t *testing.T) {
			t.Parallel()
			for i, order := range []func([]string) []string{inListOrder, shuffled} {
				if test.requests[1] == 0 && test.requests[0] > 0 && i == 1 {
					continue // Where only pages that come in order pay.
				}
				synctest.Test(t, func(t *testing.T) {
					s := newBubbleServer(t, cmp.Or(test.single, usualSingle), test.page)
					ids, parallel := s.fill(test.sessions), cmp.Or(test.parallel, 10)
					if test.fault.Operation = sandbox.OperationList; test.fault.Effect != nil {
						s.Inject(test.fault)
					}
					if test.spread {
						ids = shuffled(ids)
						slices.Sort(ids[len(ids)-test.reads:])
					}
					ids = order(ids[len(ids)-test.reads:])
					client := s.client(t)
					bulk := read(t, client, parallel, ids)
					time.Sleep(2 * time.Second)
					pages, singles := s.counts()
					if stats := client.reader; stats.pages != pages || stats.misses != singles || stats.hits+stats.misses != test.reads {
						t.Errorf("the reader counts %d pages, %d hits, %d misses; the server %d pages, %d singles", stats.pages, stats.hits, stats.misses, pages, singles)
					}
					if most := test.requests[i]; most > 0 && pages+singles > most {
						t.Errorf("%d pages and %d singles, want %d requests at most", pages, singles, most)
					}
					if pages+singles < test.least {
						t.Errorf("%d pages and %d singles, want %d requests at least", pages, singles, test.least)
					}
					s.ResetRequests()
					client = s.client(t, withBulkRead(false))
					client.Prime(t.Context())
					singly := read(t, client, parallel, ids)
					if pages, singles := s.counts(); pages != 0 || singles != test.reads {
						t.Errorf("without bulk reads: %d pages and %d singles", pages, singles)
					}
					if most := singly + singly/20 + test.waits; bulk > most {
						t.Errorf("%v, want at most %v: single reads take %v", bulk, most, singly)
					}
					t.Logf("%d pages and %d singles in %v, singly %v", pages, singles, bulk, singly)
				})
			}
		})
	}
}
