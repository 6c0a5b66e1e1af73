package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// orders are two orders in which an engine may visit its instances.
var orders = map[string]func(int) int{
	"first to last": func(int) int { return 0 },
	"last to first": func(n int) int { return n - 1 },
}

// refreshes are the ways to plan that differ in what is read, and when.
var refreshes = map[string]command{
	"": {}, " -refresh=false": {NoRefresh: true}, " -minimal-refresh": {MinimalRefresh: true}, " orphans first": {OrphansFirst: true},
}

// createFirst is a block with create_before_destroy.
func createFirst(b block) block {
	b.CreateBeforeDestroy = true
	return b
}

// unknown is a block with arguments that are known after apply.
func unknown(b block, arguments ...string) block {
	b.Later = arguments
	return b
}

// managedAndExpiry is a palabra_session, and a palabra_session_expiry of the
// same session.
func managedAndExpiry() configuration {
	return configuration{sessionAt("it"): creates(), room("it"): {Arguments: attributes{"ttl_seconds": 7200, "session_id": idOf("it")}}}
}

func TestSessionDeletion_OfAKeptSessionIsRefusedAtPlan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before, after configuration
		// kept is the session that the error names.
		kept string
	}{
		"rename without moved": {configuration{room("old"): lasts("s1")}, configuration{room("new"): lasts("s1")}, `"s1"`},
		"count shift": {
			configuration{room("it[0]"): lasts("s1"), room("it[1]"): lasts("s2"), room("it[2]"): lasts("s3")},
			configuration{room("it[0]"): lasts("s2"), room("it[1]"): lasts("s3")}, `"s`,
		},
		"swap": {
			configuration{room("a"): lasts("s1"), room("b"): lasts("s2")},
			configuration{room("a"): lasts("s2"), room("b"): lasts("s1")}, `"s`,
		},
		"one of two twins": {configuration{room("a"): lasts("s1"), room("b"): lasts("s1")}, configuration{room("a"): lasts("s1")}, `"s1"`},
		"replacement of a twin": {
			configuration{room("a"): lasts("s1"), room("b"): lasts("s1")},
			configuration{room("a"): lasts("s2"), room("b"): lasts("s1")}, `"s1"`,
		},
		// The old session would be deleted once the successor is known.
		"replacement of a twin by an unknown session, create first": {
			configuration{room("a"): lasts("s1"), room("b"): lasts("s1")},
			configuration{room("a"): createFirst(unknown(lasts("s2"), "session_id")), room("b"): lasts("s1")}, `"s1"`,
		},
	} {
		for order, pick := range orders {
			for refresh, how := range refreshes {
				t.Run(name+" "+order+refresh, func(t *testing.T) {
					t.Parallel()
					s := newAppliedStory(t, test.before, "s1", "s2", "s3")
					s.Pick, s.config = pick, test.after
					s.refused(how, test.kept, "Plan deletes a session that it keeps", "moved", "for_each", "delete_on_destroy", "ttl_seconds = 3600")
					s.expectWrites()
				})
			}
		}
	}
}

// TestSessionDeletion_ForAnUnknownSessionIsRefusedAtPlan, because it may be the
// session that is deleted.
func TestSessionDeletion_ForAnUnknownSessionIsRefusedAtPlan(t *testing.T) {
	t.Parallel()
	later := func(id string) block { return unknown(lasts(id), "session_id") }
	for name, test := range map[string]struct {
		before, after configuration
		deleted       string
	}{
		"renamed key": {configuration{room("a"): lasts("s1")}, configuration{room("b"): later("s1")}, `"s1"`},
		"count shift": {
			configuration{room("it[0]"): lasts("s1"), room("it[1]"): lasts("s2"), room("it[2]"): lasts("s3")},
			configuration{room("it[0]"): later("s2"), room("it[1]"): later("s3")}, `"s3"`,
		},
		"count shift, create first": {
			configuration{room("it[0]"): lasts("s1"), room("it[1]"): lasts("s2"), room("it[2]"): lasts("s3")},
			configuration{room("it[0]"): createFirst(later("s2")), room("it[1]"): createFirst(later("s3"))}, `"s3"`,
		},
		"replaced by a known one": {configuration{room("a"): lasts("s1")}, configuration{room("a"): lasts("s2"), room("b"): later("s1")}, `"s1"`},
	} {
		for order, pick := range orders {
			for refresh, how := range refreshes {
				t.Run(name+" "+order+refresh, func(t *testing.T) {
					t.Parallel()
					s := newAppliedStory(t, test.before, "s1", "s2", "s3")
					s.Pick, s.config = pick, test.after
					s.refused(how, test.deleted, "Plan may delete a session that it keeps", "-target", "two runs", "moved", "delete_on_destroy")
					s.expectWrites()
				})
			}
		}
	}
}

