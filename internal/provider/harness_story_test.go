package provider

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine/simulated"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// story is a user's workspace: a configuration, a simulated engine with its
// state, and the API.
type story struct {
	*simulated.Engine
	*fixture
	t failer
	// provider are the arguments of the provider block, server is the provider of
	// every run; nil means a new one for each.
	provider attributes
	server   *Server
	config   configuration
}

func newStory(t *testing.T, adjust ...func(*sandbox.Options)) *story {
	t.Helper()
	return newStoryOf(t.Context(), t, newFixture(t, adjust...))
}

func newStoryOf(ctx context.Context, t failer, f *fixture) *story {
	s := &story{fixture: f, t: t, provider: pairOf(f.url, testClientID), config: make(configuration)}
	s.Engine = simulated.New(ctx, t, providerSchemas().ResourceSchemas, s.start)
	s.Check, s.Source = s.check, "registry.terraform.io/palabra-community/palabra"
	return s
}

// start starts and configures the provider.
func (s *story) start() tfprotov6.ProviderServer {
	if s.server != nil {
		return s.server
	}
	server := newTestServer()
	configure(s.Ctx, s.t, server, s.provider)
	return server
}

// check expects the identity of the session in what the provider returns. What an
// import made has only the argument.
func (s *story) check(_ address, o object) {
	expectIdentity(s.t, o.Identity, cmp.Or(idIn(o), text(o.Value, "session_id")))
}

// newAppliedStory is a story in which the sessions exist and the configuration
// has been applied.
func newAppliedStory(t *testing.T, config configuration, sessions ...string) *story {
	t.Helper()
	s := newStory(t)
	s.put(sessions...)
	s.change(config)
	s.writes()
	return s
}

// put stores sessions that live for an hour.
func (s *story) put(ids ...string) {
	for _, id := range ids {
		s.putSession(id, time.Hour)
	}
}

// id is the id of the session of an instance in the state.
func (s *story) id(at address) string { return idIn(s.State.Current[at]) }

// alter changes an instance in the state.
func (s *story) alter(at address, change func(held *object)) {
	held := s.State.Current[at]
	change(&held)
	s.State.Current[at] = held
	s.Serial++
}

// taint marks an instance as a failed provisioner or the command taint does. Older
// versions of the provider have left states without a note or an identity.
func (s *story) taint(at address)        { s.alter(at, func(held *object) { held.Tainted = true }) }
func (s *story) loseNote(at address)     { s.alter(at, func(held *object) { held.Private = nil }) }
func (s *story) loseIdentity(at address) { s.alter(at, func(held *object) { held.Identity = nil }) }

// useOther switches to the credentials of the other account, useKey to another key
// of the same account.
func (s *story) useOther() { s.provider = pairOf(s.url, otherClientID) }
func (s *story) useKey() {
	s.provider = attributes{"endpoint": s.url, "api_key": testAPIKey, "max_retries": 0}
}

// lasts is a block that gives a session an hour; more overrides arguments.
func lasts(id string, more ...attributes) block {
	b := block{Arguments: attributes{"session_id": id, "ttl_seconds": 3600}}
	for _, values := range more {
		maps.Copy(b.Arguments, values)
	}
	return b
}

// creates is a palabra_session with a lifetime of an hour.
func creates(more ...attributes) block {
	b := lasts("", more...)
	delete(b.Arguments, "session_id")
	return b
}

// lead and triggers are arguments.
func lead(d time.Duration) attributes {
	return attributes{"renew_before_seconds": int(d / time.Second)}
}

func triggers(release string) attributes {
	return attributes{"renew_triggers": map[string]string{"release": release}}
}

// after lets time pass.
func after(d time.Duration) func(*story) { return func(s *story) { s.clock.Advance(d) } }

// change replaces the configuration and runs.
func (s *story) change(config configuration, how ...command) []problem {
	s.t.Helper()
	s.config = config
	return s.run(how...)
}

// run plans and applies without an error, and returns the warnings, each once:
// an engine plans an update again at apply.
func (s *story) run(how ...command) []problem {
	s.t.Helper()
	p := s.planned(append(how, command{})[0])
	out := s.Apply(p)
	if out.Failed() {
		s.t.Fatalf("apply: %s", problemText(out.Problems))
	}
	return append(p.Problems, slices.DeleteFunc(out.Problems, func(found problem) bool { return slices.Contains(p.Problems, found) })...)
}

