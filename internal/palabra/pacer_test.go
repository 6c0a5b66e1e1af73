package palabra

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// The clock is the bubble's, so what is measured is the pacing alone.
func TestPacer_TenParallelCallersStayUnderARateLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		calls, n   int
		window     time.Duration
		retryAfter bool
	}{
		{60, 10, 10 * time.Second, true},
		{60, 10, 10 * time.Second, false},
		{60, 8, time.Second, true},
		{400, 8, time.Second, true},
		{400, 8, time.Second, false},
		{400, 2, time.Second, true},
		{400, 100, time.Second, true},
	} {
		name := fmt.Sprintf("%d calls, %d per %s, Retry-After %t", test.calls, test.n, test.window, test.retryAfter)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newBubbleServer(t, 20*time.Millisecond, 0)
				s.Inject(sandbox.Fault{Effect: sandbox.LimitRequests(test.n, test.window, test.retryAfter)})
				client, id, started := offline(t, s.RoundTrip, withKey(sandbox.DefaultAPIKey)), s.fill(1)[0], time.Now()
				inParallel(10, test.calls, func(int) {
					if _, err := client.Get(t.Context(), id); err != nil {
						t.Error(err)
					}
				})
				took, ideal := time.Since(started), time.Duration(test.calls)*test.window/time.Duration(test.n)
				refused := len(s.Requests()) - test.calls
				t.Logf("took %s (at the limit: %s), %d refused", took, ideal, refused)
				if took > 2*ideal {
					t.Errorf("took %s, more than twice the %s that the limit demands", took, ideal)
				}
				if refused == 0 || refused > test.calls/2 {
					t.Errorf("%d of %d calls were refused", refused, test.calls)
				}
			})
		})
	}
}

func TestPacer_PauseBindsCallsThatQueuedBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pause = 30 * time.Second
		pacing, started := newPacer(), time.Now()
		pacing.spacing = 100 * time.Millisecond
		if err := pacing.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		var (
			group sync.WaitGroup
			mu    sync.Mutex
			turns []time.Duration
		)
		for range 10 {
			group.Go(func() {
				if err := pacing.wait(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				turns = append(turns, time.Since(started))
			})
		}
		synctest.Wait()
		pacing.observe(http.StatusTooManyRequests, http.Header{"Retry-After": {"30"}}, started, started)
		pacing.observe(http.StatusTooManyRequests, nil, started, started) // One of the same burst.
		interrupted, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := pacing.wait(interrupted); err == nil || time.Since(started) != time.Second {
			t.Errorf("an interrupt after a second ended the wait after %s, %v", time.Since(started), err)
		}
		group.Wait()
		for i, turn := range turns {
			if want := pause + time.Duration(i)*pacing.spacing; turn != want {
				t.Errorf("turn %d came after %s, want %s", i, turn, want)
			}
		}
	})
}

func TestPacer_EndsWhenTheLimitIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pacing, started := newPacer(), time.Now()
		pacing.observe(http.StatusTooManyRequests, nil, started, started)
		if err := pacing.wait(t.Context()); err != nil || time.Since(started) != pacing.spacing {
			t.Errorf("the first call went out after %s, %v; want %s", time.Since(started), err, pacing.spacing)
		}
		calls := 0
		for ; pacing.spacing > 0; calls++ {
			if err := pacing.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			pacing.observe(http.StatusOK, nil, time.Now(), started)
		}
		// Until then, a new refusal would lengthen next to nothing by a quarter.
		if took := time.Since(started); took > time.Minute || calls > 200 {
			t.Errorf("it took %d calls and %s", calls, took)
		}
	})
}

func TestPacer_SpacingIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pacing, refusals := newPacer(), 0
		for _, step := range []struct {
			refusals int
			want     time.Duration
		}{{1, 200 * time.Millisecond}, {100, 2 * time.Second}} {
			for ; refusals < step.refusals; refusals++ {
				pacing.observe(http.StatusTooManyRequests, nil, pacing.resume, start)
			}
			if pacing.spacing != step.want {
				t.Errorf("spacing %s after %d refusals, want %s", pacing.spacing, refusals, step.want)
			}
		}
	})
}

func TestPacer_RefusalsOfOneBurstCountOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pacing := newPacer()
		answered := func() {
			for range 20 {
				pacing.observe(http.StatusOK, nil, time.Now(), start)
			}
		}
		answered()
		time.Sleep(2 * time.Second) // Only the answers of the last second count.
		answered()
		sent := time.Now()
		time.Sleep(time.Millisecond)
		for range 10 {
			pacing.observe(http.StatusTooManyRequests, http.Header{"Retry-After": {"2"}}, sent, sent)
			time.Sleep(time.Millisecond)
			// Sent during the pause, for example before it was known.
			pacing.observe(http.StatusTooManyRequests, nil, time.Now(), sent)
		}
		if want := time.Second / 20; pacing.spacing != want {
			t.Errorf("spacing %s, want %s: as many a second as were answered before", pacing.spacing, want)
		}
	})
}

func TestPacer_RetryAfterOfAnOutageBindsEveryCall(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		synctest.Test(t, func(t *testing.T) {
			started := time.Now()
			var client *offlineClient
			client = offline(t, func(*http.Request) (*http.Response, error) {
				if client.sent.Load() > 1 {
					return respond(http.StatusOK, foundBody), nil
				}
				return respond(status, "", "Retry-After", "5"), nil
			})
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() {
					if _, err := client.Get(t.Context(), "a.b"); err != nil {
						t.Error(err)
					}
				})
				synctest.Wait()
			}
			group.Wait()
			if took := time.Since(started); took != 5*time.Second || client.sent.Load() != 11 {
				t.Errorf("%d: %d requests in %s, want 11 in 5 s", status, client.sent.Load(), took)
			}
		})
	}
}

func TestRetryAfter_IsCapped(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"7":                             7 * time.Second,
		" 60 ":                          time.Minute,
		"61":                            time.Minute,
		"2147483648":                    time.Minute,
		"99999999999999999999999":       time.Minute,
		"Fri, 14 Mar 2031 09:27:03 GMT": 10 * time.Second,
		"Fri, 14 Mar 2099 09:27:03 GMT": time.Minute,
		"Thu, 01 Jan 1970 00:00:00 GMT": 0,
	} {
		if got, ok := retryAfter(value, start); got != want || !ok {
			t.Errorf("%q: %s, %t; want %s", value, got, ok, want)
		}
	}
	for _, value := range []string{"", "-1", "1.5", "soon"} {
		if got, ok := retryAfter(value, start); got != 0 || ok {
			t.Errorf("%q: %s, %t; want none", value, got, ok)
		}
	}
}