// TestSessionDeletion_ForAnUnknownSessionIsLegal where nothing else is deleted that
// it may be.
func TestSessionDeletion_ForAnUnknownSessionIsLegal(t *testing.T) {
	t.Parallel()
	later := func(id string) block { return unknown(lasts(id), "session_id") }
	forgets := attributes{"delete_on_destroy": false}
	pair := func(name string) configuration {
		return configuration{sessionAt(name): creates(), room(name): {Arguments: attributes{"ttl_seconds": 7200, "session_id": idOf(name)}}}
	}
	for name, test := range map[string]struct {
		before, after configuration
		how           command
		writes        []string
	}{
		"first apply":           {after: configuration{room("a"): later("s1"), room("b"): later("s2")}, writes: []string{"POST s1", "POST s2"}},
		"all are replaced":      {before: configuration{room("a"): lasts("s1"), room("b"): lasts("s2")}, after: configuration{room("a"): later("s2"), room("b"): later("s1")}, writes: []string{"POST s1", "POST s2"}},
		"one more":              {before: configuration{room("a"): lasts("s1")}, after: configuration{room("a"): later("s1"), room("b"): later("s2")}, writes: []string{"POST s1", "POST s2"}},
		"one is only forgotten": {before: configuration{room("a"): lasts("s1", forgets)}, after: configuration{room("b"): later("s1")}, writes: []string{"POST s1"}},
		"destroy":               {before: configuration{room("a"): lasts("s1")}, after: configuration{room("a"): lasts("s1"), room("b"): later("s2")}, how: command{Destroy: true}, writes: []string{"DELETE s1"}},
		"both types, replaced":  {before: pair("a"), after: pair("a"), how: command{Replace: []address{sessionAt("a")}}},
		"both types, new key":   {before: pair("a"), after: pair("b")},
	} {
		for order, pick := range orders {
			t.Run(name+" "+order, func(t *testing.T) {
				t.Parallel()
				s := newAppliedStory(t, test.before, "s1", "s2")
				s.Pick = pick
				s.change(test.after, test.how)
				if test.writes != nil {
					s.expectWrites(test.writes...)
				}
			})
		}
	}
}

// TestSessionDeletion_ManyConflictsAreExplainedOnce: one explanation of them is
// enough, and the others name the session.
func TestSessionDeletion_ManyConflictsAreExplainedOnce(t *testing.T) {
	t.Parallel()
	const many = 20
	for name, after := range map[string]func(string) block{
		"known":   func(id string) block { return lasts(id) },
		"unknown": func(id string) block { return unknown(lasts(id), "session_id") },
	} {
		for order, pick := range orders {
			t.Run(name+" "+order, func(t *testing.T) {
				t.Parallel()
				var ids []string
				before, renamed := configuration{}, configuration{}
				for i := range many {
					id := fmt.Sprintf("s%02d", i)
					ids = append(ids, id)
					before[room("old-"+id)], renamed[room("new-"+id)] = lasts(id), after(id)
				}
				s := newAppliedStory(t, before, ids...)
				s.Pick = pick
				p := s.Plan(renamed, command{})
				text := problemText(p.Problems)
				if advice := strings.Count(text, "-refresh=false"); len(p.Problems) != many || advice != 1 {
					t.Errorf("%d errors with %d explanations, want %d with one:\n%s", len(p.Problems), advice, many, text)
				}
				for _, id := range ids {
					if strings.Count(text, `"`+id+`"`) != 1 {
						t.Errorf("session %s is not named once", id)
					}
				}
			})
		}
	}
}

// TestSessionDeletion_OfASessionThatAnActionExtended: a destroy deletes.
func TestSessionDeletion_OfASessionThatAnActionExtended(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, configuration{room("it"): lasts("s1")}, "s1")
	p := newProtocolWith(t, s.provider)
	s.server = p.server
	_, diags := p.invoke(t.Context(), extendAction, attributes{"session_id": "s1", "ttl_seconds": 7 * 24 * 3600})
	expectNone(t, diags)
	s.change(configuration{})
	s.expectWrites("POST s1", "DELETE s1")
}

func TestSessionDeletion_OfBothTypesForOneSessionNeedsBothRemoved(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, managedAndExpiry())
	id := s.id(sessionAt("it"))
	for _, pick := range orders {
		s.Pick = pick
		for _, how := range refreshes {
			s.config = configuration{sessionAt("it"): creates()}
			s.refused(how, id, "delete_on_destroy")
			s.config = configuration{room("it"): lasts(id)}
			s.refused(how, id, "delete_on_destroy")
		}
	}
	s.expectWrites()
	s.change(configuration{})
	s.lives(id, false)
}

