package provider_test

import "testing"

// ordinaryEdit is an edit that would delete a session which the rest of the
// configuration keeps.
type ordinaryEdit struct {
	name          string
	before, after configuration
	// kept is the session that the error names.
	kept string
}

func ordinaryEdits() []ordinaryEdit {
	return []ordinaryEdit{
		{"rename without moved", configuration{room("old"): lasts("s1")}, configuration{room("new"): lasts("s1")}, "s1"},
		{"changed key", configuration{room(`it["a"]`): lasts("s1"), room(`it["b"]`): lasts("s2")}, configuration{room(`it["c"]`): lasts("s1"), room(`it["b"]`): lasts("s2")}, "s1"},
		{
			"count shift", configuration{room("it[0]"): lasts("s1"), room("it[1]"): lasts("s2"), room("it[2]"): lasts("s3")},
			configuration{room("it[0]"): lasts("s2"), room("it[1]"): lasts("s3")}, "s",
		},
		{"swap", configuration{room("a"): lasts("s1"), room("b"): lasts("s2")}, configuration{room("a"): lasts("s2"), room("b"): lasts("s1")}, "s"},
		{"one of two twins", configuration{room("a"): lasts("s1"), room("b"): lasts("s1")}, configuration{room("a"): lasts("s1")}, "s1"},
		{"first of two twins", configuration{room("a"): lasts("s1"), room("b"): lasts("s1")}, configuration{room("b"): lasts("s1")}, "s1"},
		{
			"replacement by a session that another keeps", configuration{room("a"): lasts("s1"), room("b"): lasts("s1")},
			configuration{room("a"): lasts("s2"), room("b"): lasts("s1")}, "s1",
		},
	}
}

// orders are two orders in which an engine may visit its instances.
var orders = map[string]func(int) int{
	"first to last": func(int) int { return 0 },
	"last to first": func(n int) int { return n - 1 },
}

func TestOrdinaryEdit_DeletingAKeptSessionIsRefusedAtPlan(t *testing.T) {
	t.Parallel()
	for _, edit := range ordinaryEdits() {
		for order, pick := range orders {
			for how, run := range map[string]command{"": {}, " -refresh=false": {noRefresh: true}, " -minimal-refresh": {minimalRefresh: true}, " orphans first": {orphansFirst: true}} {
				t.Run(edit.name+" "+order+how, func(t *testing.T) {
					t.Parallel()
					s := newStory(t)
					s.put("s1", "s2", "s3")
					s.pick = pick
					s.config = edit.before
					s.run()
					s.writes()
					s.config = edit.after
					s.refused(run, edit.kept, "moved", "for_each", "delete_on_destroy")
					s.expectWrites()
				})
			}
		}
	}
}

func TestOrdinaryEdit_KeptSessionIsNotDeletedWhenDestroyForgets(t *testing.T) {
	t.Parallel()
	forgets := attributes{"delete_on_destroy": boolOf(false)}
	for order, pick := range orders {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.put("s1")
			s.pick = pick
			s.config = configuration{room("old"): lasts("s1", forgets)}
			s.run()
			s.writes()
			s.config = configuration{room("new"): lasts("s1", forgets)}
			s.run()
			s.expectWrites("POST s1")
			s.expectEmptyPlan()
		})
	}
}

func TestOrdinaryEdit_MovedInstanceIsNoOtherInstance(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	s.config = configuration{room("old"): lasts("s1")}
	s.run()
	s.writes()
	s.state.current[room("new")] = s.state.current[room("old")]
	delete(s.state.current, room("old"))
	s.config = configuration{room("new"): lasts("s1")}
	s.run()
	s.expectWrites()
	s.expectEmptyPlan()
}

