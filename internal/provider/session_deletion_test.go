package provider

import (
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// inAnyOrder runs a test for the ways to plan that differ in what is read, when, and in
// which order.
func inAnyOrder(t *testing.T, run func(t *testing.T, pick func(int) int, how command)) {
	t.Helper()
	for _, pick := range []func(int) int{func(int) int { return 0 }, func(n int) int { return n - 1 }} {
		for _, how := range []command{{}, {NoRefresh: true}, {MinimalRefresh: true}, {OrphansFirst: true}} {
			t.Run(fmt.Sprint(pick(9), how), func(t *testing.T) {
				t.Parallel()
				run(t, pick, how)
			})
		}
	}
}

// createFirst is a block with create_before_destroy.
func createFirst(b block) block {
	b.CreateBeforeDestroy = true
	return b
}

// comesFrom is a block with a moved block.
func comesFrom(from address, b block) block {
	b.MovedFrom = from
	return b
}

// unknown is a block with arguments that are known after apply.
func unknown(b block, arguments ...string) block {
	b.Later = arguments
	return b
}

// later is a block for a session that is known after apply.
func later(id string) block { return unknown(lasts(id), "session_id") }

// managedAndExpiry is a palabra_session, and a palabra_session_expiry of the
// same session.
func managedAndExpiry(name string) configuration {
	return configuration{sessionAt(name): creates(), room(name): {Arguments: attributes{"ttl_seconds": 7200, "session_id": idOf(name)}}}
}

// gateway answers with a 404 that is not the API's.
var gateway = sandbox.Respond(http.StatusNotFound, "application/json", `{"message":"Not Found"}`)

// TestSessionDeletion_OfAKeptSessionIsRefusedAtPlan, also if the session of a new
// instance is not known yet: it may be the one that is deleted.
func TestSessionDeletion_OfAKeptSessionIsRefusedAtPlan(t *testing.T) {
	t.Parallel()
	keeps := []string{"Plan deletes a session that it keeps", "moved", "for_each", "delete_on_destroy", "ttl_seconds = 3600", "-refresh=false"}
	mayKeep := []string{"Plan may delete a session that it keeps", "-target", "two runs", "moved", "delete_on_destroy", "-refresh=false"}
	three := configuration{room("it[0]"): lasts("s1"), room("it[1]"): lasts("s2"), room("it[2]"): lasts("s3")}
	two := func(a, b string) configuration { return configuration{room("a"): lasts(a), room("b"): lasts(b)} }
	twins := two("s1", "s1")
	one := configuration{room("a"): lasts("s1")}
	type row struct {
		before, after configuration
		session       string // that the error names
		says          []string
		meanwhile     func(*story)
	}
	eachRow(t, map[string]row{
		"rename without moved":  {one, configuration{room("new"): lasts("s1")}, `"s1"`, keeps, nil},
		"count shift":           {three, configuration{room("it[0]"): lasts("s2"), room("it[1]"): lasts("s3")}, `"s`, keeps, nil},
		"one of two twins":      {twins, one, `"s1"`, keeps, nil},
		"replacement of a twin": {twins, two("s2", "s1"), `"s1"`, keeps, nil},
		"swap":                  {two("s1", "s2"), two("s2", "s1"), `"s`, keeps, nil},
		"one of two twins without a note, which a gateway keeps from being read": {twins, one, `"s1"`, keeps, func(s *story) {
			s.loseNote(room("a"))
			s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: gateway})
		}},
		// The old session would be deleted once the successor is known.
		"replacement of a twin by an unknown session, create first": {twins, configuration{room("a"): createFirst(later("s2")), room("b"): lasts("s1")}, `"s1"`, keeps, nil},
		"rename to an unknown session":                              {one, configuration{room("b"): later("s1")}, `"s1"`, mayKeep, nil},
		"count shift of unknown sessions":                           {three, configuration{room("it[0]"): later("s2"), room("it[1]"): later("s3")}, `"s3"`, mayKeep, nil},
		"replaced by a known one beside an unknown one":             {one, configuration{room("a"): lasts("s2"), room("b"): later("s1")}, `"s1"`, mayKeep, nil},
	}, func(t *testing.T, test row) {
		inAnyOrder(t, func(t *testing.T, pick func(int) int, how command) {
			s := newAppliedStory(t, test.before, "s1", "s2", "s3")
			if test.meanwhile != nil {
				test.meanwhile(s)
			}
			s.Pick, s.config = pick, test.after
			s.refused(how, append([]string{test.session}, test.says...)...)
			s.expectWrites()
		})
	})
}

