package provider_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// claimed is what a configuration does with a session that an instance holds or
// wants; sure is false where only apply knows.
type claimed struct {
	at   address
	id   string
	sure bool
}

// intends lists which instances of a run delete a session, and which keep or
// create one, by configuration and state alone.
func (l *life) intends(state snapshot, how command, stored snapshot) (deleters, keepers []claimed) {
	visited := func(at address) bool {
		held := state.current[at]
		return how.target == nil || *how.target == at ||
			how.target.kind == sessionType && (how.target.name == l.config[at].needs || how.target.name == held.needs)
	}
	forced := func(at address) bool { return slices.Contains(how.replace, at) || stored.current[at].tainted }
	for at, held := range state.current {
		if !visited(at) || !deletesOnDestroy(held) {
			continue
		}
		id, known, configured := l.wants(at, state, how)
		live := isActive(held) || how.orphansFirst && isActive(stored.current[at])
		own := text(held.value, "id")
		switch {
		case !live:
		case !configured, at.kind == sessionType && forced(at):
			deleters = append(deleters, claimed{at, own, true})
		case at.kind == expiryType && (!known || id != own):
			// A plan tells the provider nothing of what a tainted instance was.
			deleters = append(deleters, claimed{at, own, known && !stored.current[at].tainted})
		}
	}
	for at, held := range state.deposed {
		if visited(at) && deletesOnDestroy(held) && isActive(held) {
			deleters = append(deleters, claimed{at, text(held.value, "id"), true})
		}
	}
	for at := range l.config {
		if !visited(at) {
			continue
		}
		id, known, _ := l.wants(at, state, how)
		held, exists := state.current[at]
		ended := exists && !isActive(held) && text(held.value, "id") == id
		switch own := text(held.value, "id"); {
		case at.kind == sessionType && forced(at) && !held.tainted && !ended && own != "":
			// Engines ask first as if there were no -replace.
			keepers = append(keepers, claimed{at, own, false})
		case !ended && (id != "" || !known):
			keepers = append(keepers, claimed{at, id, known})
		}
	}
	return deleters, keepers
}

// wants is the session that the configuration wants an instance to be of.
func (l *life) wants(at address, state snapshot, how command) (id string, known, configured bool) {
	said, configured := l.config[at]
	if !configured {
		return "", true, false
	}
	source := at
	if at.kind == expiryType {
		if slices.Contains(said.later, "session_id") {
			return "", false, true
		}
		if said.needs == "" {
			return textOf(said.arguments["session_id"]), true, true
		}
		source = address{sessionType, said.needs}
	}
	held, exists := state.current[source]
	if !exists || held.tainted || slices.Contains(how.replace, source) {
		return "", at.kind == sessionType, true
	}
	return text(held.value, "id"), true, true
}

// conflicts are the sessions that one instance deletes and another keeps: those
// that a plan has to refuse, and those that it may refuse.
func (l *life) conflicts(p plannedRun) (must, may map[string]bool) {
	must, may = make(map[string]bool), make(map[string]bool)
	collect := func(state snapshot, sureOnly bool) {
		deleters, keepers := l.intends(state, p.command, l.state)
		for _, d := range deleters {
			for _, k := range keepers {
				if d.at == k.at || k.id != "" && d.id != k.id || p.command.destroy && sureOnly {
					continue
				}
				if sureOnly && d.sure && k.sure {
					must[d.id] = true
				}
				may[d.id] = true
			}
		}
	}
	collect(l.state, false)
	collect(p.prior, false)
	// What the refresh found decides; an instance that is not refreshed is as the
	// state has it.
	collect(p.prior, true)
	return must, may
}

func (l *life) judgePlan(p plannedRun, what circumstance, faultMet bool) {
	l.t.Helper()
	must, may := l.conflicts(p)
	for _, found := range p.problems {
		l.judgeText(found)
		if found.warning {
			continue
		}
		switch {
		case faultMet, l.strangers(found, what):
		case slices.ContainsFunc(slices.Collect(maps.Keys(may)), func(id string) bool { return strings.Contains(found.text, id) }):
		default:
			l.fail("no rule explains the %s\nconflicts: must %v, may %v\nrefused: %v", problemText([]problem{found}), must, may, actionsOf(p))
		}
	}
	if faultMet || p.command.refreshOnly {
		return
	}
	if !p.failed() {
		for id := range must {
			if l.visible(what)[id] {
				l.fail("the plan deletes session %s, which another instance keeps: %v", id, actionsOf(p))
			}
		}
		l.judgeActions(p, what)
	}
	l.judgeOtherAccount(p, what)
}

