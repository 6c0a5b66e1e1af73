package sandbox

import (
	"sync"
	"time"
)

// realTime is the default of the injected clock, and what durations in the log
// and limits per second are measured with.
func realTime() time.Time {
	return time.Now() //nolint:forbidigo // the one place for real time
}

// Clock is a clock that only Advance moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows t.
func NewClock(t time.Time) *Clock { return &Clock{now: t} }

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock; a negative duration moves it back.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Faster returns a clock that begins with the time that now shows and runs speed
// times as fast; nil means time.Now.
func Faster(now func() time.Time, speed float64) func() time.Time {
	if now == nil {
		now = realTime
	}
	begin := now()
	return func() time.Time {
		return begin.Add(time.Duration(float64(now().Sub(begin)) * speed))
	}
}
