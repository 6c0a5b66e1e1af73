package provider_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestSessionExpiry_BulkReadCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	const instances = 40
	for _, bulk := range []bool{true, false} {
		s := newStory(t)
		s.provider["bulk_read"] = bulk
		for i := range instances {
			s.put(numberedID(i))
			s.config[room(numberedID(i))] = lasts(numberedID(i))
		}
		s.run()
		s.writes()
		s.plan(s.config, command{})
		requests := s.Requests()
		listed := slices.ContainsFunc(requests, func(r sandbox.Request) bool { return r.SessionID == "" })
		if listed != bulk || (len(requests) < instances) != bulk {
			t.Errorf("bulk_read = %t: %d requests for %d instances, and sessions are listed: %t", bulk, len(requests), instances, listed)
		}
	}
}

// TestSessionExpiry_EngineRefreshCostsFewRequests, although an engine reads the
// instances one by one, ten at a time.
func TestSessionExpiry_EngineRefreshCostsFewRequests(t *testing.T) {
	t.Parallel()
	const instances, maxPages, maxRequests = 200, 2, 40
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
