package provider_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// life is a user's workspace over days, with several instances of both resources.
// Edits, commands and what happens to the sessions are drawn at random, and rules
// judge each plan and each apply.
type life struct {
	*story
	rt      *rapid.T
	options sandbox.Options
	saved   *plannedRun
	// unsent are instances whose arguments were changed after their end.
	unsent map[address]bool
	// doubtful are instances that may have their lifetime or not: their creation was
	// disturbed.
	doubtful map[address]bool
	// released are created sessions that need not be in the state any more.
	released map[string]bool
	// maybeCreated counts creates whose answer was lost.
	maybeCreated int
	// rotated says that another key of the account has been used.
	rotated bool
	// settled says that this is the last run, after which a plan is empty.
	settled bool
	// told is what a failure prints.
	told []string
	// next is what has happened since the last command; done are the commands.
	next step
	done []step
	// replayable leaves out what a real engine has no option for, or does in an order
	// of its own.
	replayable bool
	// always is part of each command: the engine to compare with does so.
	always command
}

// lifeSeed is fixed so that a change is judged by the same lives as the one before
// it; make life runs others.
var (
	lifeSeed   = flag.Uint64("life.seed", 1, "the first seed of the lives of TestLife")
	lifeShards = flag.Uint64("life.shards", 5, "how many hundreds of lives TestLife runs")
	seeding    sync.Mutex
)

// TestLife_AnySequenceKeepsThePromises runs 100 lives in each shard. With the race
// detector, which is several times slower, there are two shards of 20.
func TestLife_AnySequenceKeepsThePromises(t *testing.T) {
	t.Parallel()
	shards := *lifeShards
	if raceEnabled {
		shards = 2
	}
	for i := range shards {
		t.Run(fmt.Sprintf("%02d", i), func(t *testing.T) {
			t.Parallel()
			server := newLifeServer(t)
			checkFrom(t, *lifeSeed+i*1_000_000, func(rt *rapid.T) {
				defer server.CloseClientConnections()
				newLife(t.Context(), rt, server).live()
			})
		})
	}
}

// checkFrom is rapid.Check with a seed. rapid takes the seed from a flag, once,
// before it first calls the property.
func checkFrom(t *testing.T, seed uint64, property func(*rapid.T)) {
	t.Helper()
	seeding.Lock()
	begun := sync.OnceFunc(seeding.Unlock)
	if err := flag.Set("rapid.seed", strconv.FormatUint(seed, 10)); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		begun()
		property(rt)
	})
}

// lifeServer serves one life after the other.
type lifeServer struct {
	*httptest.Server
	current atomic.Pointer[fixture]
}

func newLifeServer(t *testing.T) *lifeServer {
	t.Helper()
	s := new(lifeServer)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.current.Load().ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	return s
}

func (s *lifeServer) newStory(ctx context.Context, t failer, options sandbox.Options) *story {
	f := newAccounts(options)
	f.url = s.URL
	s.current.Store(f)
	return newStoryOf(ctx, t, f)
}

// existingIDs are the sessions that something else has created.
var existingIDs = []string{"s1", "s2", "s3"}

func newLife(ctx context.Context, rt *rapid.T, server *lifeServer) *life {
	options := sandbox.Options{ConnectResetsToNow: rapid.Bool().Draw(rt, "connect resets to now")}
	if rapid.IntRange(0, 3).Draw(rt, "capped") == 0 {
		options.MaxTTL = rapid.SampledFrom([]time.Duration{time.Minute, 10 * time.Minute, 50 * time.Minute}).Draw(rt, "cap")
	}
	l := &life{
		story: server.newStory(ctx, rt, options), rt: rt, options: options,
		unsent: make(map[address]bool), doubtful: make(map[address]bool), released: make(map[string]bool),
	}
	l.put(existingIDs...)
	l.pick = func(n int) int {
		if n == 1 {
			return 0
		}
		return rapid.IntRange(0, n-1).Draw(rt, "next")
	}
	return l
}

func (l *life) live() {
	for range rapid.IntRange(1, 3).Draw(l.rt, "instances") {
		l.add()
	}
	l.execute(command{}, circumstance{})
	for range rapid.IntRange(1, 6).Draw(l.rt, "steps") {
		for range rapid.IntRange(0, 2).Draw(l.rt, "events") {
			l.happen()
		}
		for range rapid.IntRange(0, 2).Draw(l.rt, "edits") {
			l.edit()
		}
		l.command()
	}
	l.settle()
}

// settle is a last ordinary run, after which state and server agree.
func (l *life) settle() {
	l.settled = true
	l.execute(command{}, circumstance{})
	lost := 0
	for _, session := range l.Sessions() {
		if strings.HasPrefix(session.ID, "sandbox-user.") && !l.holds(session.ID) && !l.released[session.ID] {
			lost++
		}
	}
	if lost > l.maybeCreated {
		l.fail("%d created sessions are in no state, and %d errors said that one may have been created", lost, l.maybeCreated)
	}
}

func (l *life) tell(format string, args ...any) {
	l.told = append(l.told, fmt.Sprintf(format, args...))
}

func (l *life) tellProblems(problems []problem) {
	for _, found := range problems {
		l.tell("  %s", problemText([]problem{found}))
	}
}

// fail fails the test with all that has happened.
func (l *life) fail(format string, args ...any) {
	l.t.Fatalf("%s\n--- after\n%s", fmt.Sprintf(format, args...), strings.Join(l.told, "\n"))
}

// oneOfThese does one of the choices, each as often as its weight says.
func (l *life) oneOfThese(what string, choices ...choice) {
	var weighted []int
	for i, c := range choices {
		if !l.replayable || !c.simulatedOnly {
			weighted = append(weighted, slices.Repeat([]int{i}, c.weight)...)
		}
	}
	choices[rapid.SampledFrom(weighted).Draw(l.rt, what)].do()
}

type choice struct {
	weight int
	do     func()
	// simulatedOnly leaves it out of lives that a real engine repeats.
	simulatedOnly bool
}

// draw is one of several addresses; ok is false without any.
func (l *life) draw(from []address) (at address, ok bool) {
	if len(from) == 0 {
		return at, false
	}
	return from[rapid.IntRange(0, len(from)-1).Draw(l.rt, "instance")], true
}

// onOne does something with one of several addresses, and nothing without any.
func (l *life) onOne(from []address, do func(address)) func() {
	return func() {
		if at, ok := l.draw(from); ok {
			do(at)
		}
	}
}

// configured are the addresses of one type in the configuration, or all of them.
func (l *life) configured(kind string) []address {
	return slices.DeleteFunc(sorted(l.config), func(at address) bool { return kind != "" && at.kind != kind })
}
