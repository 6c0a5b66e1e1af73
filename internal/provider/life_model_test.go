package provider_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// life is a user's workspace over days: several instances of both resources,
// whatever the user does to them, and whatever happens to their sessions.
type life struct {
	*simulated
	t        *rapid.T
	accounts *accounts
	box      *sandbox.Sandbox
	clock    *sandbox.Clock
	url      string
	capped   time.Duration
	// options are those of the sandbox.
	options sandbox.Options
	config  configuration
	saved   *plannedRun
	// savedAt is when the saved plan was made.
	savedAt time.Time
	// unsent are instances whose arguments were changed after their end.
	unsent map[address]bool
	// doubtful are those whose creation was disturbed: their lifetime may have
	// been set or not.
	doubtful map[address]bool
	// released are created sessions that need not be in the state any more.
	released map[string]bool
	// maybeCreated counts creates whose answer was lost.
	maybeCreated int
	// rotatedOnce says that another key of the account was used at least once.
	rotatedOnce bool
	// settled says that the last run has come, after which a plan is empty.
	settled bool
	story   []string
	// next is what has happened since the last command, and done are the commands
	// so far with what was before them.
	next step
	done []step
	// replayable leaves out what a real engine does in another order, or has no
	// option for.
	replayable bool
	// always is what every command has, because the engine to be compared with
	// does so.
	always command
}

// circumstance is what is different about one run.
type circumstance struct {
	name string
	// otherAccount and rotated are other credentials.
	otherAccount, rotated bool
	// fault meets requests of the apply, or of the plan where planning is set.
	fault    sandbox.Fault
	planning bool
	// interrupt is after how many changes the user interrupts the apply; -1 is
	// never.
	interrupt int
}

func (c circumstance) faulty() bool { return c.fault.Effect != nil }

// disturbed says that the run is not to be judged like one of an ordinary day.
func (c circumstance) disturbed() bool {
	return c.faulty() || c.otherAccount || c.interrupt >= 0
}

const maxSteps = 6

// TestLife_AnySequenceKeepsThePromises runs -life.shards times 100 lives (20 with
// the race detector, which is several times slower).
func TestLife_AnySequenceKeepsThePromises(t *testing.T) {
	t.Parallel()
	shards := *lifeShards
	if raceEnabled {
		shards = 2
	}
	for i := range shards {
		t.Run(fmt.Sprintf("%02d", i), func(t *testing.T) {
			t.Parallel()
			var current atomic.Pointer[accounts]
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { current.Load().ServeHTTP(w, r) }))
			defer server.Close()
			checkFrom(t, *lifeSeed+i*1_000_000, func(rt *rapid.T) {
				l := newLife(t.Context(), rt, server.URL)
				current.Store(l.accounts)
				defer server.CloseClientConnections()
				l.live()
			})
		})
	}
}

// lifeSeed is fixed, so that a change is judged by the lives that the one before
// it passed; make life runs others.
var (
	lifeSeed   = flag.Uint64("life.seed", 1, "the first seed of the lives of TestLife")
	lifeShards = flag.Uint64("life.shards", 5, "how many hundreds of lives TestLife runs")
	seeding    sync.Mutex
)

// checkFrom is rapid.Check with a seed. rapid takes it from a flag, once, before
// it first calls the property.
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

func newLife(ctx context.Context, t *rapid.T, url string) *life {
	clock := sandbox.NewClock(testStart)
	options := sandbox.Options{Now: clock.Now, ConnectResetsToNow: rapid.Bool().Draw(t, "connect resets to now")}
	if rapid.IntRange(0, 3).Draw(t, "capped") == 0 {
		options.MaxTTL = rapid.SampledFrom([]time.Duration{time.Minute, 10 * time.Minute, 50 * time.Minute}).Draw(t, "cap")
	}
	both := newAccounts(options)
	l := &life{
		simulated: newSimulated(ctx, t, pairOf(url, testClientID)), t: t, accounts: both, box: both.own, clock: clock, url: url, capped: options.MaxTTL, options: options,
		config: make(configuration), unsent: make(map[address]bool), doubtful: make(map[address]bool), released: make(map[string]bool),
	}
	l.pick = func(n int) int {
		if n == 1 {
			return 0
		}
		return rapid.IntRange(0, n-1).Draw(t, "next")
	}
	for _, id := range existingIDs {
		event{kind: comesBack, session: id}.happen(both, clock, nil)
	}
	return l
}