func TestOrdinaryEdit_RemovedTwinsAreBothDeleted(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1", "s2")
	s.config = configuration{room("a"): lasts("s1"), room("b"): lasts("s1"), room("c"): lasts("s2")}
	s.run()
	s.config = configuration{room("c"): lasts("s2")}
	s.run()
	s.lives("s1", false)
	s.lives("s2", true)
	s.expectEmptyPlan()
}

func TestOrdinaryEdit_EndedInstanceIsNotInTheWay(t *testing.T) {
	t.Parallel()
	for order, pick := range orders {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.put("s1")
			s.pick = pick
			s.config = configuration{room("a"): lasts("s1"), room("b"): lasts("s1")}
			s.run()
			s.box.Remove("s1")
			s.run()
			s.writes()
			s.config = configuration{room("a"): lasts("s1")}
			s.run()
			s.expectWrites()
		})
	}
}

func TestOrdinaryEdit_SessionOfBothTypesIsNotDeletedByOne(t *testing.T) {
	t.Parallel()
	managed := address{sessionType, "it"}
	both := func() configuration {
		return configuration{managed: creates(), room("it"): {arguments: attributes{"ttl_seconds": numberOf(7200)}, needs: "it"}}
	}
	t.Run("expiry removed", func(t *testing.T) {
		t.Parallel()
		s := newStory(t)
		s.config = both()
		s.run()
		id := text(s.state.current[managed].value, "id")
		delete(s.config, room("it"))
		for _, pick := range orders {
			s.pick = pick
			for _, how := range []command{{}, {noRefresh: true}} {
				s.refused(how, id, "delete_on_destroy")
			}
			s.lives(id, true)
		}
	})
	t.Run("session removed", func(t *testing.T) {
		t.Parallel()
		s := newStory(t)
		s.config = both()
		s.run()
		id := text(s.state.current[managed].value, "id")
		s.config = configuration{room("it"): lasts(id)}
		s.refused(command{}, id)
		s.lives(id, true)
	})
	t.Run("both removed", func(t *testing.T) {
		t.Parallel()
		s := newStory(t)
		s.config = both()
		s.run()
		id := text(s.state.current[managed].value, "id")
		s.config = configuration{}
		s.run()
		s.lives(id, false)
	})
}

func TestReplacement_OfAnInstanceByItselfDeletesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                string
		createBeforeDestroy bool
		tainted             bool
		how                 command
	}{
		{name: "-replace", how: command{replace: []address{room("it")}}},
		{name: "-replace -refresh=false", how: command{replace: []address{room("it")}, noRefresh: true}},
		{name: "-replace -minimal-refresh", how: command{replace: []address{room("it")}, minimalRefresh: true}},
		{name: "-replace, create first", how: command{replace: []address{room("it")}}, createBeforeDestroy: true},
		{name: "taint", tainted: true},
		{name: "taint, create first", tainted: true, createBeforeDestroy: true},
		{name: "taint -refresh=false", tainted: true, how: command{noRefresh: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.put("s1")
			it := lasts("s1")
			it.createBeforeDestroy = c.createBeforeDestroy
			s.config = configuration{room("it"): it}
			s.run()
			s.writes()
			if c.tainted {
				s.taint(room("it"))
			}
			s.run(c.how)
			s.expectWrites("POST s1")
			s.lives("s1", true)
			s.active(room("it"), true)
			s.expectEmptyPlan()
		})
	}
}

func TestReplacement_OfAnotherSessionDeletesTheOldOne(t *testing.T) {
	t.Parallel()
	for _, createBeforeDestroy := range []bool{false, true} {
		s := newStory(t)
		s.put("s1", "s2")
		before, after := lasts("s1"), lasts("s2")
		before.createBeforeDestroy, after.createBeforeDestroy = createBeforeDestroy, createBeforeDestroy
		s.config = configuration{room("it"): before}
		s.run()
		s.writes()
		s.config = configuration{room("it"): after}
		s.run()
		s.expectWrites("DELETE s1", "POST s2")
		s.expectEmptyPlan()
	}
}

