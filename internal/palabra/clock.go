package palabra

import "time"

// elapsedClock measures waits and ages. Times that the API knows come from its
// answers, never from this clock.
func elapsedClock() time.Time {
	return time.Now() //nolint:forbidigo // the one place for elapsed time
}
