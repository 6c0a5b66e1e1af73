package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestFault_SelectsSkipsAndEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Put(sandbox.Session{ID: "a"})
	f.Put(sandbox.Session{ID: "b"})
	remove := f.Inject(sandbox.Fault{Name: "teapot", Operation: sandbox.OperationGet, SessionID: "a", Skip: 1, Count: 2, Effect: sandbox.HTMLError(418)})
	for _, want := range []int{200, 418, 418, 200} {
		f.expectStatus(t, want, "GET", "/sessions/a", "")
		f.expectStatus(t, http.StatusNoContent, "POST", "/sessions/a?ttl_seconds=60", "")
		f.expectStatus(t, http.StatusOK, "GET", "/sessions/b", "")
	}
	if got := f.Requests()[3].Fault; got != "teapot" {
		t.Errorf("log names %q", got)
	}
	remove()
	remove = f.Inject(sandbox.Fault{Effect: sandbox.HTMLError(http.StatusNotFound)})
	for _, call := range []string{"GET /sessions/a", "GET /sessions", "DELETE /sessions/a", "POST /sessions/a?ttl_seconds=60", "POST /session"} {
		method, path, _ := strings.Cut(call, " ")
		status, header, body := f.call(t, method, path, "")
		if status != http.StatusNotFound || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !strings.Contains(body, "<html>") {
			t.Errorf("%s: %d %s", call, status, body)
		}
	}
	remove()
	f.expectListed(t, "a", "b")
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

func TestFault_ThroughLetsTheNextFaultApply(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sandbox.Options{})
	f.Inject(sandbox.Fault{Name: "limit", Through: true, Effect: sandbox.RateLimited("1"), Skip: 3, Count: 1})
	f.Inject(sandbox.Fault{Name: "slow", Through: true, Effect: sandbox.Delay(time.Nanosecond)})
	f.Inject(sandbox.Fault{Name: "teapot", Effect: sandbox.HTMLError(418), Count: 1})
	f.Inject(sandbox.Fault{Name: "next", Effect: sandbox.HTMLError(410), Count: 1})
	for i, want := range []struct {
		status int
		logged string
	}{{418, "teapot"}, {410, "next"}, {200, ""}, {429, "limit"}} {
		f.expectStatus(t, want.status, "GET", "/sessions", "")
		if got := f.Requests()[i].Fault; got != want.logged {
			t.Errorf("the log names %q, want %q", got, want.logged)
		}
	}
}

func TestLimitRate_RefusesMoreThanNASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sandbox.New(sandbox.Options{})
		s.Inject(sandbox.Fault{Through: true, Effect: sandbox.LimitRate(2)})
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/session-storage/sessions", nil)
		req.Header.Set("Authorization", "Bearer "+sandbox.DefaultAPIKey)
		for i, step := range []struct {
			wait       time.Duration
			status     int
			retryAfter string
		}{{0, 200, ""}, {100 * time.Millisecond, 200, ""}, {0, 429, "1"}, {900 * time.Millisecond, 200, ""}} {
			time.Sleep(step.wait)
			answer := httptest.NewRecorder()
			s.ServeHTTP(answer, req)
			if retryAfter := answer.Header().Get("Retry-After"); answer.Code != step.status || retryAfter != step.retryAfter {
				t.Errorf("request %d: %d, Retry-After %q", i, answer.Code, retryAfter)
			}
		}
	})
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

func TestHang_AnswersNothingUntilTheClientGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sandbox.New(sandbox.Options{})
		s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.Hang()})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		answer := httptest.NewRecorder()
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
					t.Errorf("the handler ends with %v", err)
				}
			}()
			s.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/session-storage/sessions", nil))
		}()
		if ctx.Err() == nil || answer.Body.Len() > 0 {
			t.Errorf("did not wait, or answered %q", answer.Body)
		}
		if got := s.Requests(); len(got) != 1 || got[0].Status != 0 {
			t.Errorf("log: %+v", got)
		}
	})
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
