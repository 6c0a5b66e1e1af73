package provider

import (
	"strings"
	"testing"
)

// TestSessionExpiry_EngineRefreshCostsFewRequests, although an engine reads the
// instances one by one, ten at a time.
func TestSessionExpiry_EngineRefreshCostsFewRequests(t *testing.T) {
	t.Parallel()
	const instances, maxPages, maxRequests = 200, 2, 14
	f := newFixture(t)
	f.putMany(instances)
	c := newCLI(t)
	c.write(f.config(manyExpiries(instances, 3600)))
	c.run("apply", "-auto-approve", "-input=false")
	if writes := len(f.writes()); writes != instances {
		t.Fatalf("create wrote %d times, want %d", writes, instances)
	}
	// The exit code is 2, which fails, when there is something to change.
	c.run("plan", "-input=false", "-detailed-exitcode")
	singles, pages := 0, 0
	for _, call := range f.calls() {
		switch {
		case strings.HasPrefix(call, "GET "):
			singles++
		case call == "GET":
			pages++
		default:
			t.Errorf("the refresh wrote: %s", call)
		}
	}
	if pages > maxPages || singles+pages > maxRequests {
		t.Errorf("%d single reads and %d pages, want at most %d pages and %d requests", singles, pages, maxPages, maxRequests)
	}
}
