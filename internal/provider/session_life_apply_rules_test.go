package provider_test

import (
	"net/http"
	"slices"
	"time"
)

// judge checks the rules of an apply:
//   - an error has a reason: a fault, or a session that the credentials do not find;
//   - a session is deleted only if the plan showed the destroy of its only instance;
//   - such a destroy deletes the session;
//   - a session that lives does not leave the state, unless the plan says so;
//   - an expiry is set where the plan left expires_at to apply, and nowhere else;
//   - no message contains a secret.
func (r appliedRun) judge() {
	for _, found := range r.out.problems {
		r.judgeText(found)
		if !found.warning && !r.disturbed && !r.explains(found) {
			r.fail("no rule explains the %s", problemText([]problem{found}))
		}
	}
	for id := range r.lived {
		if !r.lives[id] {
			r.judgeDeletion(id)
		}
	}
	for _, changes := range []map[address]change{r.plan.changes, r.plan.deposed} {
		for at, c := range changes {
			r.judgeDestroy(at, c)
		}
	}
	for _, objects := range []map[address]object{r.before.current, r.before.deposed} {
		for at, held := range objects {
			r.judgeLeaving(at, held)
		}
	}
	r.judgePosts()
}

// explains says whether the instance needs a session that ended after the plan, or
// before a plan that did not refresh, or that is not of this account. It is not an
// error to delete what has ended.
func (r appliedRun) explains(found problem) bool {
	c, deleting := r.plan.changes[found.at], found.step == "delete"
	id := r.plan.config[found.at].sessionID()
	if deleting || id == "" {
		id = c.before.id()
	}
	if planned := text(c.planned, "session_id"); !deleting && planned != "" {
		id = planned
	}
	return !r.visible(r.what)[id] && (!deleting || r.what.otherAccount || r.rotated || r.living()[id])
}

// unknownSuccessor says whether only apply knows the session of a changed instance.
func (c change) unknownSuccessor() bool {
	successor := member(c.planned, "session_id")
	return c.action != noOp && successor.Type() != nil && !successor.IsKnown()
}

// judgeDeletion expects that the plan showed the destroy of the only instance of a
// session that the apply deleted.
func (r appliedRun) judgeDeletion(id string) {
	shown, tainted := false, false
	for _, changes := range []map[address]change{r.plan.changes, r.plan.deposed} {
		for _, c := range changes {
			if !c.action.deletes() || c.before.id() != id {
				continue
			}
			// With create_before_destroy, what only apply knew is known by then.
			byItself := c.action == deleteThenCreate && c.unknownSuccessor() || text(c.planned, "session_id") == id
			shown = shown || c.before.deletes() && !byItself
			tainted = tainted || c.before.tainted && c.action.replaces()
		}
	}
	if !shown {
		r.fail("session %s was deleted, and no instance of it was to be destroyed: %v", id, actionsOf(r.plan))
	}
	if r.plan.command.target != nil || tainted {
		return // A provider does not see what -target leaves out, or what a tainted instance was.
	}
	for at, held := range r.state.current {
		if held.id() == id && !r.plan.changes[at].action.deletes() {
			r.fail("session %s was deleted, and %s keeps it: %v", id, at, actionsOf(r.plan))
		}
	}
}

func (r appliedRun) unknownSuccessors() bool {
	return slices.ContainsFunc(values(r.plan.changes), change.unknownSuccessor)
}

// judgeDestroy expects that a destroy deletes the session.
func (r appliedRun) judgeDestroy(at address, c change) {
	id := c.before.id()
	switch {
	case !c.action.deletes(), !r.lived[id], !r.lives[id], !c.before.deletes(), !c.before.active(), r.unknownSuccessors():
	case c.action.replaces() && text(c.planned, "session_id") == id:
	case r.what.disturbed(), r.out.failed(), r.out.skipped:
	default:
		r.fail("%s of %s left session %s behind", c.action, at, id)
	}
}

// judgeLeaving expects that a session which lives stays in the state unless the plan
// says otherwise. It may if another account has it or this provider created it.
func (r appliedRun) judgeLeaving(at address, held object) {
	id, visible := held.id(), r.visible(r.what)
	c, planned := r.plan.changes[at]
	switch {
	case at.kind == expiryType && visible[id], !r.lives[id], r.holds(id):
	case planned && !held.deletes(), r.unknownSuccessors(), visible[id] && !held.active(), !visible[id] && !r.livesUntilStored(held):
		r.released[id] = true
	case at.kind == expiryType && c.action.replaces():
		// The user asked for it, nothing is deleted, and the same apply with the right
		// credentials sets it up again.
	case held.tainted && r.plan.command.noRefresh:
		// Nothing was read, and engines hand over no private state of what is tainted,
		// so the account is not known.
		r.released[id] = true
	default:
		r.fail("%s left the state, and session %s lives", at, id)
	}
}