// forced is a replacement that no argument asks for.
var forced = command{Replace: []address{room("it")}}

func TestSessionDeletion_DeletesNoMoreThanThePlanIsFor(t *testing.T) {
	t.Parallel()
	forgets := attributes{"delete_on_destroy": false}
	it := configuration{room("it"): lasts("s1")}
	itFirst := configuration{room("it"): createFirst(lasts("s1"))}
	taint := func(s *story) { s.taint(room("it")) }
	for name, test := range map[string]struct {
		before, after configuration
		how           command
		// meanwhile happens between the two runs.
		meanwhile func(*story)
		writes    []string
	}{
		"-replace":                        {before: it, after: it, how: forced, writes: []string{"POST s1"}},
		"-replace -refresh=false":         {before: it, after: it, how: command{Replace: forced.Replace, NoRefresh: true}, writes: []string{"POST s1"}},
		"-replace -minimal-refresh":       {before: it, after: it, how: command{Replace: forced.Replace, MinimalRefresh: true}, writes: []string{"POST s1"}},
		"-replace, create first":          {before: itFirst, after: itFirst, how: forced, writes: []string{"POST s1"}},
		"taint":                           {before: it, after: it, meanwhile: taint, writes: []string{"POST s1"}},
		"taint, create first":             {before: itFirst, after: itFirst, meanwhile: taint, writes: []string{"POST s1"}},
		"taint -refresh=false":            {before: it, after: it, meanwhile: taint, how: command{NoRefresh: true}, writes: []string{"POST s1"}},
		"replacement by another session":  {before: it, after: configuration{room("it"): lasts("s2")}, writes: []string{"DELETE s1", "POST s2"}},
		"the same, create first":          {before: itFirst, after: configuration{room("it"): createFirst(lasts("s2"))}, writes: []string{"DELETE s1", "POST s2"}},
		"replacement of an ended session": {before: it, after: configuration{room("it"): lasts("s2")}, meanwhile: (*story).endS1, writes: []string{"POST s2"}},
		"rename that forgets":             {before: configuration{room("it"): lasts("s1", forgets)}, after: configuration{room("new"): lasts("s1", forgets)}, writes: []string{"POST s1"}},
		"replacement of a forgotten twin": {before: configuration{room("it"): lasts("s1", forgets), room("twin"): lasts("s1")}, after: configuration{room("it"): lasts("s2", forgets), room("twin"): lasts("s1")}, writes: []string{"POST s2"}},
		"rename with moved":               {before: it, after: configuration{room("new"): lasts("s1")}, meanwhile: func(s *story) { s.move(room("it"), room("new")) }},
		"both of two twins removed":       {before: configuration{room("it"): lasts("s1"), room("twin"): lasts("s1")}, writes: []string{"DELETE s1", "DELETE s1"}},
		"one of two ended twins removed":  {before: configuration{room("it"): lasts("s1"), room("twin"): lasts("s1")}, after: it, meanwhile: (*story).endS1},
		"one of two sessions removed":     {before: configuration{room("it"): lasts("s1"), room("b"): lasts("s2")}, after: configuration{room("b"): lasts("s2")}, writes: []string{"DELETE s1"}},
	} {
		for order, pick := range orders {
			t.Run(name+" "+order, func(t *testing.T) {
				t.Parallel()
				s := newAppliedStory(t, test.before, "s1", "s2")
				if s.Pick = pick; test.meanwhile != nil {
					test.meanwhile(s)
				}
				s.change(test.after, test.how)
				s.expectWrites(test.writes...)
				s.expectEmptyPlan()
				// What kept a session in this run keeps it no longer.
				s.change(configuration{})
				for at, b := range test.after {
					_, lives := s.Session(sessionIDOf(b))
					if forgets := b.Arguments["delete_on_destroy"] == false; lives != forgets {
						t.Errorf("%s is destroyed, and its session lives: %t", at, lives)
					}
				}
			})
		}
	}
}

// endS1 ends session s1, which the next run finds.
func (s *story) endS1() {
	s.Remove("s1")
	s.run()
	s.writes()
}

func TestSessionDeletion_RenameOfAnEndedInstanceIsNotRefused(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, configuration{room("old"): lasts("s1")}, "s1", "s2")
	s.endS1()
	s.config = configuration{room("new"): lasts("s1")}
	s.applyFails(command{}, "Unable to set session expiry")
	s.expectWrites("POST s1")
}

