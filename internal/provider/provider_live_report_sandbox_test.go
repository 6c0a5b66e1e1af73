package provider_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// answersOf returns the answers of a report by question.
func answersOf(t *testing.T, report string) map[string]string {
	t.Helper()
	answers := make(map[string]string)
	for line := range strings.Lines(report) {
		question, answer, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "- **"), ":** ")
		if _, twice := answers[question]; twice {
			t.Errorf("two lines for %q", question)
		}
		if ok {
			answers[question] = answer
		}
	}
	return answers
}

// TestLiveReport_DistinguishesVersionsOfTheAPI runs the report of "make testacc"
// against sandboxes that answer differently.
func TestLiveReport_DistinguishesVersionsOfTheAPI(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options func(*sandbox.Options)
		others  int
		useKey  bool
		want    map[string]string // question: start of the answer
	}{
		"as documented": {options: func(*sandbox.Options) {}, want: map[string]string{
			"Create answer": "HTTP 201, {`data` {`id` text,",
			"Id form":       "parts of 12, 8, 8 characters",
			"Default TTL":   "2592000 s",
			"`created_at` against `Date` of the create":         "0 s, in whole seconds, UTC",
			"TTL of 3600 in query and body":                     "HTTP 204, granted 3600 s",
			"TTL of 3600 in the body alone":                     "HTTP 400, Bad request: ",
			"`updated_at` after that":                           "moved by 2 s",
			"TTL of 2592000":                                    "HTTP 204, granted 2592000 s",
			"TTL of 0":                                          "HTTP 400",
			"Subscriber tokens for `subscriber_count`":          "without it 0; with 2 2",
			"List envelope":                                     "HTTP 200, {`data` list}",
			"Default page size":                                 "unknown",
			"Page of 1":                                         "HTTP 200, items 1, next page in `next_page_token`",
			"Page size of 101":                                  "HTTP 422",
			"Size beside a token":                               "HTTP 200, items 1",
			"Read of an ended session":                          "HTTP 404, Not found: Session not found.",
			"An ended session is on the first page of the list": "false",
			"Wrong credentials, create":                         "HTTP 401",
			"Delete":                                            "HTTP 204",
			"Second delete":                                     "HTTP 404",
		}},
		"another version": {
			options: func(o *sandbox.Options) {
				o.Envelope, o.BadCredentialsStatus, o.JWTIDs = sandbox.EnvelopeItems, http.StatusNotFound, true
				o.MaxTTL, o.KeepUpdatedAt, o.DefaultTTL = 10*time.Minute, true, time.Hour
			},
			others: 150, useKey: true,
			want: map[string]string{
				"Id form":                       "like a JWT, ",
				"Default TTL":                   "3600 s",
				"TTL of 3600 in query and body": "HTTP 204, granted 600 s",
				"`updated_at` after that":       "moved by 0 s",
				"List envelope":                 "HTTP 200, {`data` {`items` list, `next` text}",
				"Default page size":             "10",
				"Page of 1":                     "HTTP 200, items 1, next page in `data.next`",
				"Wrong credentials, list":       "HTTP 404",
				"Wrong credentials, read":       "HTTP 404",
			},
		},
		"no room for a second session": {options: func(o *sandbox.Options) { o.SessionLimit = 1 }, want: map[string]string{
			"Second create": "HTTP 403",
			"Subscriber tokens for `subscriber_count`": "without it 0; with 2 refused",
			"Page of 1": "HTTP 200, items 1, next page in no member",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, test.options)
			for i := range test.others {
				f.putSession(fmt.Sprintf("other-%03d", i), time.Hour)
			}
			config := palabra.Config{Endpoint: f.url, ClientID: testClientID, ClientSecret: testClientSecret}
			if test.useKey {
				config = palabra.Config{Endpoint: f.url, APIKey: testAPIKey}
			}
			var report string
			var probe *liveProbe
			t.Run("run", func(t *testing.T) { // The probe deletes its sessions at the end of its test.
				probe = newLiveProbe(t, config, f.clock.Advance)
				report = liveReport(probe)
			})
			got := answersOf(t, report)
			for question, want := range test.want {
				if !strings.HasPrefix(got[question], want) {
					t.Errorf("%s: %q, want it to begin with %q", question, got[question], want)
				}
			}
			if left := len(f.Sessions()); left != test.others || len(probe.created) == 0 || len(probe.created) > 2 {
				t.Errorf("%d sessions left of others' %d and %d own", left, test.others, len(probe.created))
			}
			for _, private := range append(probe.private, "sandbox-user", "other-", testAPIKey, testClientSecret) {
				if strings.Contains(report, private) {
					t.Errorf("the report shows %q", private)
				}
			}
		})
	}
}

func TestLiveReport_ShowsNoSecretThatTheAPIRepeats(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(sandbox.Fault{Effect: sandbox.NotOK(http.StatusForbidden, "Forbidden resource", "No balance for "+testClientSecret+" of "+testClientID, 100050)})
	report := liveReport(newLiveProbe(t, palabra.Config{Endpoint: f.url, ClientID: testClientID, ClientSecret: testClientSecret}, f.clock.Advance))
	if !strings.Contains(report, "HTTP 403, Forbidden resource: No balance for … of … (100050)") {
		t.Errorf("report:\n%s", report)
	}
}