// strangers says whether an error is about a session that the credentials do not
// find, and that others may.
func (l *life) strangers(found problem, what circumstance) bool {
	held, ok := l.state.current[found.at]
	if !ok {
		held, ok = l.state.deposed[found.at]
	}
	id := text(held.value, "id")
	return ok && !l.visible(what)[id] && (what.otherAccount || l.rotatedOnce || l.living()[id])
}

// judgeOtherAccount expects an error for a managed session that lives on, and
// that the credentials of the run do not find.
func (l *life) judgeOtherAccount(p plannedRun, what circumstance) {
	l.t.Helper()
	if p.command.noRefresh || p.command.minimalRefresh || p.failed() || p.command.target != nil {
		return
	}
	visible := l.visible(what)
	for at, held := range l.state.current {
		if at.kind == sessionType && !visible[text(held.value, "id")] && l.livesUntilStored(held) {
			l.fail("%s was read with credentials of another account, and the plan has no error: %v", at, actionsOf(p))
		}
	}
}

// livesUntilStored says whether a session lives and is not past the end that
// the state knows.
func (l *life) livesUntilStored(held object) bool {
	stored, err := time.Parse(time.RFC3339, text(held.value, "expires_at"))
	return err == nil && l.living()[text(held.value, "id")] && l.clock.Now().Before(stored)
}

