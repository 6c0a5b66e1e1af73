package palabra

import "time"

// elapsedClock is what waits and ages are measured with. No moment that the API
// knows of is ever taken from it: those come with its answers.
func elapsedClock() time.Time {
	return time.Now() //nolint:forbidigo // the one place for elapsed time
}