// tell notes what happened, for whoever reads a failure.
func (l *life) tell(format string, args ...any) {
	l.story = append(l.story, fmt.Sprintf(format, args...))
}

func (l *life) fail(format string, args ...any) {
	l.t.Helper()
	l.t.Fatalf("%s\n--- after\n%s", fmt.Sprintf(format, args...), strings.Join(l.story, "\n"))
}

func (l *life) live() {
	for range rapid.IntRange(1, 3).Draw(l.t, "instances") {
		l.add()
	}
	l.run(command{}, circumstance{interrupt: -1})
	for range rapid.IntRange(1, maxSteps).Draw(l.t, "steps") {
		for range rapid.IntRange(0, 2).Draw(l.t, "events") {
			l.happen()
		}
		for range rapid.IntRange(0, 2).Draw(l.t, "edits") {
			l.edit()
		}
		l.command()
	}
	l.settle()
}

// oneOfThese calls one of the functions, each as likely as its weight.
func (l *life) oneOfThese(what string, choices ...choice) {
	var names []string
	for _, c := range choices {
		names = append(names, slices.Repeat([]string{c.name}, c.weight)...)
	}
	name := rapid.SampledFrom(names).Draw(l.t, what)
	for _, c := range choices {
		if c.name == name {
			c.do()
			return
		}
	}
}

type choice struct {
	name   string
	weight int
	do     func()
}

// event is something that happens to a session, or to all of them.
type event struct {
	kind eventKind
	// session is an id, or the address of the instance that manages it.
	session string
	seconds int
}

type eventKind string

const (
	timePasses    eventKind = "time passes"
	clientJoins   eventKind = "client connects"
	clientLeaves  eventKind = "client hangs up"
	expiryMoved   eventKind = "another tool moves the expiry"
	deletedByTool eventKind = "another tool deletes"
	comesBack     eventKind = "session comes back"
)

func (e event) String() string {
	return fmt.Sprintf("%s: %s %s", e.kind, e.session, time.Duration(e.seconds)*time.Second)
}

// happen makes it happen; idOf finds the session of an instance.
func (e event) happen(both *accounts, clock *sandbox.Clock, idOf func(address string) string) {
	box := both.own
	if strings.HasPrefix(e.session, sessionType+".") {
		e.session = idOf(e.session)
	}
	if _, elsewhere := both.other.Session(e.session); elsewhere {
		return
	}
	switch e.kind {
	case timePasses:
		clock.Advance(time.Duration(e.seconds) * time.Second)
	case clientJoins:
		box.Connect(e.session)
	case clientLeaves:
		box.Disconnect(e.session)
		clock.Advance(2 * time.Minute)
	case expiryMoved:
		if session, ok := box.Session(e.session); ok {
			session.ExpiresAt = clock.Now().Add(time.Duration(e.seconds) * time.Second)
			box.Put(session)
		}
	case deletedByTool:
		box.Remove(e.session)
	case comesBack:
		box.Put(sandbox.Session{ID: e.session, CreatedAt: clock.Now(), ExpiresAt: clock.Now().Add(24 * time.Hour)})
	}
}

// happen is something that is not the user's doing.
func (l *life) happen() {
	e := event{kind: rapid.SampledFrom([]eventKind{
		timePasses, timePasses, timePasses, timePasses, clientJoins, clientJoins, clientLeaves, clientLeaves,
		expiryMoved, expiryMoved, deletedByTool, deletedByTool, comesBack,
	}).Draw(l.t, "event")}
	if e.kind == timePasses || e.kind == expiryMoved {
		e.seconds = rapid.OneOf(rapid.IntRange(1, 90), rapid.IntRange(1, 3*3600)).Draw(l.t, "seconds")
	}
	if e.kind != timePasses {
		known := slices.Clone(existingIDs)
		for _, at := range slices.SortedFunc(maps.Keys(l.state.current), compareAddresses) {
			if at.kind == sessionType {
				known = append(known, at.String())
			}
		}
		e.session = known[rapid.IntRange(0, len(known)-1).Draw(l.t, "session")]
	}
	l.tell("%s", e)
	l.next.events = append(l.next.events, e)
	e.happen(l.accounts, l.clock, func(at string) string {
		return text(l.state.current[address{sessionType, strings.TrimPrefix(at, sessionType+".")}].value, "id")
	})
}

