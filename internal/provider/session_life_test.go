package provider

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine/simulated"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

var (
	lifeSeed  = flag.Uint64("life.seed", 1001, "the first seed of the lives of TestLife; from here on, the first hundred have each letter")
	lifeCount = flag.Uint64("life.count", 0, "how many lives TestLife runs; 0 means a number that suits CI")
	lifeFor   = flag.Duration("life.for", 0, "how long TestLife goes on with further seeds")
)

// lifeDeadline is when -life.for ends, by the wall clock.
var lifeDeadline = sync.OnceValue(func() time.Time { return time.Now().Add(*lifeFor) }) //nolint:forbidigo // a budget, not a behaviour

// TestLife_AnySequenceKeepsThePromises lives lives of a user: letters of the alphabet
// in any order, each followed by runs that the rules judge. A life that breaks a rule is
// made as short as it can be, and printed.
func TestLife_AnySequenceKeepsThePromises(t *testing.T) {
	t.Parallel()
	count, failFast := *lifeCount, flag.Lookup("test.failfast").Value.String() == "true"
	if count == 0 && *lifeFor == 0 {
		count = 400
		if built, ok := debug.ReadBuildInfo(); ok && slices.Contains(built.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
			count = 100 // Each takes several times as long.
		}
	}
	var (
		next   atomic.Uint64
		mu     sync.Mutex
		shards sync.WaitGroup
	)
	spelled, broken := make(map[string]bool), map[string]bool{"": true}
	for range runtime.GOMAXPROCS(0) {
		shards.Go(func() {
			server := newLifeServer(t)
			for {
				i := next.Add(1) - 1
				if i >= count && (*lifeFor == 0 || time.Now().After(lifeDeadline())) || failFast && t.Failed() { //nolint:forbidigo // a budget
					return
				}
				words := newWords(*lifeSeed + i)
				l := server.live(t.Context(), words)
				mu.Lock()
				maps.Copy(spelled, l.spelled)
				known := broken[l.broken.rule]
				broken[l.broken.rule] = true
				mu.Unlock()
				if !known {
					t.Errorf("-life.seed=%d -life.count=1: %s", *lifeSeed+i, server.shortest(t.Context(), words, l))
				}
			}
		})
	}
	shards.Wait()
	t.Logf("%d lives from seed %d", next.Load()-uint64(runtime.GOMAXPROCS(0)), *lifeSeed) // #nosec G115 -- a small positive number
	for _, l := range alphabet {
		if l.weight == 0 || spelled[l.name] {
			continue
		}
		t.Logf("no life has the letter %q", l.name)
		if *lifeCount == 0 && *lifeFor == 0 && !t.Failed() {
			t.Error("the lives of CI have to have each letter")
		}
	}
}

// word is a letter with the seed of what it draws. A life without one of its words is
// a life, too, so that a failing one can be shortened.
type word struct {
	letter
	seed uint64
}

// newWords draws a life: some instances and a run, then up to six times some letters
// and a run.
func newWords(seed uint64) (words []word) {
	rng := rand.New(rand.NewPCG(seed, 0)) // #nosec G404 -- to be repeatable
	say := func(l letter) { words = append(words, word{l, rng.Uint64() | 1}) }
	for range 1 + rng.IntN(3) {
		say(letter{"add an instance", 0, (*life).add})
	}
	apply := letter{"apply", 0, func(l *life, d draw) string { l.execute(d); return "run" }}
	say(apply)
	var weighted []letter
	for _, l := range alphabet {
		weighted = append(weighted, slices.Repeat([]letter{l}, l.weight)...)
	}
	for range 1 + rng.IntN(6) {
		for range rng.IntN(7) {
			say(weighted[rng.IntN(len(weighted))])
		}
		say(apply)
	}
	return append(words, word{apply, 0})
}

// draw is what a letter draws from its seed. Without a seed it is the first of all.
type draw struct{ rng *rand.Rand }

func newDraw(seed, stream uint64) draw {
	if seed == 0 {
		return draw{}
	}
	return draw{rand.New(rand.NewPCG(seed, stream))} // #nosec G404 -- to be repeatable
}

func (d draw) n(below int) int {
	if d.rng == nil || below < 2 {
		return 0
	}
	return d.rng.IntN(below)
}