// planned is a plan without an error.
func (s *story) planned(how command) plannedRun {
	s.t.Helper()
	p := s.Plan(s.config, how)
	if p.Failed() {
		s.t.Fatalf("plan: %s", problemText(p.Problems))
	}
	return p
}

// refused makes a plan that has to fail, and expects every part in its errors.
func (s *story) refused(how command, parts ...string) {
	s.t.Helper()
	s.expectErrors(s.Plan(s.config, how).Problems, parts...)
}

// applyFails plans without an error and makes an apply that has to fail. It expects
// every part in the errors of the apply.
func (s *story) applyFails(how command, parts ...string) outcome {
	s.t.Helper()
	out := s.Apply(s.planned(how))
	s.expectErrors(out.Problems, parts...)
	return out
}

func actionsOf(p plannedRun) map[string]string {
	all := make(map[string]string)
	for at, c := range p.Changes {
		all[at.String()] = c.Action.String()
	}
	return all
}

func problemText(problems []problem) string {
	var lines []string
	for _, p := range problems {
		kind := map[bool]string{true: "warning", false: "error"}[p.Warning]
		lines = append(lines, kind+" at "+p.Step+" of "+p.At.String()+": "+p.Summary+": "+p.Text)
	}
	return strings.Join(lines, "\n")
}

func (s *story) expectErrors(problems []problem, parts ...string) {
	s.t.Helper()
	errors := problemText(slices.DeleteFunc(slices.Clone(problems), func(p problem) bool { return p.Warning }))
	if errors == "" || !says(errors, parts...) {
		s.t.Errorf("errors:\n%s\nwant errors with each of %q", errors, parts)
	}
}

// expectWarnings expects one warning for each text and no other problem. The
// warning contains the parts of the text between ellipses.
func (s *story) expectWarnings(problems []problem, texts ...string) {
	s.t.Helper()
	ok := len(problems) == len(texts) && !hasErrors(problems)
	for _, text := range texts {
		ok = ok && slices.ContainsFunc(problems, func(p problem) bool {
			return says(problemText([]problem{p}), strings.Split(text, " … ")...)
		})
	}
	if !ok {
		s.t.Errorf("problems:\n%s\nwant these warnings: %q", problemText(problems), texts)
	}
}

func (s *story) expectWrites(want ...string) {
	s.t.Helper()
	got := s.writes()
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		s.t.Errorf("writes: %q, want %q", got, want)
	}
}

// expectEmptyPlan expects a plan without changes and without warnings, which
// leaves the state alone when it is applied.
func (s *story) expectEmptyPlan() {
	s.t.Helper()
	p, serial := s.Plan(s.config, command{}), s.Serial
	if !p.Empty() || len(p.Problems) > 0 {
		s.t.Errorf("the second plan: %v\n%s", actionsOf(p), problemText(p.Problems))
		return
	}
	if s.Apply(p); s.Serial != serial {
		s.t.Errorf("applying an empty plan changed the state")
	}
}

func (s *story) lives(id string, want bool) {
	s.t.Helper()
	_, lives := s.Session(id)
	expectEqual(s.t, "session "+id+" lives", lives, want)
}

// expectValue expects an attribute of an instance in the state.
func (s *story) expectValue(at address, name string, want any) {
	s.t.Helper()
	if got := member(s.State.Current[at].Value, name); !got.Equal(newValue(resourceType(at.Type).AttributeTypes[name], want)) {
		s.t.Errorf("%s of %s: %s, want %v", name, at, got, want)
	}
}

func (s *story) expectValues(at address, want attributes) {
	s.t.Helper()
	for name, value := range want {
		s.expectValue(at, name, value)
	}
}

// expectState expects the values of a state.
func (s *story) expectState(want simulated.State) {
	s.t.Helper()
	for at, held := range want.Current {
		if !s.State.Current[at].Value.Equal(held.Value) {
			s.t.Errorf("%s was %s, is %s", at, held.Value, s.State.Current[at].Value)
		}
	}
}

func (s *story) active(at address, want bool) {
	s.t.Helper()
	s.expectValue(at, "active", want)
}
