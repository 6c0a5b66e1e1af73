package provider_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// life is one instance of the resource, one session, and whatever happens to
// the two.
type life struct {
	*protocol
	t       *rapid.T
	box     *sandbox.Sandbox
	clock   *sandbox.Clock
	capped  bool
	current instance
	// planConfig is config with some of it unknown until apply.
	config, planConfig tftypes.Value
	saved              *proposal
}

func TestAnySequenceOfEventsKeepsThePromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		clock := sandbox.NewClock(testStart)
		options := sandbox.Options{ClientID: testClientID, ClientSecret: testClientSecret, Now: clock.Now}
		if rapid.IntRange(0, 3).Draw(rt, "capped") == 0 {
			options.MaxTTL = rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 10 * time.Minute}).Draw(rt, "cap")
		}
		box := sandbox.New(options)
		server := httptest.NewServer(box)
		defer server.Close()
		l := &life{
			protocol: newProtocol(t.Context(), rt, server.URL), t: rt,
			box: box, clock: clock, capped: options.MaxTTL > 0,
		}
		l.current.state = l.none()
		box.Put(sandbox.Session{ID: testSessionID})
		box.Put(sandbox.Session{ID: "another.session", ExpiresAt: testStart.AddDate(100, 0, 0)})
		l.configure(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"clock":        l.moveClock,
			"configure":    l.configure,
			"move expiry":  l.moveExpiry,
			"connection":   l.connectOrDisconnect,
			"delete":       func(*rapid.T) { box.Remove(testSessionID) },
			"bring back":   func(*rapid.T) { box.Put(sandbox.Session{ID: testSessionID, CreatedAt: clock.Now()}) },
			"refresh":      l.refreshOnly,
			"save a plan":  func(rt *rapid.T) { l.saved = l.proposal(rt) },
			"apply saved":  l.applySaved,
			"run":          l.run,
			"failing run":  l.failingRun,
			"failing read": l.failingReadBack,
		})
	})
}

func (l *life) moveClock(t *rapid.T) {
	l.clock.Advance(time.Duration(rapid.OneOf(rapid.IntRange(1, 90), rapid.IntRange(1, 3*3600)).Draw(t, "seconds")) * time.Second)
}

func (l *life) moveExpiry(t *rapid.T) {
	if session, ok := l.box.Session(testSessionID); ok {
		session.ExpiresAt = l.clock.Now().Add(time.Duration(rapid.IntRange(1, 4*3600).Draw(t, "seconds left")) * time.Second)
		l.box.Put(session)
	}
}

func (l *life) connectOrDisconnect(t *rapid.T) {
	if rapid.Bool().Draw(t, "connect") {
		l.box.Connect(testSessionID)
	} else {
		l.box.Disconnect(testSessionID)
	}
}

func (l *life) configure(t *rapid.T) {
	ttl := rapid.SampledFrom([]int{1, 60, 61, 600, 3600, 7200}).Draw(t, "ttl_seconds")
	values := attributes{
		"session_id":  tftypes.NewValue(tftypes.String, testSessionID),
		"ttl_seconds": tftypes.NewValue(tftypes.Number, ttl),
		// Its default, which engines leave to the provider, is another test's.
		"delete_on_destroy": tftypes.NewValue(tftypes.Bool, rapid.Bool().Draw(t, "delete_on_destroy")),
	}
	if lead := rapid.IntRange(0, ttl-1).Draw(t, "renew_before_seconds"); lead > 0 {
		values["renew_before_seconds"] = tftypes.NewValue(tftypes.Number, lead)
	}
	triggers := tftypes.Map{ElementType: tftypes.String}
	if release := rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "release"); release != "" {
		values["renew_triggers"] = tftypes.NewValue(triggers, map[string]tftypes.Value{"release": tftypes.NewValue(tftypes.String, release)})
	}
	l.config = l.expiry(values)
	switch rapid.IntRange(0, 9).Draw(t, "unknown until apply") {
	case 0:
		values["ttl_seconds"] = tftypes.NewValue(tftypes.Number, tftypes.UnknownValue)
	case 1:
		values["renew_before_seconds"] = tftypes.NewValue(tftypes.Number, tftypes.UnknownValue)
	case 2:
		values["renew_triggers"] = tftypes.NewValue(triggers, tftypes.UnknownValue)
	}
	l.planConfig = l.expiry(values)
}

// writes are the requests of f that change something.
func (l *life) writes(f func()) []string {
	l.box.ResetRequests()
	f()
	var writes []string
	for _, request := range l.box.Requests() {
		if request.Method != http.MethodGet {
			writes = append(writes, request.Method)
		}
	}
	return writes
}

// refreshed is the instance after a refresh that must succeed. A session that
// exists must not leave the state, and nothing may be written.
func (l *life) refreshed(server tfprotov6.ProviderServer) instance {
	before := l.current
	var after instance
	var problem string
	if writes := l.writes(func() { after, _, problem = l.refresh(server, before) }); len(writes) > 0 || problem != "" {
		l.t.Fatalf("refresh: writes %q, error %q", writes, problem)
	}
	if _, exists := l.box.Session(testSessionID); exists && after.state.IsNull() && !before.state.IsNull() {
		l.t.Fatalf("the session exists and left the state")
	}
	return after
}

func (l *life) refreshOnly(*rapid.T) { l.current = l.refreshed(l.phase()) }

// proposal makes a plan, with or without a refresh before it, and checks that a
// renewal has a reason; nil when the plan is refused.
func (l *life) proposal(t *rapid.T) *proposal {
	server, prior := l.phase(), l.current
	fresh := rapid.IntRange(0, 4).Draw(t, "-refresh=false") > 0
	if fresh {
		prior = l.refreshed(server)
	}
	var (
		made    proposal
		problem string
	)
	if writes := l.writes(func() { made, problem = l.plan(server, prior, l.planConfig, l.config) }); len(writes) > 0 {
		t.Fatalf("plan: writes %q", writes)
	}
	ended := member(prior.state, "expired").Equal(tftypes.NewValue(tftypes.Bool, true))
	if problem != "" {
		if !ended || !strings.Contains(problem, "Session has reached its end") {
			t.Fatalf("plan: %s", problem)
		}
		return nil
	}
	made.refreshed = fresh
	if !made.creates() {
		l.checkReason(made, ended)
	}
	return &made
}

func (l *life) checkReason(made proposal, ended bool) {
	changed := false
	for _, name := range []string{"ttl_seconds", "renew_triggers"} {
		changed = changed || !member(made.planned, name).Equal(member(made.prior.state, name))
	}
	lead := member(made.planned, "renew_before_seconds")
	due := strings.Contains(made.warnings, "renew_before_seconds is")
	if reason := changed || due || !lead.IsKnown(); made.writes() != (reason && !ended) {
		l.t.Fatalf("plan writes: %t; arguments changed: %t, due: %t, lead time %s, ended: %t", made.writes(), changed, due, lead, ended)
	}
	if !made.refreshed || ended || changed || lead.IsNull() || !lead.IsKnown() {
		return
	}
	session, exists := l.box.Session(testSessionID)
	if !exists {
		l.t.Fatalf("a session that does not exist is in the refreshed state, not ended: %s", made.prior.state)
	}
	if left := int64(session.ExpiresAt.Sub(l.clock.Now()) / time.Second); due != (left < seconds(lead)) && (due || !l.capped) {
		l.t.Fatalf("renewal planned: %t, with %d s left and a lead time of %d s", due, left, seconds(lead))
	}
}
