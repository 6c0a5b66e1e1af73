package provider

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine/simulated"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

var (
	lifeSeed  = flag.Uint64("life.seed", 1, "the first seed of the lives of TestLife")
	lifeCount = flag.Uint64("life.count", 0, "how many lives TestLife runs; 0 means a number that suits CI")
	lifeFor   = flag.Duration("life.for", 0, "how long TestLife goes on with further seeds")
	// The alphabet is made once the flags are known.
	alphabet = sync.OnceValue(newAlphabet)
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
		if raceEnabled {
			count = 100
		}
	}
	var (
		next   atomic.Uint64
		mu     sync.Mutex
		spelt  = make(map[string]int)
		broken = make(map[string]bool)
		shards sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		shards.Go(func() {
			server := newLifeServer(t)
			for {
				i := next.Add(1) - 1
				if i >= count && (*lifeFor == 0 || time.Now().After(lifeDeadline())) || failFast && t.Failed() { //nolint:forbidigo // a budget
					return
				}
				words := newWords(*lifeSeed + i)
				spelled, failed := server.live(t.Context(), words)
				mu.Lock()
				for name := range spelled {
					spelt[name]++
				}
				shown := failed == nil || broken[failed.rule]
				if failed != nil {
					broken[failed.rule] = true
				}
				mu.Unlock()
				if !shown {
					t.Errorf("-life.seed=%d -life.count=1: %s", *lifeSeed+i, server.shortest(t.Context(), words, failed))
				}
			}
		})
	}
	shards.Wait()
	t.Logf("%d lives from seed %d", next.Load()-uint64(runtime.GOMAXPROCS(0)), *lifeSeed) // #nosec G115 -- a small positive number
	for _, l := range alphabet() {
		if spelt[l.name] > 0 {
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
	*letter
	seed uint64
}

// newWords draws a life: some instances and a run, then up to six times some letters
// and a run.
func newWords(seed uint64) (words []word) {
	rng := rand.New(rand.NewPCG(seed, 0)) // #nosec G404 -- to be repeatable
	say := func(l *letter) { words = append(words, word{l, rng.Uint64() | 1}) }
	for range 1 + rng.IntN(3) {
		say(letterNamed("add an instance"))
	}
	say(letterNamed("apply"))
	var weighted []*letter
	for i := range alphabet() {
		weighted = append(weighted, slices.Repeat([]*letter{&alphabet()[i]}, alphabet()[i].weight)...)
	}
	for range 1 + rng.IntN(6) {
		for range rng.IntN(5) {
			say(weighted[rng.IntN(len(weighted))])
		}
		say(letterNamed("apply"))
	}
	return append(words, word{letterNamed("apply"), 0})
}

// draw is what a letter draws from its seed. Without a seed it is the first of all.
type draw struct{ rng *rand.Rand }

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

func (breaker) Helper() {}
func (breaker) Errorf(format string, args ...any) {
	panic(brokenRule{format, fmt.Sprintf(format, args...)})
}

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

// brokenLife is a life up to the rule that it breaks.
type brokenLife struct {
	brokenRule
	told []string
}

// live lives a life, and returns the letters that had an effect.
func (s *lifeServer) live(ctx context.Context, words []word) (spelled map[string]bool, broken *brokenLife) {
	l := s.newLife(ctx, words)
	defer s.CloseClientConnections()
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case brokenRule:
			spelled, broken = l.spelled, &brokenLife{reason, l.told}
		default:
			panic(reason)
		}
	}()
	for _, w := range words {
		d := draw{}
		if w.seed != 0 {
			d.rng = rand.New(rand.NewPCG(w.seed, 0)) // #nosec G404 -- to be repeatable
		}
		at := len(l.told)
		if said := w.do(l, d); said != "" {
			l.spelled[w.name] = true
			l.told = slices.Insert(l.told, at, "# "+w.name+": "+said)
		}
	}
	return l.spelled, nil
}

// shortest removes what a broken life does not need to break the same rule, and
// describes what is left.
func (s *lifeServer) shortest(ctx context.Context, words []word, broken *brokenLife) string {
	try := func(shorter []word) bool {
		_, again := s.live(ctx, shorter)
		if again == nil || again.rule != broken.rule {
			return false
		}
		words, broken = shorter, again
		return true
	}
	for size := max(1, len(words)/2); ; {
		removed := false
		for i := 0; i+size <= len(words); {
			if try(slices.Delete(slices.Clone(words), i, i+size)) {
				removed = true
			} else {
				i += size
			}
		}
		switch {
		case size > 1:
			size /= 2
		case !removed:
			for i := range words {
				simpler := slices.Clone(words)
				simpler[i].seed = 0
				try(simpler)
			}
			return fmt.Sprintf("%s\n--- the life:\n%s", broken.text, strings.Join(broken.told, "\n"))
		}
	}
}

// life is a user's workspace over days, with several instances of both resources.
type life struct {
	*story
	options sandbox.Options
	next    run
	// memory is what the rules of later runs depend on.
	memory map[address]memory
	// released are created sessions that the user gave away.
	released map[string]bool
	// extended are the sessions that an action has extended in the run.
	extended map[string]bool
	// lost counts creates whose answer was lost.
	lost int
	// shown is the configuration as it was told last.
	shown   string
	told    []string
	spelled map[string]bool
}

