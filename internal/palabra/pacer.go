package palabra

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// maxRetryAfter caps what a server may ask us to wait.
	maxRetryAfter = time.Minute

	// minSpacing is where pacing ends: shorter is what a request takes anyway.
	minSpacing = time.Millisecond
	maxSpacing = 2 * time.Second

	// maxFirstSpacing is for a process that has hardly begun, whose answers say
	// nothing about the limit.
	maxFirstSpacing = 200 * time.Millisecond

	// Each refusal adds a paceGrow-th to the spacing, and the n-th success since
	// takes n paceRecovery-ths off: little near the limit, and soon everything
	// where there is none. Measured: at 8 to 100 calls a second, ten parallel
	// callers take at most half as long again as the limit demands.
	paceGrow     = 4
	paceRecovery = 512
)

// pacer slows every call of the process down after a 429, not only the one that
// met it: otherwise ten parallel calls run into the same limit again and again.
// After a refusal, nobody sends until the wait is over. Then calls go out one at
// a time, at first as many a second as were answered in the second before the
// refusal. Each success shortens the spacing a little, to find out whether the
// limit is gone, and each refusal lengthens it.
type pacer struct {
	mu      sync.Mutex
	next    time.Time
	spacing time.Duration
	// slowed is when the spacing last grew. The calls that were on their way
	// then, up to an engine's parallelism, are refused for the same reason and
	// do not make it grow again.
	slowed time.Time
	// streak is how many calls succeeded since.
	streak int
	// answered are the times of the last second's answers.
	answered []time.Time
}

func newPacer() *pacer { return &pacer{} }

// wait returns when it is this call's turn, or with the error of ctx.
func (p *pacer) wait(ctx context.Context) error {
	p.mu.Lock()
	now := elapsedClock()
	turn := p.next
	if turn.Before(now) {
		turn = now
	}
	if p.spacing > 0 {
		p.next = turn.Add(p.spacing)
	}
	p.mu.Unlock()
	if !turn.After(now) {
		return ctx.Err()
	}
	timer := time.NewTimer(turn.Sub(now))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// observe learns from each answer; sent is when its request left.
func (p *pacer) observe(resp *http.Response, sent, serverTime time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := elapsedClock()
	for len(p.answered) > 0 && now.Sub(p.answered[0]) > time.Second {
		p.answered = p.answered[1:]
	}
	if resp.StatusCode != http.StatusTooManyRequests {
		p.answered = append(p.answered, now)
		p.streak++
		if p.spacing -= p.spacing * time.Duration(min(p.streak, paceRecovery)) / paceRecovery; p.spacing < minSpacing {
			p.spacing = 0
		}
		return
	}
	if !sent.Before(p.slowed) {
		p.slowed, p.streak = now, 0
		if p.spacing == 0 {
			p.spacing = min(time.Second/time.Duration(max(1, len(p.answered))), maxFirstSpacing)
		} else {
			p.spacing += p.spacing / paceGrow
		}
		p.spacing = min(p.spacing, maxSpacing)
	}
	pause, ok := retryAfter(resp.Header.Get("Retry-After"), serverTime)
	if !ok {
		pause = p.spacing
	}
	if until := now.Add(pause); until.After(p.next) {
		p.next = until
	}
}

// retryAfter parses both forms of the header, seconds and an HTTP date. The date
// is compared with the server's own clock. The result is capped.
func retryAfter(value string, serverTime time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter), true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(date.Sub(serverTime), 0), maxRetryAfter), true
}

// backoff is exponential with full jitter, or what the server asked for.
func (t *transport) backoff(_, _ time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if wait, ok := retryAfter(resp.Header.Get("Retry-After"), t.serverTime(resp.Header)); ok {
			return min(wait, t.retryWait)
		}
	}
	ceiling := retryablehttp.DefaultBackoff(t.waitMin, t.waitMax, attempt, nil)
	return rand.N(ceiling + 1) // #nosec G404 -- jitter is no secret
}