// existingIDs are the sessions that something else has created.
var existingIDs = []string{"s1", "s2", "s3"}

var (
	roomNames    = []string{"it[0]", "it[1]", "it[2]", "it[3]"}
	managedNames = []string{"m", "n"}
)

// draw is one of several addresses; ok is false without any.
func (l *life) draw(what string, from []address) (at address, ok bool) {
	if len(from) == 0 {
		return at, false
	}
	return from[rapid.IntRange(0, len(from)-1).Draw(l.t, what)], true
}

func (l *life) configured(kind string) (all []address) {
	for at := range l.config {
		if kind == "" || at.kind == kind {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, compareAddresses)
	return all
}

// add adds an instance.
func (l *life) add() {
	if rapid.IntRange(0, 3).Draw(l.t, "managed") == 0 {
		at := address{sessionType, rapid.SampledFrom(managedNames).Draw(l.t, "name")}
		if _, ok := l.config[at]; !ok {
			b := block{arguments: make(attributes)}
			l.drawArguments(at.kind, &b)
			l.config[at] = b
			l.tell("add %s: %s", at, describe(b))
		}
		return
	}
	at := room(rapid.SampledFrom(roomNames).Draw(l.t, "name"))
	if _, ok := l.config[at]; ok {
		return
	}
	b := block{arguments: make(attributes)}
	l.drawArguments(at.kind, &b)
	l.drawSession(&b)
	l.config[at] = b
	l.tell("add %s: %s", at, describe(b))
}

// drawSession gives a block a session: one of three, or a managed one.
func (l *life) drawSession(b *block) {
	delete(b.arguments, "session_id")
	b.needs = ""
	if managed, ok := l.draw("of", l.configured(sessionType)); ok && rapid.IntRange(0, 3).Draw(l.t, "by reference") == 0 {
		b.needs = managed.name
		return
	}
	b.arguments["session_id"] = stringOf(rapid.SampledFrom(existingIDs).Draw(l.t, "session_id"))
}

func (l *life) drawArguments(kind string, b *block) {
	ttls := []int{600, 3600, 7200}
	ttl := rapid.SampledFrom(ttls).Draw(l.t, "ttl_seconds")
	delete(b.arguments, "renew_before_seconds")
	delete(b.arguments, "renew_triggers")
	delete(b.arguments, "ttl_seconds")
	if kind == expiryType || rapid.IntRange(0, 3).Draw(l.t, "with a ttl") > 0 {
		b.arguments["ttl_seconds"] = numberOf(ttl)
		if lead := rapid.SampledFrom([]int{0, 0, ttl / 4, ttl / 2, ttl - 1}).Draw(l.t, "renew_before_seconds"); lead > 0 {
			b.arguments["renew_before_seconds"] = numberOf(lead)
		}
		if release := rapid.IntRange(0, 2).Draw(l.t, "release"); release > 0 {
			b.arguments["renew_triggers"] = triggersOf(fmt.Sprintf("secret-trigger-%d", release))
		}
	}
	b.arguments["delete_on_destroy"] = boolOf(rapid.IntRange(0, 4).Draw(l.t, "forget on destroy") > 0)
	b.createBeforeDestroy = rapid.IntRange(0, 5).Draw(l.t, "create first") == 0
}

func describe(b block) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(b.arguments)) {
		value := b.arguments[name].String()
		if i := strings.Index(value, "<"); i >= 0 {
			value = value[i:]
		}
		parts = append(parts, name+" "+value)
	}
	if b.needs != "" {
		parts = append(parts, "session_id of "+b.needs)
	}
	if b.createBeforeDestroy {
		parts = append(parts, "create first")
	}
	if len(b.later) > 0 {
		parts = append(parts, fmt.Sprintf("known after apply: %q", b.later))
	}
	return strings.Join(parts, ", ")
}