// memory is what a user remembers of an instance.
type memory struct {
	// unsent says that arguments were changed after the end, doubtful that a fault
	// left open whether a lifetime was sent.
	unsent, doubtful bool
	// key names the credentials that found the session last, and end is the latest end
	// that they were told since the lifetime was set.
	key string
	end time.Time
}

// existingIDs are the sessions that something else has created.
var existingIDs = []string{"s1", "s2", "s3"}

func (s *lifeServer) newLife(ctx context.Context, words []word) *life {
	d := draw{rand.New(rand.NewPCG(words[0].seed, 1))} // #nosec G404 -- to be repeatable
	options := sandbox.Options{ConnectResetsToNow: d.n(2) == 0}
	if d.n(4) == 0 {
		options.MaxTTL = among(d, time.Minute, 10*time.Minute, 50*time.Minute)
	}
	if d.n(4) == 0 {
		options.SessionLimit = len(existingIDs) + 1
	}
	f := newAccounts(options)
	f.url = s.URL
	s.current.Store(f)
	l := &life{
		story: newStoryOf(ctx, breaker{}, f), options: options,
		memory: make(map[address]memory), released: make(map[string]bool), spelled: make(map[string]bool),
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
	// key names the credentials: "", or as useKeyOf has them.
	key       string
	renewOnly bool
	// gateLate says that only the apply has renew_only.
	gateLate bool
	faults   []sandbox.Fault
	// planning says that the faults meet the plan, too.
	planning bool
	// interrupts is how many changes the API makes before the engine stops the
	// provider; 0 means that it does not.
	interrupts int
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

// useKeyOf switches to the credentials of a run.
func (l *life) useKeyOf(r run) {
	switch r.key {
	case "another account":
		l.useOther()
	case "a rotated key":
		l.useKey()
	case "another endpoint":
		l.provider = pairOf(l.elsewhereURL(), testClientID)
	default:
		l.provider = pairOf(l.url, testClientID)
	}
	if r.renewOnly {
		l.provider = maps.Clone(l.provider)
		l.provider["renew_only"] = true
	}
}

// accountOf is the account that the credentials of a run belong to.
func (l *life) accountOf(r run) *sandbox.Sandbox {
	switch r.key {
	case "another account":
		return l.other
	case "another endpoint":
		return l.elsewhere
	}
	return l.Sandbox
}

// execute plans, and applies if the plan has no error.
func (l *life) execute(d draw) {
	now := l.next
	l.next = run{}
	l.Pick = d.n
	if now := l.config.HCL(0); now != l.shown {
		l.shown = now
		l.tell("%s", strings.TrimSpace(now))
	}
	l.useKeyOf(now.planned())
	l.extended = make(map[string]bool)
	l.tell("$ terraform %s%s", now.how, now)
	for at, b := range l.config {
		if _, waits := l.State.Current[b.MovedFrom]; waits {
			l.memory[at] = l.memory[b.MovedFrom]
		}
	}
	before := l.observe(now)
	heal := func() {}
	if now.planning {
		heal = l.injectAll(now.faults)
	}
	l.ResetRequests()
	p := l.Plan(l.config, now.how)
	heal()
	l.wait()
	l.tellProblems(p.Problems)
	l.tell("  plan: %v", actionsOf(p))
	l.judgePlan(judgedPlan{life: l, run: now.planned(), plan: p, world: before, fault: l.faultMet()})
	if p.Failed() {
		return
	}
	for _, do := range now.meanwhile {
		do()
	}
	a := judgedApply{judgedPlan: judgedPlan{life: l, run: now, plan: p, world: before}, planFault: l.untrueMet(), before: l.State.Clone(), at: l.observe(now)}
	l.useKeyOf(now)
	var stopped atomic.Bool
	step := 0
	l.server, _ = l.start().(*Server)
	l.BeforeApply = func(at address) (context.Context, bool) {
		if step < len(now.during) {
			for _, do := range now.during[step] {
				do(at)
			}
		}
		step++
		return l.Ctx, !stopped.Load()
	}
	heal = l.injectAll(now.faults)
	if now.interrupts > 0 {
		stop := l.Inject(sandbox.Fault{Name: "interrupt", Through: true, Effect: interruptAfterwards(func() {
			stopped.Store(true)
			_, _ = l.server.StopProvider(l.Ctx, &tfprotov6.StopProviderRequest{})
		}, now.interrupts-1)})
		healFaults := heal
		heal = func() { stop(); healFaults() }
	}
	l.ResetRequests()
	a.out = l.Apply(p)
	l.wait()
	heal()
	l.server = nil
	a.fault, a.after = stopped.Load() || now.unrest && step > 0 || l.faultMet(), l.observe(now)
	l.tellProblems(a.out.Problems)
	l.tell("  sent: %s", strings.Join(l.writesSent(), ", "))
	l.judgeApply(a)
	l.remember(a)
	if now.ordinary() && !a.out.Failed() && !a.out.Skipped && !a.fault {
		a.judgeQuiet()
	}
}

// planned is how the run plans.
func (r run) planned() run {
	r.renewOnly = r.renewOnly && !r.gateLate
	return r
}

// ordinary says that nothing is special about a run.
func (r run) ordinary() bool {
	return r.key == "" && !r.renewOnly && len(r.faults) == 0 && r.interrupts == 0 && !r.later && len(slices.Concat(r.during[:]...)) == 0 &&
		!r.how.NoRefresh && !r.how.RefreshOnly && !r.how.Destroy && r.how.Target == nil && r.how.Exclude == nil
}

func (r run) String() string {
	var text string
	if r.key != "" {
		text += " with " + r.key
	}
	if r.renewOnly {
		text += " with renew_only"
	}
	if r.gateLate {
		text += " at apply"
	}
	for _, fault := range r.faults {
		text += fmt.Sprintf(", %s answers %s", cmp.Or(string(fault.Operation), "the API"), fault.Name)
	}
	if r.interrupts > 0 {
		text += fmt.Sprintf(", interrupted after change %d", r.interrupts)
	}
	return text
}

func (l *life) injectAll(faults []sandbox.Fault) (heal func()) {
	var heals []func()
	for _, fault := range faults {
		for _, box := range l.boxes() {
			heals = append(heals, box.Inject(fault))
		}
	}
	return func() {
		for _, heal := range heals {
			heal()
		}
	}
}

// untrueMet says whether a fault or a list that lags met the run.
func (l *life) untrueMet() bool {
	return slices.ContainsFunc(l.Requests(), func(r sandbox.Request) bool { return r.Fault != "" })
}

func (l *life) faultMet() bool {
	return slices.ContainsFunc(l.Requests(), func(r sandbox.Request) bool { return r.Fault != "" && r.Fault != "lagging" })
}

func (l *life) writesSent() (sent []string) {
	for _, request := range l.Requests() {
		if request.Method != http.MethodGet {
			sent = append(sent, strings.TrimSpace(fmt.Sprintf("%s %s %d", request.Method, request.SessionID, request.Status)))
		}
	}
	return sent
}

func (l *life) tellProblems(problems []problem) {
	for _, found := range problems {
		l.tell("  %s", strings.ReplaceAll(problemText([]problem{found}), "\n", " "))
	}
}

// interruptAfterwards stops the provider when the API has done the first change
// after skip others. Only the answer to a create is still waited for.
func interruptAfterwards(stop func(), skip int) sandbox.Effect {
	var changes atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		if r.Method == http.MethodGet || changes.Add(1) != int64(skip)+1 {
			api.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, r)
		stop()
		if strings.HasSuffix(r.URL.Path, "/session") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
			return
		}
		<-r.Context().Done()
	}
}