// judgeText expects no secret in a message.
func (l *life) judgeText(found problem) {
	l.t.Helper()
	secrets := []string{testClientSecret, testAPIKey, "secret-trigger"}
	for _, held := range l.state.current {
		if token := text(held.value, "publisher_token"); token != "" {
			secrets = append(secrets, token)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(found.summary+found.text, secret) {
			l.fail("a message shows %q: %s", secret, problemText([]problem{found}))
		}
	}
}

// judgeActions compares what a plan does with what its configuration and the
// sessions ask for, one instance at a time.
func (l *life) judgeActions(p plannedRun, what circumstance) {
	l.t.Helper()
	for at, c := range p.changes {
		said, configured := l.config[at]
		if !configured || p.command.destroy {
			if c.action != destroyOnly {
				l.fail("%s is in no configuration: %s", at, c.action)
			}
			continue
		}
		id, known, _ := l.wants(at, p.prior, p.command)
		held, exists := p.prior.current[at]
		forced := slices.Contains(p.command.replace, at) || held.tainted
		replaced := forced || at.kind == expiryType && (!known || id != text(held.value, "id"))
		switch {
		case !exists && c.action != create, exists && replaced != c.action.replaces():
			l.fail("%s: %s; exists: %t, to be replaced: %t", at, c.action, exists, replaced)
		case exists && !replaced:
			l.judgeWrite(at, c, said, p.command, what)
		}
	}
}

// judgeWrite says whether a renewal in place has a reason, and has to have one.
func (l *life) judgeWrite(at address, c change, said block, how command, what circumstance) {
	l.t.Helper()
	changed, unsure := argumentsChanged(c), len(said.later) > 0 || what.otherAccount || l.doubtful[at]
	if _, asked := said.arguments["ttl_seconds"]; !asked || member(c.before.value, "ttl_seconds").IsNull() {
		unsure = true // Nothing to renew with, or nothing known to differ from.
	}
	switch {
	case !isActive(c.before):
		if c.writes() && !unsure {
			l.fail("%s has ended, and the plan writes\nprior:   %s\nplanned: %s", at, brief(c.before.value), brief(c.planned))
		}
	case unsure:
	case changed || l.unsent[at] && !how.noRefresh:
		if !c.writes() {
			l.fail("%s: arguments changed (%t) or unsent (%t), and the plan does not write\nprior:   %s\nplanned: %s",
				at, changed, l.unsent[at], brief(c.before.value), brief(c.planned))
		}
	case how.noRefresh || how.minimalRefresh:
	default:
		l.judgeRenewal(at, c)
	}
}

func (l *life) judgeRenewal(at address, c change) {
	l.t.Helper()
	session, lives := l.box.Session(text(c.before.value, "id"))
	lead := member(c.planned, "renew_before_seconds")
	if lead.IsNull() || !lives {
		if c.writes() {
			l.fail("%s: nothing asks for a renewal\nprior:   %s\nplanned: %s", at, brief(c.before.value), brief(c.planned))
		}
		return
	}
	left := session.ExpiresAt.Sub(l.clock.Now())
	asked := time.Duration(seconds(lead)) * time.Second
	shortest := asked
	if l.capped > 0 {
		shortest = min(asked, l.capped*9/10)
	}
	// What was noted may be a tenth older than what is, so a lead that changes is
	// compared with the least that may be left.
	slack, least := time.Duration(0), left
	if !lead.Equal(member(c.before.value, "renew_before_seconds")) {
		slack, least = left/8, left*9/10
	}
	switch due := c.writes(); {
	case due && least >= asked:
		l.fail("%s is renewed with %s left and a lead of %s", at, left, asked)
	case !due && left+slack < shortest:
		l.fail("%s is not renewed with %s left and a lead of %s", at, left, shortest)
	}
}

// judgeApply checks what an apply did to the sessions, and why it failed.
func (l *life) judgeApply(p plannedRun, out outcome, what circumstance, before snapshot, lived map[string]bool, disturbed bool) {
	l.t.Helper()
	lives := l.living()
	for _, found := range out.problems {
		l.judgeText(found)
		if !found.warning && !disturbed && !l.explainsApply(found, p, what) {
			l.fail("no rule explains the %s", problemText([]problem{found}))
		}
	}
	unknown := false
	for _, c := range p.changes {
		unknown = unknown || !c.planned.IsNull() && c.action != noOp && member(c.planned, "session_id").Type() != nil && !member(c.planned, "session_id").IsKnown()
	}
	for id := range lived {
		if !lives[id] {
			l.judgeDeletion(id, p)
		}
	}
	for _, changes := range []map[address]change{p.changes, p.deposed} {
		for at, c := range changes {
			l.judgeDeparture(at, c, out, what, lives, lived, unknown)
		}
	}
	l.judgeLeaving(p, what, before, lives, unknown)
	l.judgePosts(p, out, disturbed)
}

// explainsApply lists the rules by which an undisturbed apply may fail: it needs
// a session that ended after the plan, or before a plan that did not look, or
// that is not of this account. Deleting what has ended is no error.
func (l *life) explainsApply(found problem, p plannedRun, what circumstance) bool {
	c := p.changes[found.at]
	id := textOf(p.config[found.at].arguments["session_id"])
	if found.step == "delete" || id == "" {
		id = text(c.before.value, "id")
	}
	if planned := text(c.planned, "session_id"); found.step != "delete" && planned != "" {
		id = planned
	}
	return !l.visible(what)[id] && (found.step != "delete" || what.otherAccount || l.rotatedOnce || l.living()[id])
}

// judgeDeletion expects that the plan showed the destroy of the only instance of
// a session that the apply deleted.
func (l *life) judgeDeletion(id string, p plannedRun) {
	l.t.Helper()
	shown := false
	check := func(c change) {
		successor := member(c.planned, "session_id")
		// With create_before_destroy, what only apply knew is known by then.
		itself := successor.Type() != nil && (c.action == deleteThenCreate && !successor.IsKnown() || successor.Equal(stringOf(id)))
		shown = shown || c.action.deletes() && text(c.before.value, "id") == id && deletesOnDestroy(c.before) && !itself
	}
	for _, c := range p.changes {
		check(c)
	}
	for _, c := range p.deposed {
		check(c)
	}
	if !shown {
		l.fail("session %s was deleted, and no instance of it was to be destroyed: %v", id, actionsOf(p))
	}
	if p.command.target != nil || taintedDeletes(id, p) {
		return // A provider is told nothing of what -target leaves out, nor of what a tainted instance was.
	}
	for at, held := range l.state.current {
		if c := p.changes[at]; text(held.value, "id") == id && !c.action.deletes() {
			l.fail("session %s was deleted, and %s keeps it: %v", id, at, actionsOf(p))
		}
	}
}

// taintedDeletes says whether the replacement of a tainted instance deletes a
// session.
func taintedDeletes(id string, p plannedRun) bool {
	for _, c := range p.changes {
		if c.before.tainted && c.action.replaces() && text(c.before.value, "id") == id {
			return true
		}
	}
	return false
}

// judgeDeparture expects that a destroy deletes the session.
func (l *life) judgeDeparture(at address, c change, out outcome, what circumstance, lives, lived map[string]bool, unknown bool) {
	l.t.Helper()
	id := text(c.before.value, "id")
	if !c.action.deletes() || !lived[id] || !lives[id] || !deletesOnDestroy(c.before) || !isActive(c.before) || unknown {
		return
	}
	if c.action.replaces() && text(c.planned, "session_id") == id || what.disturbed() || out.failed() || out.skipped {
		return
	}
	l.fail("%s of %s left session %s behind", c.action, at, id)
}

// judgeLeaving expects that a managed session which lives does not leave the
// state unless the plan says so.
func (l *life) judgeLeaving(p plannedRun, what circumstance, before snapshot, lives map[string]bool, unknown bool) {
	l.t.Helper()
	visible := l.visible(what)
	for _, objects := range []map[address]object{before.current, before.deposed} {
		for at, held := range objects {
			id := text(held.value, "id")
			if at.kind != sessionType && visible[id] || !lives[id] || l.holds(id) {
				continue
			}
			c, planned := p.changes[at]
			switch {
			case planned && !deletesOnDestroy(held), unknown, visible[id] && !isActive(held), !visible[id] && !l.livesUntilStored(held):
				l.released[id] = true
			case at.kind == expiryType && c.action.replaces():
				// The user asked for it, nothing is deleted, and the same apply with the
				// right credentials sets it up again.
			case held.tainted && p.command.noRefresh:
				// Nothing was read, and engines hand over no private state of what is
				// tainted: nobody knows which account it belongs to.
				l.released[id] = true
			default:
				l.fail("%s left the state, and session %s lives", at, id)
			}
		}
	}
}

// holds says whether the state holds a session.
func (l *life) holds(id string) bool {
	is := func(o object) bool { return text(o.value, "id") == id }
	return slices.ContainsFunc(slices.Collect(maps.Values(l.state.current)), is) ||
		slices.ContainsFunc(slices.Collect(maps.Values(l.state.deposed)), is)
}

// judgePosts counts the requests that set an expiry.
func (l *life) judgePosts(p plannedRun, out outcome, disturbed bool) {
	l.t.Helper()
	sent, allowed := make(map[string]int), make(map[string]int)
	for _, request := range l.accounts.requests() {
		if request.Method == http.MethodPost && request.SessionID != "" {
			sent[request.SessionID]++
		}
	}
	for at, c := range p.changes {
		if c.action == noOp || c.action == destroyOnly || !c.writes() {
			continue
		}
		id := text(c.planned, "session_id")
		if id == "" {
			id = text(l.state.current[at].value, "id")
		}
		if allowed[id]++; id == "" {
			continue
		}
		if _, done := out.done[at]; done && sent[id] == 0 && len(p.config[at].later) == 0 && !disturbed &&
			!member(c.planned, "ttl_seconds").IsNull() {
			l.fail("%s of %s leaves expires_at to apply, and nothing was sent", c.action, at)
		}
	}
	for id, n := range sent {
		if n > allowed[id]+allowed[""] {
			l.fail("%d requests set the expiry of session %s; the plan shows %d: %v", n, id, allowed[id], actionsOf(p))
		}
	}
}

// judgeState compares state and server after an ordinary run.
func (l *life) judgeState(p plannedRun) {
	l.t.Helper()
	if p.command.noRefresh || p.command.minimalRefresh || p.command.target != nil {
		return
	}
	twins := l.twins()
	for at, held := range l.state.current {
		id := text(held.value, "id")
		session, lives := l.box.Session(id)
		// A session that has just been connected tells an expiry that is past, which
		// brings nothing back to life, even if a twin extends it in the same run.
		reset := lives && !session.ExpiresAt.After(l.clock.Now())
		if active := isTrue(member(held.value, "active")); active != lives && !twins[id] && !reset {
			l.fail("%s: active is %t, and session %s lives: %t", at, active, id, lives)
		}
		stored, err := time.Parse(time.RFC3339, text(held.value, "expires_at"))
		if err != nil || !lives || twins[id] {
			continue
		}
		if late := stored.Sub(session.ExpiresAt); late > time.Minute {
			l.fail("%s: session %s ends %s before the expires_at of the state", at, id, late)
		} else if c := p.changes[at]; c.writes() && !member(c.planned, "ttl_seconds").IsNull() && len(p.config[at].later) == 0 && late.Abs() > 2*time.Second {
			l.fail("%s: session %s ends %s before the expires_at that was just set", at, id, late)
		}
		l.judgeRenewAt(at, held, stored)
	}
}

func (l *life) judgeRenewAt(at address, held object, stored time.Time) {
	l.t.Helper()
	lead := member(held.value, "renew_before_seconds")
	renewAt, err := time.Parse(time.RFC3339, text(held.value, "renew_at"))
	if wanted := !lead.IsNull() && isActive(held); wanted != (err == nil) {
		l.fail("%s: renew_at is %s, with a lead of %s", at, member(held.value, "renew_at"), lead)
	}
	if err == nil && (renewAt.After(stored) || stored.Sub(renewAt) > time.Duration(seconds(lead))*time.Second) {
		l.fail("%s: renew_at is %s, expires_at %s, the lead %s", at, renewAt, stored, lead)
	}
}