// edit is an edit of the configuration, or of the state by its commands.
func (l *life) edit() {
	l.oneOfThese("edit",
		choice{"add", 3, l.add},
		choice{"remove", 2, func() {
			if at, ok := l.draw("instance", l.configured("")); ok {
				l.remove(at)
			}
		}},
		choice{"rename", 2, l.rename},
		choice{"shift", 2, l.shift},
		choice{"arguments", 5, func() {
			if at, ok := l.draw("instance", l.configured("")); ok {
				b := l.copyOf(at)
				l.drawArguments(at.kind, &b)
				l.config[at] = b
				l.tell("change %s: %s", at, describe(b))
			}
		}},
		choice{"another session", 1, func() {
			if at, ok := l.draw("instance", l.configured(expiryType)); ok {
				b := l.copyOf(at)
				l.drawSession(&b)
				l.config[at] = b
				l.tell("change %s: %s", at, describe(b))
			}
		}},
		choice{"known after apply", 2, l.knowLater},
		choice{"taint", 1, func() {
			if at, ok := l.draw("instance", slices.SortedFunc(maps.Keys(l.state.current), compareAddresses)); ok {
				held := l.state.current[at]
				held.tainted = true
				l.state.current[at] = held
				l.serial++
				l.next.onState("taint", at)
				l.tell("taint %s", at)
			}
		}},
		choice{"state rm", 1, func() {
			if at, ok := l.draw("instance", slices.SortedFunc(maps.Keys(l.state.current), compareAddresses)); ok {
				l.released[text(l.state.current[at].value, "id")] = true
				delete(l.state.current, at)
				delete(l.unsent, at)
				l.serial++
				l.next.onState("state rm", at)
				l.tell("state rm %s", at)
				l.remove(at)
			}
		}},
	)
}

func (l *life) copyOf(at address) block {
	b := l.config[at]
	b.arguments = maps.Clone(b.arguments)
	b.later = nil
	return b
}

// remove removes an instance, and those that refer to it.
func (l *life) remove(at address) {
	delete(l.config, at)
	l.tell("remove %s", at)
	if at.kind != sessionType {
		return
	}
	for other, b := range l.config {
		if b.needs == at.name {
			delete(l.config, other)
			l.tell("remove %s, which refers to it", other)
		}
	}
}

// rename renames an instance, with a moved block or without.
func (l *life) rename() {
	from, ok := l.draw("instance", l.configured(expiryType))
	if !ok {
		return
	}
	to := room(rapid.SampledFrom(roomNames).Draw(l.t, "to"))
	if _, taken := l.config[to]; taken {
		return
	}
	l.config[to] = l.config[from]
	delete(l.config, from)
	held, exists := l.state.current[from]
	_, taken := l.state.current[to]
	if rapid.Bool().Draw(l.t, "moved") && exists && !taken {
		// The state moves with the next run that stores one; the block stays, so
		// that it does not matter which.
		l.state.current[to] = held
		delete(l.state.current, from)
		l.unsent[to] = l.unsent[from]
		delete(l.unsent, from)
		l.next.onState("state mv", from, to)
		l.serial++
		l.tell("rename %s to %s, moved", from, to)
		return
	}
	l.tell("rename %s to %s", from, to)
}

// shift removes an element of a list that count goes through: every later one
// moves up.
func (l *life) shift() {
	rooms := l.configured(expiryType)
	if len(rooms) < 2 {
		return
	}
	first := rapid.IntRange(0, len(rooms)-2).Draw(l.t, "removed")
	for i := first; i < len(rooms)-1; i++ {
		l.config[rooms[i]] = l.config[rooms[i+1]]
	}
	if rapid.Bool().Draw(l.t, "rotate") {
		l.tell("rotate %v", rooms[first:])
		return
	}
	delete(l.config, rooms[len(rooms)-1])
	l.tell("shift %v", rooms[first:])
}

// knowLater makes an argument known only after apply.
func (l *life) knowLater() {
	at, ok := l.draw("instance", l.configured(expiryType))
	if !ok {
		return
	}
	b := l.copyOf(at)
	name := rapid.SampledFrom([]string{"session_id", "ttl_seconds", "renew_before_seconds", "renew_triggers"}).Draw(l.t, "argument")
	if _, said := b.arguments[name]; !said && (l.replayable || name == "session_id") {
		return
	}
	b.later = []string{name}
	l.config[at] = b
	l.tell("%s of %s is known after apply", name, at)
}