// after is the memory after a read of an instance.
func (m memory) after(a judgedApply, held object) memory {
	session, found := a.world.mine[idIn(held)]
	if !found {
		return m
	}
	if m.key == "nobody" || session.ExpiresAt.After(m.end) {
		m.end = session.ExpiresAt
	}
	m.key = a.run.key
	return m
}

// remember notes what the rules of later runs depend on.
func (l *life) remember(a judgedApply) {
	if a.plan.Command.RefreshOnly {
		for at, held := range l.State.Current {
			l.memory[at] = l.memory[at].after(a, held)
		}
	}
	for at, c := range a.plan.Changes {
		m, held := l.memory[at], l.State.Current[at]
		if !a.plan.Command.NoRefresh && !a.plan.Command.MinimalRefresh {
			m = m.after(a, held)
		}
		done, ok := a.out.Done[at]
		if ok && writes(c) && isActive(held) {
			m.key, m.end = a.run.key, endOf(held)
		}
		switch {
		case !ok:
			// An update that met the end of the session may have noted that its
			// arguments were not sent.
			m.doubtful = m.doubtful || a.fault || c.Action == update
			if c.Before.Tainted {
				m.key = "nobody" // Its note goes with the plan of a replacement that fails.
			}
		case done == destroyOnly, done == simulated.Forget:
			m = memory{}
		case done == create, done.Replaces():
			m.unsent, m.doubtful = false, a.fault
		case writes(c) && isActive(held):
			m.unsent, m.doubtful = false, false
		case done == update && !isActive(c.Before) && argumentsChanged(c):
			m.unsent = true
		}
		l.memory[at] = m
		// What happened once is over, and what only apply knew is known from now on.
		if b, configured := l.config[at]; configured && ok {
			b.Later, b.MovedFrom, b.Import, b.ProvisionerFails = nil, address{}, "", false
			if l.config[at] = b; b.Forget {
				delete(l.config, at)
			}
		}
	}
	for at, b := range l.config {
		b.DependentFails = false
		l.config[at] = b
	}
}

// errNoSuchLetter is a fault of the test.
var errNoSuchLetter = errors.New("no such letter")

func letterNamed(name string) *letter {
	i := slices.IndexFunc(alphabet(), func(l letter) bool { return l.name == name })
	if i < 0 {
		panic(errNoSuchLetter)
	}
	return &alphabet()[i]
}