// holds says whether a session is in the state.
func (l *life) holds(id string) bool {
	is := func(o object) bool { return o.id() == id }
	return slices.ContainsFunc(values(l.state.current), is) || slices.ContainsFunc(values(l.state.deposed), is)
}

// judgePosts counts the requests that set an expiry.
func (r appliedRun) judgePosts() {
	sent, allowed := make(map[string]int), make(map[string]int)
	for _, request := range r.Requests() {
		if request.Method == http.MethodPost && request.SessionID != "" {
			sent[request.SessionID]++
		}
	}
	for at, c := range r.plan.changes {
		if !c.writes() {
			continue
		}
		id := text(c.planned, "session_id")
		if id == "" {
			id = r.id(at)
		}
		allowed[id]++
		if _, done := r.out.done[at]; done && id != "" && sent[id] == 0 && r.sets(at, c) && !r.disturbed {
			r.fail("%s of %s leaves expires_at to apply, and nothing was sent", c.action, at)
		}
	}
	for id, n := range sent {
		if n > allowed[id]+allowed[""] {
			r.fail("%d requests set the expiry of session %s; the plan shows %d: %v", n, id, allowed[id], actionsOf(r.plan))
		}
	}
}

// sets says whether a change is certain to set an expiry.
func (r appliedRun) sets(at address, c change) bool {
	return c.writes() && !member(c.planned, "ttl_seconds").IsNull() && len(r.plan.config[at].later) == 0
}

// judgeState compares the state with the sessions after an ordinary run.
func (r appliedRun) judgeState() {
	if r.plan.command.noRefresh || r.plan.command.minimalRefresh || r.plan.command.target != nil {
		return
	}
	shared := r.shared()
	for at, held := range r.state.current {
		session, lives := r.Session(held.id())
		if shared[held.id()] {
			continue
		}
		// A session that has just been connected has an expiry that is past, which does
		// not bring it back to life, even if another instance extends it in the same run.
		reset := lives && !session.ExpiresAt.After(r.clock.Now())
		if active := is(member(held.value, "active"), true); active != lives && !reset {
			r.fail("%s: active is %t, and session %s lives: %t", at, active, held.id(), lives)
		}
		stored, err := time.Parse(time.RFC3339, text(held.value, "expires_at"))
		if err != nil || !lives {
			continue
		}
		if late := stored.Sub(session.ExpiresAt); late > time.Minute || r.sets(at, r.plan.changes[at]) && late.Abs() > 2*time.Second {
			r.fail("%s: session %s ends %s before the expires_at of the state", at, held.id(), late)
		}
		lead := member(held.value, "renew_before_seconds")
		renewAt, err := time.Parse(time.RFC3339, text(held.value, "renew_at"))
		if wanted := !lead.IsNull() && held.active(); wanted != (err == nil) {
			r.fail("%s: renew_at is %s, with a lead of %s", at, renewAt, lead)
		}
		if err == nil && (renewAt.After(stored) || stored.Sub(renewAt) > time.Duration(seconds(lead))*time.Second) {
			r.fail("%s: renew_at is %s, expires_at %s, the lead %s", at, renewAt, stored, lead)
		}
	}
}

// judgeSecondPlan expects that a plan right after a successful apply is empty, has no
// warnings, and leaves the state alone.
func (l *life) judgeSecondPlan(how command) {
	if how.destroy || how.target != nil {
		return
	}
	how.replace = nil
	again, serial, shared := l.plan(l.config, how), l.serial, l.shared()
	for _, found := range again.problems {
		id := l.id(found.at)
		if id == "" {
			id = l.config[found.at].sessionID()
		}
		if !shared[id] {
			l.fail("the second plan says %s", problemText([]problem{found}))
		}
	}
	for at, c := range again.changes {
		if c.action != noOp && !shared[c.before.id()] {
			l.fail("the second plan is not empty: %s of %s\nprior:   %s\nplanned: %s", c.action, at, c.before, object{value: c.planned})
		}
	}
	if len(shared) > 0 || again.failed() {
		return
	}
	again.changes, again.deposed = nil, nil
	if l.apply(again); l.serial != serial {
		l.fail("applying an empty plan changed the state")
	}
}

// shared are the sessions of several instances: each may undo what the other does.
func (l *life) shared() map[string]bool {
	count, shared := make(map[string]int), make(map[string]bool)
	for _, held := range l.state.current {
		count[held.id()]++
	}
	for at, said := range l.config {
		if _, held := l.state.current[at]; !held {
			count[said.sessionID()]++
		}
	}
	for id, n := range count {
		if n > 1 {
			shared[id] = true
		}
	}
	return shared
}