func TestSessionDeletion_ReplacedPalabraSessionDeletesTheOldOneOnly(t *testing.T) {
	t.Parallel()
	it := sessionAt("it")
	forced := command{Replace: []address{it}}
	for name, test := range map[string]struct {
		config configuration
		taint  bool
		how    command
	}{
		"-replace":                  {config: configuration{it: creates()}, how: forced},
		"-replace, create first":    {config: configuration{it: createFirst(creates())}, how: forced},
		"taint":                     {config: configuration{it: creates()}, taint: true},
		"-replace, with its expiry": {config: managedAndExpiry(), how: forced},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAppliedStory(t, test.config)
			old := s.id(it)
			if test.taint {
				s.taint(it)
			}
			s.expectWarnings(s.run(test.how))
			id := s.id(it)
			want := []string{"DELETE " + old, "POST", "POST " + id}
			if len(test.config) == 2 {
				want = append(want, "POST "+id)
			} else {
				s.expectEmptyPlan()
			}
			s.expectWrites(want...)
			s.lives(id, true)
		})
	}
}

// TestSessionDeletion_ReplacedPalabraSessionThatForgetsDeletesNothing, so it may be
// kept or deleted by something else.
func TestSessionDeletion_ReplacedPalabraSessionThatForgetsDeletesNothing(t *testing.T) {
	t.Parallel()
	it := sessionAt("it")
	forgets := func(intent string) block {
		return creates(attributes{"delete_on_destroy": false, "intent": intent})
	}
	for name, test := range map[string]struct {
		intent  string
		how     command
		removed bool
	}{
		"-replace, kept":          {intent: "event", how: command{Replace: []address{it}}},
		"another intent, kept":    {intent: "captions"},
		"another intent, deleted": {intent: "captions", removed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAppliedStory(t, configuration{it: forgets("event")})
			old := s.id(it)
			s.change(configuration{it: forgets("event"), room("it"): lasts(old)})
			s.writes()
			config, want := configuration{it: forgets(test.intent)}, []string{"DELETE " + old}
			if !test.removed {
				config[room("it")], want = lasts(old), nil
			}
			s.change(config, test.how)
			s.expectWrites(append(want, "POST", "POST "+s.id(it))...)
		})
	}
}

// TestSessionDeletion_ReplacementOfAnInstanceWithoutANote: an instance is not taken
// for two, and what the new half does not keep is not lost.
func TestSessionDeletion_ReplacementOfAnInstanceWithoutANote(t *testing.T) {
	t.Parallel()
	it := sessionAt("it")
	s := newAppliedStory(t, configuration{it: creates(), room("it"): lasts("s1")}, "s1")
	s.loseNote(it)
	s.loseNote(room("it"))
	s.expectWarnings(s.run(command{Replace: []address{room("it")}, NoRefresh: true}))
	s.expectWrites("POST s1")
	s.config[room("other")] = lasts(s.id(it))
	s.refused(command{Replace: []address{it}, NoRefresh: true}, s.id(it), "Plan deletes a session that it keeps")
}

func TestSessionDeletion_UnknownSuccessorIsNotDeleted(t *testing.T) {
	t.Parallel()
	const left = `Session not deleted: This resource was replaced, and the new session_id was not known at plan time: it could have been session "s1" itself.`
	for name, test := range map[string]struct {
		after    block
		warnings []string
		writes   []string
	}{
		"the same session":               {lasts("s1"), []string{left}, []string{"POST s1"}},
		"another session":                {lasts("s2"), []string{left}, []string{"POST s2"}},
		"the same session, create first": {createFirst(lasts("s1")), nil, []string{"POST s1"}},
		// The successor is created, and so known, before the deletion.
		"another session, create first": {createFirst(lasts("s2")), nil, []string{"DELETE s1", "POST s2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAppliedStory(t, configuration{room("it"): lasts("s1")}, "s1", "s2")
			s.expectWarnings(s.change(configuration{room("it"): unknown(test.after, "session_id")}), test.warnings...)
			s.expectWrites(test.writes...)
			s.config = configuration{room("it"): test.after}
			s.expectEmptyPlan()
		})
	}
}

func TestSessionDeletion_FailedDeleteKeepsTheInstance(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, sessionsOfBothTypes(), "s1")
	id := s.id(sessionAt("it"))
	heal := s.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	s.config = configuration{}
	s.applyFails(command{}, "Unable to delete session", "502", id, `"s1"`)
	heal()
	s.writes()
	s.run()
	s.expectWrites("DELETE s1", "DELETE "+id)
	s.lives("s1", false)
	s.lives(id, false)
}

func TestSessionDeletion_DestroyAfterARenameNeedsNoRefresh(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, configuration{room("old"): lasts("s1")}, "s1")
	s.config = configuration{room("new"): lasts("s1")}
	s.refused(command{Destroy: true}, "-refresh=false")
	s.expectWrites()
	s.run(command{Destroy: true, NoRefresh: true})
	s.expectWrites("DELETE s1")
}
