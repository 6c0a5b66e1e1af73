package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

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

// managedAndExpiry is a palabra_session, and a palabra_session_expiry of the
// same session.
func managedAndExpiry() configuration {
	return configuration{sessionAt("it"): creates(), room("it"): {Arguments: attributes{"ttl_seconds": 7200, "session_id": idOf("it")}}}
}

// TestSessionDeletion_OfAKeptSessionIsRefusedAtPlan, also if the session of a new
// instance is not known yet: it may be the one that is deleted.
func TestSessionDeletion_OfAKeptSessionIsRefusedAtPlan(t *testing.T) {
	t.Parallel()
	later := func(id string) block { return unknown(lasts(id), "session_id") }
	keeps := []string{"Plan deletes a session that it keeps", "moved", "for_each", "delete_on_destroy", "ttl_seconds = 3600"}
	mayKeep := []string{"Plan may delete a session that it keeps", "-target", "two runs", "moved", "delete_on_destroy"}
	three := configuration{room("it[0]"): lasts("s1"), room("it[1]"): lasts("s2"), room("it[2]"): lasts("s3")}
	twins := configuration{room("a"): lasts("s1"), room("b"): lasts("s1")}
	one := configuration{room("a"): lasts("s1")}
	for name, test := range map[string]struct {
		before, after configuration
		session       string // that the error names
		says          []string
	}{
		"rename without moved":  {one, configuration{room("new"): lasts("s1")}, `"s1"`, keeps},
		"count shift":           {three, configuration{room("it[0]"): lasts("s2"), room("it[1]"): lasts("s3")}, `"s`, keeps},
		"one of two twins":      {twins, one, `"s1"`, keeps},
		"replacement of a twin": {twins, configuration{room("a"): lasts("s2"), room("b"): lasts("s1")}, `"s1"`, keeps},
		"swap": {
			configuration{room("a"): lasts("s1"), room("b"): lasts("s2")},
			configuration{room("a"): lasts("s2"), room("b"): lasts("s1")}, `"s`, keeps,
		},
		// The old session would be deleted once the successor is known.
		"replacement of a twin by an unknown session, create first": {twins, configuration{room("a"): createFirst(later("s2")), room("b"): lasts("s1")}, `"s1"`, keeps},
		"rename to an unknown session":                              {one, configuration{room("b"): later("s1")}, `"s1"`, mayKeep},
		"count shift of unknown sessions":                           {three, configuration{room("it[0]"): later("s2"), room("it[1]"): later("s3")}, `"s3"`, mayKeep},
		"count shift of unknown sessions, create first":             {three, configuration{room("it[0]"): createFirst(later("s2")), room("it[1]"): createFirst(later("s3"))}, `"s3"`, mayKeep},
		"replaced by a known one beside an unknown one":             {one, configuration{room("a"): lasts("s2"), room("b"): later("s1")}, `"s1"`, mayKeep},
	} {
		for order, pick := range orders {
			for refresh, how := range refreshes {
				t.Run(name+" "+order+refresh, func(t *testing.T) {
					t.Parallel()
					s := newAppliedStory(t, test.before, "s1", "s2", "s3")
					s.Pick, s.config = pick, test.after
					s.refused(how, append([]string{test.session}, test.says...)...)
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
				problems := s.change(test.after, test.how)
				if test.writes != nil {
					s.expectWrites(test.writes...)
				} else {
					s.expectWarnings(problems) // The plan shows that the old session is deleted.
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
	// The second invocation finds that the session lives longer, and sends nothing.
	for _, ttl := range []int{7 * 24 * 3600, 60} {
		_, diags := p.invoke(t.Context(), extendAction, attributes{"session_id": "s1", "ttl_seconds": ttl})
		expectNone(t, diags)
	}
	s.change(configuration{})
	s.expectWrites("POST s1", "DELETE s1")
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
		"rename with moved":               {before: it, after: configuration{room("new"): comesFrom(room("it"), lasts("s1"))}},
		"both of two twins removed":       {before: configuration{room("it"): lasts("s1"), room("twin"): lasts("s1")}, writes: []string{"DELETE s1"}},
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

func TestSessionDeletion_UnknownSuccessorIsNotDeleted(t *testing.T) {
	t.Parallel()
	const left = `Session not deleted: This resource was replaced, and the new session_id was not known at plan time: it could have been session "s1" itself.`
	type row struct {
		after    block
		warnings []string
		writes   []string
	}
	eachRow(t, map[string]row{
		"the same session":               {lasts("s1"), []string{left}, []string{"POST s1"}},
		"another session":                {lasts("s2"), []string{left}, []string{"POST s2"}},
		"the same session, create first": {createFirst(lasts("s1")), nil, []string{"POST s1"}},
		// The successor is created, and so known, before the deletion.
		"another session, create first": {createFirst(lasts("s2")), nil, []string{"DELETE s1", "POST s2"}},
	}, func(t *testing.T, test row) {
		s := newAppliedStory(t, configuration{room("it"): lasts("s1")}, "s1", "s2")
		s.expectWarnings(s.change(configuration{room("it"): unknown(test.after, "session_id")}), test.warnings...)
		s.expectWrites(test.writes...)
		s.config = configuration{room("it"): test.after}
		s.expectEmptyPlan()
	})
}

// TestSessionDeletion_AfterARefusedReplacement: what was noted for the replacement keeps
// the session no longer.
func TestSessionDeletion_AfterARefusedReplacement(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, configuration{room("it"): lasts("s1")}, "s1")
	p := s.Plan(s.config, command{Replace: []address{room("it")}})
	s.provider["renew_only"] = true
	s.expectErrors(s.Apply(p).Problems, "renew_only")
	delete(s.provider, "renew_only")
	s.change(configuration{})
	s.expectWrites("DELETE s1")
	s.lives("s1", false)
}

// TestSessionDeletion_TwinWithoutANoteIsNotTakenForTheOther, although a gateway keeps it
// from being read.
func TestSessionDeletion_TwinWithoutANoteIsNotTakenForTheOther(t *testing.T) {
	t.Parallel()
	s := newAppliedStory(t, configuration{room("it"): lasts("s1"), room("twin"): lasts("s1")}, "s1")
	s.loseNote(room("it"))
	s.config = configuration{room("it"): lasts("s1")}
	s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: sandbox.Respond(http.StatusNotFound, "application/json", `{"message":"Not Found"}`)})
	s.Pick = orders["last to first"]
	s.refused(command{}, "Plan deletes a session that it keeps")
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

// TestSessionDeletion_EngineGetsRidOfADeposedObject as the message says.
func TestSessionDeletion_EngineGetsRidOfADeposedObject(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	config := func(release int, command string) string {
		return f.config(fmt.Sprintf("resource \"terraform_data\" \"release\" {\n  input = %d\n}\n", release) + expiryConfig(7200, fmt.Sprintf(`
  provisioner "local-exec" { command = %q }
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.release]
  }`, command)))
	}
	c.write(config(1, "exit 0"))
	c.run("apply", "-auto-approve")
	c.write(config(2, "exit 3"))
	c.fail("apply", "-auto-approve")
	c.write(config(2, "exit 0"))
	for _, args := range [][]string{{"plan"}, {"destroy", "-auto-approve"}} {
		if said := c.fail(args...); !strings.Contains(said, "deposed object") || !strings.Contains(said, "state rm") {
			t.Errorf("%q: %s", args, said)
		}
	}
	c.run("state", "rm", expiryAddress)
	c.run("import", expiryAddress, testSessionID)
	f.ResetRequests()
	c.run("apply", "-auto-approve")
	f.expectWrites(t)
	c.run("destroy", "-auto-approve")
	f.expectWrites(t, "DELETE "+testSessionID)
}

func TestSessionDeletion_EngineReplacesWithoutADelete(t *testing.T) {
	t.Parallel()
	f, c := newFixture(t), newCLI(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	config := func(createFirst bool, provisioner string) string {
		return f.config(`
variable "release" {
  default = 1
}

resource "terraform_data" "release" {
  input = var.release
}
` + expiryConfig(7200, fmt.Sprintf("%s\n  lifecycle {\n    create_before_destroy = %t\n    replace_triggered_by  = [terraform_data.release]\n  }", provisioner, createFirst)))
	}
	c.write(config(false, "provisioner \"local-exec\" {\n    command = \"exit 3\"\n  }"))
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
		c.write(config(step.createFirst, ""))
		actions, _ := c.plan(step.args...)
		if got := actions[expiryAddress]; !strings.Contains(got, "delete") || !strings.Contains(got, "create") {
			t.Errorf("plan %q: %s, want a replacement", step.args, got)
		}
		c.run("apply", "tfplan")
		f.expectWrites(t, "POST "+testSessionID)
	}
	if values := c.values(expiryAddress); values["expires_at"] != sinceStart(5*time.Hour) || values["active"] != true {
		t.Errorf("state: %v", values)
	}
	c.run("destroy", "-auto-approve")
	f.expectWrites(t, "DELETE "+testSessionID)
}
