package provider

import (
	"slices"
	"strings"
)

func (s *story) expectErrors(problems []problem, parts ...string) (ok bool) {
	s.t.Helper()
	errors := problemText(slices.DeleteFunc(slices.Clone(problems), func(p problem) bool { return p.Warning }))
	ok = errors != ""
	for _, part := range parts {
		ok = ok && strings.Contains(errors, part)
	}
	if !ok {
		s.t.Errorf("errors:\n%s\nwant errors with each of %q", errors, parts)
	}
	return ok
}

// expectWarnings expects one warning for each text and no other problem. The
// warning contains the parts of the text between ellipses.
func (s *story) expectWarnings(problems []problem, texts ...string) {
	s.t.Helper()
	ok := len(problems) == len(texts) && !hasErrors(problems)
	for _, text := range texts {
		ok = ok && slices.ContainsFunc(problems, func(p problem) bool {
			return !slices.ContainsFunc(strings.Split(text, " … "), func(part string) bool {
				return !strings.Contains(problemText([]problem{p}), part)
			})
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
	if _, lives := s.Session(id); lives != want {
		s.t.Errorf("session %q lives: %t, want %t", id, lives, want)
	}
}

// expectValue expects an attribute of an instance in the state.
func (s *story) expectValue(at address, name string, want any) {
	s.t.Helper()
	if got := member(s.State.Current[at].Value, name); !got.Equal(newValue(resourceType(at.Type).AttributeTypes[name], want)) {
		s.t.Errorf("%s of %s: %s, want %v", name, at, got, want)
	}
}

func (s *story) active(at address, want bool) {
	s.t.Helper()
	s.expectValue(at, "active", want)
}
