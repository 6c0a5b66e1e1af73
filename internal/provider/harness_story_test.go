package provider_test

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// story is a user's workspace: a configuration, a simulated engine with its
// state, and the API.
type story struct {
	*simulated
	*fixture
	config configuration
}

func newStory(t *testing.T, adjust ...func(*sandbox.Options)) *story {
	t.Helper()
	return newStoryOf(t.Context(), t, newFixture(t, adjust...))
}

func newStoryOf(ctx context.Context, t failer, f *fixture) *story {
	return &story{simulated: newSimulated(ctx, t, pairOf(f.url, testClientID)), fixture: f, config: make(configuration)}
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

func room(name string) address      { return address{expiryType, name} }
func sessionAt(name string) address { return address{sessionType, name} }

// put stores sessions that live for a day.
func (s *story) put(ids ...string) {
	for _, id := range ids {
		s.Put(sandbox.Session{ID: id, CreatedAt: s.clock.Now(), ExpiresAt: s.clock.Now().Add(24 * time.Hour)})
	}
}

// id is the id of the session of an instance in the state.
func (s *story) id(at address) string { return s.state.current[at].id() }

// taint marks an instance as a failed provisioner or the command taint does.
func (s *story) taint(at address) {
	held := s.state.current[at]
	held.tainted = true
	s.state.current[at] = held
	s.serial++
}

// move does what a moved block does.
func (s *story) move(from, to address) {
	s.state.current[to] = s.state.current[from]
	delete(s.state.current, from)
	s.serial++
}

// loseNote removes the private state of an instance: an older version of the
// provider has written the state.
func (s *story) loseNote(at address) {
	held := s.state.current[at]
	held.private = nil
	s.state.current[at] = held
}

// loseIdentity removes the identity of an instance, which older states do not have.
func (s *story) loseIdentity(at address) {
	held := s.state.current[at]
	held.identity = nil
	s.state.current[at] = held
}

// useOther switches to the credentials of the other account, useKey to another key
// of the same account.
func (s *story) useOther() { s.provider = pairOf(s.url, otherClientID) }
func (s *story) useKey()   { s.provider = keyOf(s.url) }

// lasts is a block that gives a session an hour; more overrides arguments.
func lasts(id string, more ...attributes) block {
	b := block{arguments: attributes{"session_id": id, "ttl_seconds": 3600}}
	for _, values := range more {
		for name, value := range values {
			b.arguments[name] = value
		}
	}
	return b
}

// creates is a palabra_session with a lifetime of an hour.
func creates(more ...attributes) block {
	b := lasts("", more...)
	delete(b.arguments, "session_id")
	return b
}

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
	p := s.plan(s.config, oneOf(how))
	if p.failed() {
		s.t.Fatalf("plan: %s", problemText(p.problems))
	}
	out := s.apply(p)
	if out.failed() {
		s.t.Fatalf("apply: %s", problemText(out.problems))
	}
	return allProblems(p, out)
}

// allProblems are those of plan and apply, each once.
func allProblems(p plannedRun, out outcome) []problem {
	all := p.problems
	for _, found := range out.problems {
		if !slices.Contains(all, found) {
			all = append(all, found)
		}
	}
	return all
}

// refused makes a plan that has to fail, and expects every part in its errors.
func (s *story) refused(how command, parts ...string) {
	s.t.Helper()
	p := s.plan(s.config, how)
	if !s.expectErrors(p.problems, parts...) {
		s.t.Errorf("actions: %v", actionsOf(p))
	}
}

// applyFails plans without an error and makes an apply that has to fail. It expects
// every part in the errors of the apply.
func (s *story) applyFails(how command, parts ...string) outcome {
	s.t.Helper()
	p := s.plan(s.config, how)
	if p.failed() {
		s.t.Fatalf("plan: %s", problemText(p.problems))
	}
	out := s.apply(p)
	s.expectErrors(out.problems, parts...)
	return out
}

// imports imports a session, as the command import does, and returns what the
// provider says. A session that does not exist stays out of the state.
func (s *story) imports(at address, request *tfprotov6.ImportResourceStateRequest) []problem {
	s.t.Helper()
	p := s.newPlan(nil, command{})
	request.TypeName = at.kind
	resp, err := p.server.ImportResourceState(s.ctx, request)
	if err != nil || len(resp.ImportedResources) != 1 {
		s.t.Fatalf("import: %v %s", err, diagnosticText(resp.Diagnostics))
	}
	made := resp.ImportedResources[0]
	value := unwire(resourceType(at.kind), made.State)
	expectIdentity(s.t, made.Identity, cmp.Or(text(value, "id"), text(value, "session_id")))
	p.report(at, "import", resp.Diagnostics)
	fresh, exists, _ := p.read(at, object{value: value, private: made.Private, identity: made.Identity})
	if exists {
		s.state.current[at] = fresh
	}
	return p.problems
}

func oneOf(how []command) command {
	if len(how) == 0 {
		return command{}
	}
	return how[0]
}

func actionsOf(p plannedRun) map[string]string {
	all := make(map[string]string)
	for at, c := range p.changes {
		all[at.String()] = c.action.String()
	}
	return all
}

func problemText(problems []problem) string {
	var lines []string
	for _, p := range problems {
		kind := "error"
		if p.warning {
			kind = "warning"
		}
		lines = append(lines, kind+" at "+p.step+" of "+p.at.String()+": "+p.summary+": "+p.text)
	}
	return strings.Join(lines, "\n")
}
