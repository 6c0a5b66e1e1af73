package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSessionExpiry_RefreshCostsFewRequests counts at the sandbox what the engine's refresh of
// instances in an account of sessions costs. The instances are the newest
// sessions, which are last in the list.
func TestSessionExpiry_RefreshCostsFewRequests(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		instances, account     int
		bulkRead               bool
		minSingles, maxSingles int
		maxPages, maxRequests  int
	}{
		"one instance costs one single read": {
			instances: 1, account: 1, bulkRead: true, minSingles: 1, maxSingles: 1, maxPages: 0, maxRequests: 1,
		},
		"three of many sessions cost three single reads and a page": {
			instances: 3, account: 10_000, bulkRead: true, maxSingles: 3, maxPages: 1, maxRequests: 4,
		},
		"two hundred are read from their pages": {
			instances: 200, account: 200, bulkRead: true, maxSingles: 40, maxPages: 2, maxRequests: 40,
		},
		"without bulk reads each is read singly": {
			instances: 40, account: 40, bulkRead: false, minSingles: 40, maxSingles: 40, maxPages: 0, maxRequests: 40,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			for i := range test.account {
				f.putSession(fmt.Sprintf("bulk-user.%08d", i), time.Hour)
				f.clock.Advance(time.Millisecond)
			}
			c := newCLI(t)
			c.write(fmt.Sprintf(`
provider "palabra" {
  endpoint      = %q
  client_id     = %q
  client_secret = %q
  bulk_read     = %t
}

resource "palabra_session_expiry" "session" {
  for_each    = toset([for i in range(%d, %d) : format("bulk-user.%%08d", i)])
  session_id  = each.key
  ttl_seconds = 3600
}
`, f.url, testClientID, testClientSecret, test.bulkRead, test.account-test.instances, test.account))
			c.run("apply", "-auto-approve", "-input=false")
			if writes := len(f.writes()); writes != test.instances {
				t.Fatalf("create wrote %d times, want %d", writes, test.instances)
			}

			f.ResetRequests()
			// The exit code is 2, which fails, when there is something to change.
			c.run("plan", "-input=false", "-detailed-exitcode")
			singles, pages := 0, 0
			for _, call := range f.calls() {
				switch {
				case strings.HasPrefix(call, "GET /sessions/"):
					singles++
				case call == "GET /sessions":
					pages++
				default:
					t.Errorf("a refresh made the request %s", call)
				}
			}
			t.Logf("%d single reads, %d pages", singles, pages)
			if singles < test.minSingles || singles > test.maxSingles || pages > test.maxPages || singles+pages > test.maxRequests {
				t.Errorf("%d single reads and %d pages, want %d to %d, at most %d, and at most %d together",
					singles, pages, test.minSingles, test.maxSingles, test.maxPages, test.maxRequests)
			}
		})
	}
}
