package palabra

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slidingLimit answers 429 with "Retry-After: 1" to more than perSecond
// requests in any second.
type slidingLimit struct {
	mu        sync.Mutex
	perSecond int
	recent    []time.Time
}

func (l *slidingLimit) answer() *http.Response {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for len(l.recent) > 0 && now.Sub(l.recent[0]) >= time.Second {
		l.recent = l.recent[1:]
	}
	if len(l.recent) < l.perSecond {
		l.recent = append(l.recent, now)
		return &http.Response{StatusCode: http.StatusOK}
	}
	return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}}}
}

// TestTenParallelCallersStayUnderARateLimit runs on a clock of its own, so that
// what is measured is the pacing alone.
func TestTenParallelCallersStayUnderARateLimit(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []int{2, 8, 20, 100} {
		t.Run(fmt.Sprintf("%d a second", perSecond), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const calls, parallelism, latency = 400, 10, 20 * time.Millisecond
				var (
					limit   = &slidingLimit{perSecond: perSecond}
					pacing  = newPacer()
					left    atomic.Int64
					worst   atomic.Int64
					refused atomic.Int64
					group   sync.WaitGroup
					started = time.Now()
				)
				left.Store(calls)
				for range parallelism {
					group.Go(func() {
						for left.Add(-1) >= 0 {
							for attempt := int64(1); ; attempt++ {
								if err := pacing.wait(t.Context()); err != nil {
									t.Error(err)
									return
								}
								sent := time.Now()
								time.Sleep(latency / 2)
								resp := limit.answer() //nolint:bodyclose // it has no body
								time.Sleep(latency / 2)
								pacing.observe(resp, sent, started)
								if resp.StatusCode == http.StatusOK {
									break
								}
								refused.Add(1)
								if attempt > worst.Load() {
									worst.Store(attempt)
								}
								time.Sleep(time.Second)
							}
						}
					})
				}
				group.Wait()
				took, ideal := time.Since(started), time.Duration(calls)*time.Second/time.Duration(perSecond)
				t.Logf("%d calls took %s (at the limit: %s), %d refused, one of them %d times", calls, took, ideal, refused.Load(), worst.Load())
				if took > 2*ideal {
					t.Errorf("%d calls took %s, more than twice the %s that the limit demands", calls, took, ideal)
				}
				if worst.Load() > 3 {
					t.Errorf("a call was refused %d times in a row; with the default of 4 retries it nearly fails", worst.Load())
				}
				if refused.Load() == 0 {
					t.Error("nothing was refused, so the limit was not met")
				}
			})
		})
	}
}

func TestPacingEndsWhenTheLimitIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pacing, started := newPacer(), time.Now()
		pacing.observe(&http.Response{StatusCode: http.StatusTooManyRequests}, started, started)
		calls := 0
		for ; pacing.spacing > 0; calls++ {
			if err := pacing.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			pacing.observe(&http.Response{StatusCode: http.StatusOK}, time.Now(), started)
		}
		if took := time.Since(started); took > time.Minute {
			t.Errorf("it took %d calls and %s", calls, took)
		}
	})
}

func TestOneBurstOfRefusalsCountsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pacing, sent := newPacer(), time.Now()
		for range 20 {
			pacing.observe(&http.Response{StatusCode: http.StatusOK}, sent, sent)
		}
		time.Sleep(time.Millisecond)
		for range 10 {
			pacing.observe(&http.Response{StatusCode: http.StatusTooManyRequests}, sent, sent)
		}
		if want := time.Second / 20; pacing.spacing != want {
			t.Errorf("spacing %s, want %s: as many a second as were answered before", pacing.spacing, want)
		}
	})
}