// one is one of several; ok is false for none.
func one[T any](d draw, of []T) (chosen T, ok bool) {
	if len(of) == 0 {
		return chosen, false
	}
	return of[d.n(len(of))], true
}

func among[T any](d draw, of ...T) T { return of[d.n(len(of))] }

// brokenRule is how a life ends that breaks a rule. The rule is its format.
type brokenRule struct{ rule, text string }

// breaker is the failer of a life.
type breaker struct{}

func (breaker) Helper()                             {}
func (b breaker) Errorf(format string, args ...any) { b.Fatalf(format, args...) }
func (breaker) Fatalf(format string, args ...any) {
	panic(brokenRule{format, fmt.Sprintf(format, args...)})
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

// live lives a life up to the rule that it breaks, if any.
func (s *lifeServer) live(ctx context.Context, words []word) (l *life) {
	l = s.newLife(ctx, words)
	defer s.CloseClientConnections()
	defer func() {
		if reason := recover(); reason != nil {
			var ok bool
			if l.broken, ok = reason.(brokenRule); !ok {
				panic(reason)
			}
			if l.broken.rule == "the graph has a cycle" {
				l.broken = brokenRule{} // Terraform 1.11 refuses to apply such a plan, too.
			}
		}
	}()
	for _, w := range words {
		at := len(l.told)
		if said := w.do(l, newDraw(w.seed, 0)); said != "" {
			l.spelled[w.name] = true
			l.told = slices.Insert(l.told, at, "# "+w.name+": "+said)
		}
	}
	return l
}

// shortest removes what a broken life does not need to break the same rule, and
// describes what is left.
func (s *lifeServer) shortest(ctx context.Context, words []word, l *life) string {
	try := func(shorter []word) bool {
		if len(shorter) == 0 {
			return false
		}
		again := s.live(ctx, shorter)
		if again.broken.rule != l.broken.rule {
			return false
		}
		words, l = shorter, again
		return true
	}
	for size := max(1, len(words)/2); size > 0; size /= 2 {
		for removed := true; removed; {
			removed = false
			for i := 0; i+size <= len(words); {
				if try(slices.Delete(slices.Clone(words), i, i+size)) {
					removed = true
				} else {
					i += size
				}
			}
		}
	}
	for i := range words {
		simpler := slices.Clone(words)
		simpler[i].seed = 0
		try(simpler)
	}
	return fmt.Sprintf("%s\n--- the life:\n%s", l.broken.text, strings.Join(l.told, "\n"))
}

// life is a user's workspace over days, with several instances of both resources.
type life struct {
	*story
	options sandbox.Options
	next    run
	// memory is what the rules of later runs depend on.
	memory map[address]memory
	// released are created sessions that the user gave away, extended are those that
	// an action has extended in the run, keys the credentials that runs have had, and
	// spelled the letters that had an effect.
	released, extended, keys, spelled map[string]bool
	// stopped says that the run was interrupted.
	stopped atomic.Bool
	// told is the life as a person reads it, shown the configuration in it.
	told   []string
	shown  string
	broken brokenRule
}

// memory is what a user remembers of an instance.
type memory struct {
	// unsent says that arguments were changed after the end, doubtful that a fault
	// left open whether a lifetime was sent.
	unsent, doubtful bool
	// key names the credentials that found the session last, and end is the latest end
	// that they were told since the lifetime was set. untold says that a fault may have
	// hidden a later one.
	key    string
	end    time.Time
	untold bool
}

// eitherKey stands for credentials that a user cannot be sure of.
const eitherKey = "either"

// existingIDs are the sessions that something else has created.
var existingIDs = []string{"s1", "s2", "s3"}

func (s *lifeServer) newLife(ctx context.Context, words []word) *life {
	d := newDraw(words[0].seed, 1)
	options := sandbox.Options{ConnectResetsToNow: d.n(2) == 0}
	if d.n(4) == 1 {
		options.MaxTTL = among(d, time.Minute, 10*time.Minute, 50*time.Minute)
	}
	if d.n(4) == 1 {
		options.SessionLimit = len(existingIDs) + 1
	}
	f := newAccounts(options)
	f.url = s.URL
	s.current.Store(f)
	l := &life{
		story: newStoryOf(ctx, breaker{}, f), options: options, memory: make(map[address]memory),
		released: make(map[string]bool), keys: make(map[string]bool), spelled: make(map[string]bool),
	}
	if options.MaxTTL > 0 {
		l.tell("# the API grants at most %s", options.MaxTTL)
	}
	if options.SessionLimit > 0 {
		l.tell("# the API allows %d sessions", options.SessionLimit)
	}
	l.put(existingIDs...)
	return l
}

func (l *life) tell(format string, args ...any) {
	l.told = append(l.told, fmt.Sprintf(format, args...))
}

// breaks ends the life.
func (l *life) breaks(format string, args ...any) { l.t.Fatalf(format, args...) }

// run is the next command, and what is different about it.
type run struct {
	how command
	// key names the credentials.
	key string
	// planGate and applyGate say that plan and apply have renew_only.
	planGate, applyGate bool
	faults              []sandbox.Fault
	// planning says that the faults meet the plan, too.
	planning bool
	// during is what happens before the first, second or third step of the apply, and
	// unrest says that it changes what the run relies on.
	during [3][]func(at address)
	unrest bool
	// later says that the plan is saved, and what else happens before it is applied.
	later     bool
	meanwhile []func()
}

// happens makes something happen, at once or between plan and apply.
func (l *life) happens(do func()) {
	if l.next.later {
		l.next.meanwhile = append(l.next.meanwhile, do)
		return
	}
	do()
}

// use switches to credentials by name, and returns the account that they belong to.
func (l *life) use(key string) *sandbox.Sandbox {
	switch key {
	case "another account":
		l.useOther()
		return l.other
	case "another endpoint":
		l.provider = pairOf(l.elsewhereURL(), testClientID)
		return l.elsewhere
	case "a rotated key":
		l.useKey()
	default:
		l.provider = pairOf(l.url, testClientID)
	}
	return l.Sandbox
}

// begin makes the next process, in a world with or without faults.
func (l *life) begin(r run, gate, faults bool) (heal func()) {
	l.use(r.key)
	l.provider["renew_only"] = gate
	l.ResetRequests()
	heals := []func(){l.wait}
	for _, fault := range r.faults {
		for _, box := range l.boxes() {
			if faults && (fault.Name != "lagging" || box == l.Sandbox) { // It answers with the sessions of one.
				heals = append(heals, box.Inject(fault))
			}
		}
	}
	return func() {
		for _, heal := range heals {
			heal()
		}
	}
}

// execute plans, and applies if the plan has no error.
func (l *life) execute(d draw) {
	r := l.next
	l.next, l.extended, l.Pick = run{}, make(map[string]bool), d.n
	l.keys[r.key] = true
	l.stopped.Store(false)
	if hcl := l.config.HCL(0); hcl != l.shown {
		l.shown = hcl
		l.tell("%s", strings.TrimSpace(hcl))
	}
	l.tell("$ terraform %s%s", r.how, r)
	for at, b := range l.config {
		if _, waits := l.State.Current[b.MovedFrom]; waits && l.id(at) == "" {
			l.memory[at] = l.memory[b.MovedFrom]
		}
	}
	j := judged{life: l, run: r, gated: r.planGate, world: l.observe(r.key), before: l.State.Clone()}
	heal := l.begin(r, r.planGate, r.planning)
	j.plan = l.Plan(l.config, r.how)
	heal()
	l.tellProblems(j.plan.Problems)
	l.tell("  plan: %v", actionsOf(j.plan))
	j.fault, j.planFault = l.met("lagging"), l.met("")
	j.judgePlan()
	if j.plan.Failed() {
		return
	}
	for _, do := range r.meanwhile {
		do()
	}
	j.gated, j.at = r.applyGate, l.observe(r.key)
	heal = l.begin(r, r.applyGate, true)
	l.server, _ = l.start().(*Server)
	step := 0
	l.BeforeApply = func(at address) (context.Context, bool) {
		if step < len(r.during) {
			for _, do := range r.during[step] {
				do(at)
			}
		}
		step++
		return l.Ctx, !l.stopped.Load()
	}
	j.out = l.Apply(j.plan)
	heal()
	l.server = nil
	j.fault, j.after = l.stopped.Load() || r.unrest && step > 0 || l.met("lagging"), l.observe(r.key)
	l.tellProblems(j.out.Problems)
	for _, sent := range l.Requests() {
		if sent.Method != http.MethodGet {
			l.tell("  sent: %s %s, answer %d", sent.Method, sent.SessionID, sent.Status)
		}
	}
	j.judgeApply()
	l.remember(j)
	if r.ordinary() && !j.out.Failed() && !j.out.Skipped && !j.fault {
		j.judgeQuiet()
	}
}

// ordinary says that nothing is special about a run.
func (r run) ordinary() bool {
	return r.key == "" && !r.planGate && !r.applyGate && len(r.faults) == 0 && !r.later && len(slices.Concat(r.during[:]...)) == 0 &&
		!r.how.NoRefresh && !r.how.RefreshOnly && !r.how.Destroy && r.how.Target == nil && r.how.Exclude == nil
}

func (r run) String() string {
	var text string
	if r.key != "" {
		text += " with " + r.key
	}
	if r.applyGate {
		text += fmt.Sprintf(" with renew_only (in the plan: %t)", r.planGate)
	}
	for _, fault := range r.faults {
		text += fmt.Sprintf(", %s answers %s", cmp.Or(string(fault.Operation), "the API"), fault.Name)
	}
	return text
}

// met says whether a fault met the run, other than one of a name.
func (l *life) met(except string) bool {
	return slices.ContainsFunc(l.Requests(), func(r sandbox.Request) bool { return r.Fault != "" && r.Fault != except })
}

func (l *life) tellProblems(problems []problem) {
	for _, found := range problems {
		l.tell("  %s", strings.ReplaceAll(problemText([]problem{found}), "\n", " "))
	}
}

// remember notes what the rules of later runs depend on.
func (l *life) remember(j judged) {
	for at, held := range l.State.Current {
		session, found := j.world.mine[idIn(held)]
		m, how := l.memory[at], j.plan.Command
		_, was := j.before.Current[at]
		_, moved := j.before.Current[l.config[at].MovedFrom]
		imported := l.config[at].Import != "" && !was && !moved
		if imported {
			m = memory{}
		}
		isRead := imported || !how.NoRefresh && (!how.MinimalRefresh || j.plan.Changes[at].Action != noOp)
		switch {
		case !j.included(at), !isRead:
		case found:
			switch later := session.ExpiresAt.After(m.end); {
			case later && j.planFault:
				m.untold = true
			case later, m.key == "nobody":
				m.end = session.ExpiresAt
			}
			if m.key != j.run.key && (how.OrphansFirst || how.MinimalRefresh || j.planFault || j.out.Failed()) {
				m.key = eitherKey // A fault may hide the session, and a failed change lose what its plan has read.
				break
			}
			m.key = j.run.key
		case j.deceived():
			m.key = eitherKey
		}
		l.memory[at] = m
	}
	sent := j.sent()
	for at, c := range j.plan.Changes {
		m, held := l.memory[at], l.State.Current[at]
		done, ok := j.out.Done[at]
		if (ok || held.Tainted) && writes(c) && isActive(held) && (sent[idIn(held)] > 0 || c.Action != update) {
			m.key, m.end, m.untold = j.run.key, endOf(held), false
		}
		switch {
		case !ok:
			// An update that met the end of the session may have noted that its
			// arguments were not sent.
			m.doubtful = m.doubtful || j.fault || c.Action == update
			if c.Before.Tainted {
				m.key = "nobody" // Its note goes with the plan of a replacement that fails.
			}
		case done == destroyOnly, done == simulated.Forget:
			m = memory{}
		case done == create, done.Replaces():
			m.unsent, m.doubtful = false, j.fault
		case writes(c) && isActive(held):
			m.unsent, m.doubtful = false, false
		case done == update && !isActive(c.Before) && argumentsChanged(change{Before: c.Before, Planned: held.Value}):
			m.unsent = true
		}
		l.memory[at] = m
		// What happened once is over, and what only apply knew is known from now on.
		if b, configured := l.config[at]; configured && ok {
			b.Later, b.ProvisionerFails = nil, false
			if l.config[at] = b; b.Forget {
				delete(l.config, at)
			}
		}
	}
	for at, b := range l.config {
		if b.DependentFails = false; l.id(at) != "" {
			b.MovedFrom, b.Import = address{}, ""
		}
		l.config[at] = b
	}
}