func TestReplacement_OfAManagedSessionDeletesOnlyTheOldOne(t *testing.T) {
	t.Parallel()
	managed := address{sessionType, "it"}
	for _, c := range []struct {
		name                         string
		tainted, createBeforeDestroy bool
		how                          command
	}{
		{name: "-replace", how: command{replace: []address{managed}}},
		{name: "-replace, create first", how: command{replace: []address{managed}}, createBeforeDestroy: true},
		{name: "taint", tainted: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			it := creates()
			it.createBeforeDestroy = c.createBeforeDestroy
			s.config = configuration{managed: it}
			s.run()
			old := text(s.state.current[managed].value, "id")
			if c.tainted {
				s.taint(managed)
			}
			s.run(c.how)
			s.lives(old, false)
			s.lives(text(s.state.current[managed].value, "id"), true)
			s.expectEmptyPlan()
		})
	}
}

func TestReplacement_UnknownSuccessorIsNeverDeleted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		successor           string
		createBeforeDestroy bool
		warns               bool
		writes              []string
	}{
		{"s1", false, true, []string{"POST s1"}},
		{"s2", false, true, []string{"POST s2"}},
		{"s1", true, false, []string{"POST s1"}},
		// The successor is created and known by then.
		{"s2", true, false, []string{"DELETE s1", "POST s2"}},
	} {
		s := newStory(t)
		s.put("s1", "s2")
		s.config = configuration{room("it"): lasts("s1")}
		s.run()
		s.writes()
		later := lasts(c.successor)
		later.later, later.createBeforeDestroy = []string{"session_id"}, c.createBeforeDestroy
		s.config = configuration{room("it"): later}
		if warnings := s.run(); c.warns != (len(warnings) > 0) {
			t.Errorf("%+v: warnings that session s1 is left to run out:\n%s", c, problemText(warnings))
		}
		s.expectWrites(c.writes...)
		s.config = configuration{room("it"): lasts(c.successor)}
		s.expectEmptyPlan()
	}
}

func TestReplacement_UnknownSuccessorOfAKeptSessionIsRefused(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1", "s2")
	s.config = configuration{room("it"): lasts("s1"), room("twin"): lasts("s1")}
	s.run()
	s.writes()
	later := lasts("s2")
	// Created first, so the old session would be deleted once the new one is known.
	later.later, later.createBeforeDestroy = []string{"session_id"}, true
	s.config = configuration{room("it"): later, room("twin"): lasts("s1")}
	s.refused(command{}, "s1", "delete_on_destroy")
	s.expectWrites()
}

func TestReplacement_OfAManagedSessionAndItsExpiryDeletesTheOldSession(t *testing.T) {
	t.Parallel()
	managed := address{sessionType, "it"}
	s := newStory(t)
	s.config = configuration{managed: creates(), room("it"): {arguments: attributes{"ttl_seconds": numberOf(7200)}, needs: "it"}}
	s.run()
	old := text(s.state.current[managed].value, "id")
	s.writes()
	if warnings := s.run(command{replace: []address{managed}}); len(warnings) > 0 {
		t.Errorf("want no warning of what palabra_session deletes:\n%s", problemText(warnings))
	}
	id := text(s.state.current[managed].value, "id")
	s.expectWrites("DELETE "+old, "POST", "POST "+id, "POST "+id)
	s.lives(id, true)
}

func TestDestroy_AfterARenameNeedsNoRefresh(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	s.config = configuration{room("old"): lasts("s1")}
	s.run()
	s.config = configuration{room("new"): lasts("s1")}
	s.refused(command{destroy: true}, "-refresh=false")
	s.lives("s1", true)
	s.run(command{destroy: true, noRefresh: true})
	s.lives("s1", false)
}

// taint marks an instance as a failed provisioner or the command taint does.
func (s *story) taint(at address) {
	held := s.state.current[at]
	held.tainted = true
	s.state.current[at] = held
}