// command is something that the user types.
func (l *life) command() {
	what := l.drawCircumstance()
	l.oneOfThese("command", slices.DeleteFunc([]choice{
		{"apply", 8, func() { l.run(command{}, what) }},
		{"-refresh=false", 2, func() { l.run(command{noRefresh: true}, what) }},
		{"-minimal-refresh", 1, func() { l.run(command{minimalRefresh: true}, what) }},
		{"orphans first", 2, func() { l.run(command{orphansFirst: true}, what) }},
		{"-refresh-only", 1, func() { l.run(command{refreshOnly: true}, what) }},
		{"-replace", 2, func() {
			var how command
			if at, ok := l.draw("instance", l.configured("")); ok {
				how.replace = []address{at}
			}
			l.run(how, what)
		}},
		{"save a plan", 2, func() { l.save() }},
		{"apply the saved plan", 3, func() { l.applySaved(what) }},
		{"destroy one", 1, func() {
			if at, ok := l.draw("instance", l.configured("")); ok {
				l.run(command{destroy: true, target: &at}, what)
			}
		}},
		{"destroy", 1, func() { l.run(command{destroy: true, noRefresh: rapid.Bool().Draw(l.t, "-refresh=false")}, what) }},
	}, func(c choice) bool {
		return l.replayable && (c.name == "-minimal-refresh" || c.name == "orphans first")
	})...)
}

func (l *life) drawCircumstance() circumstance {
	what := circumstance{interrupt: -1}
	l.oneOfThese("circumstance", slices.DeleteFunc([]choice{
		{"none", 14, func() {}},
		{"other account", 2, func() { what.name, what.otherAccount = "with credentials of another account", true }},
		{"rotated key", 1, func() { what.name, what.rotated = "with another key of the same account", true }},
		{"lost answer", 2, func() {
			operation := rapid.SampledFrom([]sandbox.Operation{sandbox.OperationExpiry, sandbox.OperationCreate, sandbox.OperationDelete, sandbox.OperationGet}).Draw(l.t, "operation")
			what.name = "an answer to " + string(operation) + " is lost"
			what.fault = sandbox.Fault{Name: "lost", Operation: operation, Count: 1, Skip: rapid.IntRange(0, 1).Draw(l.t, "skip"), Effect: sandbox.CutAfter()}
		}},
		{"failing reads", 2, func() {
			what.name, what.planning = "reads fail", rapid.Bool().Draw(l.t, "while planning")
			what.fault = sandbox.Fault{Name: "502", Operation: sandbox.OperationGet, Effect: sandbox.HTMLError(http.StatusBadGateway)}
		}},
		{"interrupt", 1, func() {
			what.name, what.interrupt = "interrupted", rapid.IntRange(0, 2).Draw(l.t, "after")
		}},
	}, func(c choice) bool {
		return l.replayable && (c.name == "lost answer" || c.name == "interrupt" || c.name == "failing reads")
	})...)
	return what
}

func (c command) String() string {
	parts := []string{"apply"}
	if c.destroy {
		parts[0] = "destroy"
	}
	for name, set := range map[string]bool{
		"-refresh=false": c.noRefresh, "-refresh-only": c.refreshOnly, "-minimal-refresh": c.minimalRefresh, "(orphans first)": c.orphansFirst,
	} {
		if set {
			parts = append(parts, name)
		}
	}
	if len(c.replace) > 0 {
		parts = append(parts, fmt.Sprintf("-replace=%v", c.replace))
	}
	if c.target != nil {
		parts = append(parts, "-target="+c.target.String())
	}
	return strings.Join(parts, " ")
}

// brief is a value without what no rule looks at.
func brief(value tftypes.Value) string {
	if value.IsNull() {
		return "null"
	}
	var parts []string
	for _, name := range []string{"id", "session_id", "ttl_seconds", "renew_before_seconds", "renew_triggers", "delete_on_destroy", "expires_at", "renew_at", "active"} {
		if attribute := member(value, name); attribute.Type() != nil {
			said := attribute.String()
			parts = append(parts, name+" "+said[strings.Index(said, "<"):])
		}
	}
	return strings.Join(parts, ", ")
}

// isTrue is false for null and unknown.
func isTrue(value tftypes.Value) bool { return value.Equal(boolOf(true)) }
