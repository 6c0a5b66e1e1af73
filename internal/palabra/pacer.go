package palabra

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxRetryAfter caps the pause that a server may ask for.
	maxRetryAfter = time.Minute

	// Pacing ends below minSpacing: a request takes longer than that anyway.
	minSpacing = time.Millisecond
	maxSpacing = 2 * time.Second

	// maxFirstSpacing caps the first spacing: the few answers of a process that has
	// just started say nothing about the limit.
	maxFirstSpacing = 200 * time.Millisecond

	// A refusal lengthens the spacing by 1/growDivisor. The n-th success after it
	// shortens the spacing by n/shrinkDivisor: slowly near a limit, and soon to
	// nothing where there is none.
	growDivisor   = 4
	shrinkDivisor = 1024
)

// pacer slows down every call of the process after a refusal, not only the refused
// one: otherwise ten parallel calls run into the same limit again and again. Calls
// queue for their turn. Only the call whose turn it is looks at the time, so a
// pause also binds calls that queued before it began. Between pauses, calls go out
// one spacing apart.
type pacer struct {
	// turn is held by the call that may send next.
	turn chan struct{}

	mu sync.Mutex
	// until is when the next call may go out.
	until time.Time
	// resume is the end of the last pause. Refusals of calls that were sent before
	// it have the same cause, and count once.
	resume  time.Time
	spacing time.Duration
	// streak counts the successes since the last refusal.
	streak int
	// answered holds the times of the last second's successes.
	answered []time.Time
}

func newPacer() *pacer { return &pacer{turn: make(chan struct{}, 1)} }

// wait returns nil when it is this call's turn, or the error of ctx.
func (p *pacer) wait(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for ctx.Err() == nil {
		left := p.take()
		if left <= 0 {
			return nil
		}
		_ = pause(ctx, left)
	}
	return ctx.Err()
}

// take starts a call, or returns how long it has to wait.
func (p *pacer) take() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := elapsedClock()
	if left := p.until.Sub(now); left > 0 {
		return left
	}
	p.until = now.Add(p.spacing)
	return 0
}

// observe learns from each answer; sent is when its request left.
func (p *pacer) observe(status int, header http.Header, sent, serverTime time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := elapsedClock()
	for len(p.answered) > 0 && now.Sub(p.answered[0]) > time.Second {
		p.answered = p.answered[1:]
	}
	// Retry-After pauses every call, not only the one that received it.
	pause, asked := retryAfter(header.Get("Retry-After"), serverTime)
	switch {
	case status == http.StatusTooManyRequests:
		if !sent.Before(p.resume) {
			p.slowDown()
		}
		pause = max(pause, p.spacing)
	case status >= http.StatusInternalServerError && asked:
	default:
		p.answered = append(p.answered, now)
		p.speedUp()
		return
	}
	if until := now.Add(pause); until.After(p.resume) {
		p.resume = until
	}
	if p.resume.After(p.until) {
		p.until = p.resume
	}
}

func (p *pacer) slowDown() {
	p.streak = 0
	if p.spacing == 0 {
		// Send as many calls per second as were answered in the last second.
		p.spacing = min(time.Second/time.Duration(max(1, len(p.answered))), maxFirstSpacing)
	} else {
		p.spacing = min(p.spacing+p.spacing/growDivisor, maxSpacing)
	}
}

// speedUp shortens the spacing step by step, in case the limit is gone.
func (p *pacer) speedUp() {
	p.streak++
	if p.spacing -= p.spacing * time.Duration(min(p.streak, shrinkDivisor)) / shrinkDivisor; p.spacing < minSpacing {
		p.spacing = 0
	}
}

// retryAfter parses both forms of the header, seconds and an HTTP date, which is
// compared with the server's own clock. The result is capped.
func retryAfter(value string, serverTime time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value != "" && strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 32)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter, true
		}
		return time.Duration(seconds) * time.Second, true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(date.Sub(serverTime), 0), maxRetryAfter), true
}

// elapsedClock measures waits and ages. Times that the API knows come from its
// answers, never from this clock.
func elapsedClock() time.Time {
	return time.Now() //nolint:forbidigo // the one place for elapsed time
}