// TestSessionDeletion_OfAKeptSessionThatCountsAsEndedIsRefused: other credentials, after
// the noted end, have not found a session that lives on, and a minimal refresh reads
// only the instance that goes.
func TestSessionDeletion_OfAKeptSessionThatCountsAsEndedIsRefused(t *testing.T) {
	t.Parallel()
	it, twin := room("it"), room("twin")
	eachRow(t, map[string]string{sessionExpiryType: sessionExpiryType, managedSessionType: managedSessionType}, func(t *testing.T, typeName string) {
		inAnyOrder(t, func(t *testing.T, pick func(int) int, how command) {
			kept := configuration{it: lasts("s1")}
			if typeName == managedSessionType {
				it := sessionAt("it")
				kept = configuration{it: {Arguments: attributes{"ttl_seconds": 3600, "recreate_when_ended": false}, Import: "s1"}}
			}
			both := maps.Clone(kept)
			both[twin] = lasts("s1")
			s := newAppliedStory(t, both, "s1")
			s.putSession("s1", 24*time.Hour)
			s.clock.Advance(2 * time.Hour)
			own := s.provider
			s.useOther()
			s.run()
			s.provider, s.Pick, s.config = own, pick, kept
			if how.NoRefresh || how.OrphansFirst {
				s.run(how)
			} else {
				s.refused(how, "Plan deletes a session that it keeps")
			}
			s.lives("s1", true)
		})
	})
}

func TestSessionDeletion_OfOneOfTwoEndedTwinsIsNotRefused(t *testing.T) {
	t.Parallel()
	it, twin := room("it"), room("twin")
	inAnyOrder(t, func(t *testing.T, pick func(int) int, how command) {
		s := newAppliedStory(t, configuration{it: lasts("s1"), twin: lasts("s1")}, "s1")
		s.Remove("s1")
		s.run()
		s.Pick = pick
		s.change(configuration{it: lasts("s1")}, how)
	})
	s := newAppliedStory(t, configuration{it: lasts("s1"), twin: lasts("s1")}, "s1")
	s.Remove("s1")
	s.change(configuration{it: lasts("s1")}, command{OrphansFirst: true})
}

// forgetDeleteOnDestroy leaves the state as an import or a move does before it is read.
func (s *story) forgetDeleteOnDestroy() {
	s.alter(room("it"), func(held *object) {
		values := members(held.Value)
		values["delete_on_destroy"] = tftypes.NewValue(tftypes.Bool, nil)
		held.Value = tftypes.NewValue(held.Value.Type(), values)
	})
}

