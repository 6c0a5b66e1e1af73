package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// listed returns the ids of one page in the documented envelope, and whether it
// names a next page.
func (f *fixture) listed(t *testing.T, query string) (ids []string, more bool) {
	t.Helper()
	var page struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
		Next string `json:"next_page_token"`
	}
	if err := json.Unmarshal([]byte(f.expectStatus(t, http.StatusOK, "GET", "/sessions"+query, "")), &page); err != nil {
		t.Fatal(err)
	}
	for _, item := range page.Data {
		ids = append(ids, item.ID)
	}
	return ids, page.Next != ""
}

func (f *fixture) expectListed(t *testing.T, want ...string) {
	t.Helper()
	if got, _ := f.listed(t, ""); !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

func (f *fixture) expectMember(t *testing.T, path, member string) {
	t.Helper()
	if got := f.expectStatus(t, http.StatusOK, "GET", path, ""); !strings.Contains(got, member) {
		t.Errorf("GET %s: %s, want %s in it", path, got, member)
	}
}

func TestFault_SelectsSkipsAndEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	f.Put(sandbox.Session{ID: "b"})
	remove := f.Inject(sandbox.Fault{Name: "teapot", Operation: sandbox.OperationGet, SessionID: "a", Skip: 1, Count: 2, Effect: sandbox.HTMLError(418)})
	for _, want := range []int{200, 418, 418, 200} {
		f.expectStatus(t, want, "GET", "/sessions/a", "")
		f.expectStatus(t, http.StatusOK, "GET", "/sessions/b", "")
		f.expectStatus(t, http.StatusOK, "GET", "/sessions", "")
	}
	if got := f.Requests()[3].Fault; got != "teapot" {
		t.Errorf("log names %q", got)
	}
	remove()
	remove = f.Inject(sandbox.Fault{Effect: sandbox.HTMLError(418)})
	f.expectStatus(t, 418, "DELETE", "/sessions/a", "")
	remove()
	f.expectStatus(t, http.StatusNoContent, "DELETE", "/sessions/a", "")
}

func TestChaos_IsRepeatableAndOfTheGivenShare(t *testing.T) {
	t.Parallel()
	run := func() (trace string, faults int) {
		s := sandbox.New(sandbox.Options{Seed: 7})
		s.Put(sandbox.Session{ID: "a"})
		stop := s.Chaos(0.3)
		for range 1000 {
			func() {
				defer func() { _ = recover() }() // A cut connection.
				s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/session-storage/sessions/a", nil))
			}()
		}
		stop()
		for _, r := range s.Requests() {
			trace += r.Fault + ";"
			if r.Fault != "" {
				faults++
			}
		}
		return trace, faults
	}
	first, faults := run()
	second, _ := run()
	if first != second {
		t.Error("the same seed gave other faults")
	}
	if faults < 200 || faults > 400 {
		t.Errorf("%d of 1000 requests met a fault, want about 300", faults)
	}
}

func TestFault_HTML404MeetsEverythingOrOneOperation(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	remove := f.Inject(sandbox.Fault{Effect: sandbox.HTMLError(http.StatusNotFound)})
	for _, call := range []string{"GET /sessions/a", "GET /sessions", "DELETE /sessions/a", "POST /sessions/a?ttl_seconds=60", "POST /session"} {
		method, path, _ := strings.Cut(call, " ")
		status, header, body := f.call(t, method, path, "")
		if status != http.StatusNotFound || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !strings.Contains(body, "<html>") {
			t.Errorf("%s: %d %s", call, status, body)
		}
	}
	remove()
	f.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.HTMLError(http.StatusNotFound)})
	f.expectStatus(t, http.StatusNotFound, "GET", "/sessions/a", "")
	f.expectListed(t, "a")
}

func TestFault_ThroughMeetsTheNextFaultToo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Inject(sandbox.Fault{Name: "limit", Through: true, Effect: sandbox.LimitRate(1)})
	f.Inject(sandbox.Fault{Name: "slow", Through: true, Effect: sandbox.Delay(time.Nanosecond)})
	f.Inject(sandbox.Fault{Name: "teapot", Count: 1, Effect: sandbox.HTMLError(418)})
	f.expectStatus(t, 418, "GET", "/sessions", "")
	if got := f.Requests()[0].Fault; got != "teapot" {
		t.Errorf("log names %q", got)
	}
}

