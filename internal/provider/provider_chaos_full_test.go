//go:build unix && chaos

package provider_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"
)

const fullSessions = 100

var chaosSeeds = flag.Uint64("chaos.seeds", 4, "how many seeds the full chaos runs")

// TestFullChaos prints one line a seed.
func TestFullChaos(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= *chaosSeeds; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			line := newChaos(t, seed, fullSessions).live()
			verdict := "state and server agree"
			if t.Failed() {
				verdict = "FAILED"
			}
			_, _ = fmt.Fprintf(os.Stdout, "seed %d: %s: %s, %s\n", seed, verdict, line, time.Since(started).Round(time.Second))
		})
	}
}

func TestFullRateLimit(t *testing.T) {
	t.Parallel()
	const sessions, perSecond = 200, 8
	started := time.Now()
	refused := applyUnderRateLimit(t, sessions, perSecond)
	_, _ = fmt.Fprintf(os.Stdout, "rate limit: %d sessions applied and destroyed at %d requests a second, %d requests refused, %s\n",
		sessions, perSecond, refused, time.Since(started).Round(time.Second))
}
