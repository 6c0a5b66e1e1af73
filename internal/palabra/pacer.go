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

	minSpacing = 50 * time.Millisecond
	maxSpacing = 2 * time.Second
)

// pacer slows every call of the process down after a 429, not only the one that
// met it: otherwise ten parallel calls run into the same limit again and again.
// After a refusal, nobody sends until the wait is over, and then one call at a
// time with a spacing that doubles with each further refusal and shrinks with
// each success.
type pacer struct {
	mu      sync.Mutex
	next    time.Time
	spacing time.Duration
}

func newPacer() *pacer { return &pacer{} }

// wait returns when it is this call's turn, or with the error of ctx.
func (p *pacer) wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
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

// observe learns from each answer.
func (p *pacer) observe(resp *http.Response, serverTime time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if resp.StatusCode != http.StatusTooManyRequests {
		if p.spacing -= p.spacing / 10; p.spacing < minSpacing/4 {
			p.spacing = 0
		}
		return
	}
	p.spacing = min(max(2*p.spacing, minSpacing), maxSpacing)
	pause, ok := retryAfter(resp.Header.Get("Retry-After"), serverTime)
	if !ok {
		pause = p.spacing
	}
	if until := time.Now().Add(pause); until.After(p.next) {
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