// TestSessionDeletion_DeletesNoMoreThanThePlanIsFor, nor less.
func TestSessionDeletion_DeletesNoMoreThanThePlanIsFor(t *testing.T) {
	t.Parallel()
	const left = `Session not deleted: This resource was replaced, and the new session_id was not known at plan time: it could have been session "s`
	forgets := attributes{"delete_on_destroy": false}
	it, twin := room("it"), room("twin")
	one := func(b block) configuration { return configuration{it: b} }
	two := func(a, b block) configuration { return configuration{it: a, twin: b} }
	s1, s2, forced := lasts("s1"), lasts("s2"), command{Replace: []address{it}}
	taint := func(s *story) { s.taint(it) }
	type row struct {
		before, after configuration
		how           command
		// meanwhile happens between the two runs.
		meanwhile func(*story)
		writes    []string
		// left says that a warning names a session that was not deleted.
		left bool
	}
	eachRow(t, map[string]row{
		"-replace":                            {before: one(s1), after: one(s1), how: forced, writes: []string{"POST s1"}},
		"-replace, create first":              {before: one(createFirst(s1)), after: one(createFirst(s1)), how: forced, writes: []string{"POST s1"}},
		"taint":                               {before: one(s1), after: one(s1), meanwhile: taint, writes: []string{"POST s1"}},
		"taint, create first":                 {before: one(createFirst(s1)), after: one(createFirst(s1)), meanwhile: taint, writes: []string{"POST s1"}},
		"another session":                     {before: one(s1), after: one(s2), writes: []string{"DELETE s1", "POST s2"}},
		"another session, create first":       {before: one(createFirst(s1)), after: one(createFirst(s2)), writes: []string{"DELETE s1", "POST s2"}},
		"an ended session is replaced":        {before: one(s1), after: one(s2), meanwhile: (*story).endS1, writes: []string{"POST s2"}},
		"rename that forgets":                 {before: one(lasts("s1", forgets)), after: configuration{twin: lasts("s1", forgets)}, writes: []string{"POST s1"}},
		"rename that forgets, to an unknown":  {before: one(lasts("s1", forgets)), after: configuration{twin: later("s1")}, writes: []string{"POST s1"}},
		"rename with moved":                   {before: one(s1), after: configuration{twin: comesFrom(it, s1)}},
		"replacement of a forgotten twin":     {before: two(lasts("s1", forgets), s1), after: two(lasts("s2", forgets), s1), writes: []string{"POST s2"}},
		"both of two twins removed":           {before: two(s1, s1), writes: []string{"DELETE s1"}},
		"one of two ended twins removed":      {before: two(s1, s1), after: one(s1), meanwhile: (*story).endS1},
		"one of two sessions removed":         {before: two(s1, s2), after: one(s1), writes: []string{"DELETE s2"}},
		"first apply, unknown":                {after: two(later("s1"), later("s2")), writes: []string{"POST s1", "POST s2"}},
		"all become unknown":                  {before: two(s1, s2), after: two(later("s2"), later("s1")), writes: []string{"POST s1", "POST s2"}, left: true},
		"one becomes unknown, one is new":     {before: one(s1), after: two(later("s1"), later("s2")), writes: []string{"POST s1", "POST s2"}, left: true},
		"becomes unknown, is the same":        {before: one(s1), after: one(later("s1")), writes: []string{"POST s1"}, left: true},
		"becomes unknown, is another":         {before: one(s1), after: one(later("s2")), writes: []string{"POST s2"}, left: true},
		"becomes unknown, create first":       {before: one(s1), after: one(createFirst(later("s1"))), writes: []string{"POST s1"}},
		"becomes another, create first":       {before: one(s1), after: one(createFirst(later("s2"))), writes: []string{"DELETE s1", "POST s2"}},
		"an unknown one beside a destroy":     {before: one(s1), after: two(s1, later("s2")), how: command{Destroy: true}, writes: []string{"DELETE s1"}},
		"destroy after an action's extension": {before: one(s1), meanwhile: (*story).extendS1, writes: []string{"POST s1", "DELETE s1"}},
		"destroy of what a move left null":    {before: one(s1), meanwhile: (*story).forgetDeleteOnDestroy, how: command{Destroy: true}, writes: []string{"DELETE s1"}},
		"destroy after a refused replacement": {before: one(s1), meanwhile: (*story).refuseReplacement, writes: []string{"DELETE s1"}},
	}, func(t *testing.T, test row) {
		inAnyOrder(t, func(t *testing.T, pick func(int) int, how command) {
			s := newAppliedStory(t, test.before, "s1", "s2")
			if s.Pick = pick; test.meanwhile != nil {
				test.meanwhile(s)
			}
			how.Replace, how.Destroy = test.how.Replace, test.how.Destroy
			if said := problemText(s.change(test.after, how)); says(said, left) != test.left {
				t.Errorf("%s\nsays that a session is left: %t", said, test.left)
			}
			s.expectWrites(test.writes...)
			if test.how.Destroy {
				return
			}
			s.config = maps.Clone(test.after)
			for at, b := range test.after {
				s.config[at] = unknown(b)
			}
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
	})
}

// endS1 ends session s1, which the next run finds.
func (s *story) endS1() {
	s.Remove("s1")
	s.run()
	s.writes()
}

// extendS1 invokes an action in the process of the next run. The second invocation finds
// that the session lives longer, and sends nothing.
func (s *story) extendS1() {
	s.server, _ = s.start().(*Server)
	for _, ttl := range []int{7 * 24 * 3600, 60} {
		invokeAction(s.Ctx, s.t, s.server, extendAction, attributes{"session_id": "s1", "ttl_seconds": ttl})
	}
}

// refuseReplacement plans a replacement that the apply refuses.
func (s *story) refuseReplacement() {
	p := s.Plan(s.config, command{Replace: []address{room("it")}})
	s.provider["renew_only"] = true
	s.expectErrors(s.Apply(p).Problems, "renew_only")
	delete(s.provider, "renew_only")
}

// TestSessionDeletion_ForAnUnknownSessionIsLegal if a palabra_session of the plan shows
// that the old session is deleted.
func TestSessionDeletion_ForAnUnknownSessionIsLegal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		after configuration
		how   command
	}{{managedAndExpiry("a"), command{Replace: []address{sessionAt("a")}}}, {managedAndExpiry("b"), command{}}} {
		s := newAppliedStory(t, managedAndExpiry("a"))
		old := s.id(sessionAt("a"))
		s.expectWarnings(s.change(test.after, test.how))
		s.lives(old, false)
	}
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

// TestSessionDeletion_EngineReplacesWithoutADelete, and gets rid of a deposed object as
// the message says.
func TestSessionDeletion_EngineReplacesWithoutADelete(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	write := func(createFirst bool, exit int) {
		c.write(f.config("variable \"release\" {\n  default = 1\n}\nresource \"terraform_data\" \"release\" {\n  input = var.release\n}\n" +
			expiryConfig(7200, fmt.Sprintf(`
  provisioner "local-exec" { command = "exit %d" }
  lifecycle {
    create_before_destroy = %t
    replace_triggered_by  = [terraform_data.release]
  }`, exit, createFirst))))
	}
	write(false, 3)
	c.fail("apply", "-auto-approve") // It taints the instance.
	f.expectWrites(t, "POST "+testSessionID)
	for _, step := range []struct {
		createFirst bool
		args        []string
	}{
		{false, nil},
		{false, []string{"-var=release=2", "-refresh=false"}},
		// Last: after it, older engines need a refresh before replace_triggered_by.
		{true, []string{"-var=release=2", "-replace=" + expiryAddress}},
	} {
		f.clock.Advance(time.Hour)
		write(step.createFirst, 0)
		if actions, _ := c.plan(step.args...); !says(actions[expiryAddress], "delete", "create") {
			t.Errorf("plan %q: %s, want a replacement", step.args, actions)
		}
		c.run("apply", "tfplan")
		f.expectWrites(t, "POST "+testSessionID)
	}
	if values := c.values(expiryAddress); values["expires_at"] != sinceStart(5*time.Hour) || values["active"] != true {
		t.Errorf("state: %v", values)
	}
	write(true, 3)
	c.fail("apply", "-auto-approve", "-var=release=3")
	write(true, 0)
	for _, args := range [][]string{{"plan", "-var=release=3"}, {"destroy", "-auto-approve", "-var=release=3"}} {
		if said := c.fail(args...); !says(said, "deposed object", "state rm") {
			t.Errorf("%q: %s", args, said)
		}
	}
	c.run("state", "rm", expiryAddress)
	c.run("import", expiryAddress, testSessionID)
	f.ResetRequests()
	c.run("apply", "-auto-approve", "-var=release=3")
	f.expectWrites(t)
	c.run("destroy", "-auto-approve")
	f.expectWrites(t, "DELETE "+testSessionID)
}