func TestLimitRate_IsNamedOnlyWhereItRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Inject(sandbox.Fault{Name: "limit", Through: true, Effect: sandbox.RateLimited("1"), Skip: 1, Count: 1})
	f.Inject(sandbox.Fault{Name: "slow", Through: true, Effect: sandbox.Delay(time.Nanosecond)})
	f.expectStatus(t, http.StatusOK, "GET", "/sessions", "")
	f.expectStatus(t, http.StatusTooManyRequests, "GET", "/sessions", "")
	if got := f.Requests(); got[0].Fault != "" || got[1].Fault != "limit" {
		t.Errorf("log: %+v", got)
	}
}

func TestNotOK_AnswersAProblemListUnderAnyStatus(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{SessionLimitStatus: http.StatusConflict})
	f.Put(sandbox.Session{ID: "a"})
	for _, test := range []struct {
		effect sandbox.Effect
		status int
		detail string
	}{
		{sandbox.NotOK(http.StatusOK, "Forbidden resource", "Not today", 100999), 200, "Not today"},
		{sandbox.InsufficientBalance(), 403, `"error_code":100050`},
		{sandbox.SessionLimitReached(422), 422, "limit of active sessions"},
	} {
		f.Inject(sandbox.Fault{Count: 1, Effect: test.effect})
		if got := f.expectStatus(t, test.status, "GET", "/sessions/a", ""); !strings.Contains(got, `"ok":false`) || !strings.Contains(got, test.detail) {
			t.Errorf("answer: %s", got)
		}
	}
}

// impatient gives up as soon as somebody waits for it.
type impatient struct {
	context.Context
	giveUp context.CancelFunc
}

func (c impatient) Done() <-chan struct{} {
	c.giveUp()
	return c.Context.Done()
}

func TestHang_AnswersNothingUntilTheClientGivesUp(t *testing.T) {
	t.Parallel()
	s := sandbox.New(sandbox.Options{})
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.Hang()})
	ctx, giveUp := context.WithCancel(t.Context())
	answer := httptest.NewRecorder()
	func() {
		defer func() {
			if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
				t.Errorf("the handler ends with %v", err)
			}
		}()
		s.ServeHTTP(answer, httptest.NewRequestWithContext(impatient{ctx, giveUp}, http.MethodGet, "/session-storage/sessions", nil)) //nolint:contextcheck // derived from the test's
	}()
	if ctx.Err() == nil || answer.Body.Len() > 0 {
		t.Errorf("did not wait, or answered %q", answer.Body)
	}
	if got := s.Requests(); len(got) != 1 || got[0].Status != 0 {
		t.Errorf("log: %+v", got)
	}
}

func TestStaleReads_AnswerWhatWasBeforeTheWrite(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	f.Inject(sandbox.Fault{Effect: f.StaleReads(2)})
	old := `"updated_at":"2031-03-14T09:26:53Z","expires_at":"2031-04-13T09:26:53Z"`
	f.expectMember(t, "/sessions/a", old)
	f.clock.Advance(time.Minute)
	for _, ttl := range []int{60, 120} {
		before := f.expectStatus(t, http.StatusOK, "GET", "/sessions/a", "")
		f.expectStatus(t, http.StatusNoContent, "POST", fmt.Sprintf("/sessions/a?ttl_seconds=%d", ttl), "")
		f.expectMember(t, "/sessions/a", before)
		f.expectMember(t, "/sessions/a", before)
		f.expectMember(t, "/sessions/a", `"updated_at":"2031-03-14T09:27:53Z","expires_at":"2031-03-14T09:2`)
	}
}

func TestLaggingList_ShowsSessionsAsTheyWere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	f.Put(sandbox.Session{ID: "b", ExpiresAt: start.Add(time.Hour)})
	f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: f.LaggingList(10 * time.Second)})
	f.clock.Advance(time.Minute)
	f.expectStatus(t, http.StatusNoContent, "POST", "/sessions/a?ttl_seconds=60", "")
	f.expectStatus(t, http.StatusNoContent, "DELETE", "/sessions/b", "")
	f.Put(sandbox.Session{ID: "c"})
	f.clock.Advance(9 * time.Second)
	f.expectListed(t, "a", "b")
	f.expectMember(t, "/sessions", `"expires_at":"2031-04-13T09:26:53Z"`)
	f.clock.Advance(time.Second)
	f.expectListed(t, "a", "c")
	f.expectMember(t, "/sessions", `"expires_at":"2031-03-14T09:28:53Z"`)
}
