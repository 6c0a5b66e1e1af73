package palabra

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxRetryAfter caps the pause that a server may ask for.
	maxRetryAfter = time.Minute

	// A refusal lengthens the spacing of calls by 1/growDivisor. The n-th success after
	// it shortens the spacing by n/shrinkDivisor: slowly near a limit, and soon to nothing
	// where there is none. The first one is capped, because the few answers of a process
	// that has just started say nothing about the limit.
	growDivisor     = 4
	shrinkDivisor   = 1024
	maxFirstSpacing = 200 * time.Millisecond
	minSpacing      = time.Millisecond // A request takes longer than that anyway.
	maxSpacing      = 2 * time.Second
)

// pacer slows down every call of the process after a refusal, not only the refused
// one: otherwise ten parallel calls run into the same limit again and again.
type pacer struct {
	// turn is held by the call that may send next. Only that call looks at the time, so
	// a pause also binds calls that queued before it began.
	turn chan struct{}

	mu    sync.Mutex
	until time.Time // when the next call may go out
	// resume is the end of the last pause. Refusals of calls that were sent before
	// it have the same cause, and count once.
	resume   time.Time
	spacing  time.Duration // between two calls
	streak   int           // successes since the last refusal
	answered []time.Time   // the last second's successes
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
		p.mu.Lock()
		now := elapsedClock()
		left := p.until.Sub(now)
		if left <= 0 {
			p.until = now.Add(p.spacing)
		}
		p.mu.Unlock()
		if left <= 0 {
			return nil
		}
		_ = pause(ctx, left)
	}
	return ctx.Err()
}

// observe learns from each answer; sent is when its request left.
func (p *pacer) observe(status int, header http.Header, sent, serverTime time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := elapsedClock()
	for len(p.answered) > 0 && now.Sub(p.answered[0]) > time.Second {
		p.answered = p.answered[1:]
	}
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
		p.streak++
		// Shorten the spacing, in case the limit is gone.
		p.spacing -= p.spacing * time.Duration(min(p.streak, shrinkDivisor)) / shrinkDivisor
		if p.spacing < minSpacing {
			p.spacing = 0
		}
		return
	}
	p.resume = now.Add(pause)
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

// retryAfter parses both forms of the header, seconds and an HTTP date, which is
// compared with the server's own clock. The result is capped.
func retryAfter(value string, serverTime time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if date, err := http.ParseTime(value); err == nil {
		return min(max(date.Sub(serverTime), 0), maxRetryAfter), true
	}
	seconds, err := strconv.ParseUint(value, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second, true
}

// elapsedClock measures waits and ages. Times that the API knows come from its
// answers, never from this clock.
func elapsedClock() time.Time {
	return time.Now() //nolint:forbidigo // the one place for elapsed time
}
