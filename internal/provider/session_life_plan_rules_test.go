package provider_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// judgePlan checks the rules of a plan:
//   - it reads only;
//   - an error has a reason: a fault, a session that the credentials do not find, or
//     one instance that deletes a session which another keeps;
//   - the last is an error, whatever the order and the refresh;
//   - a managed session of another account is an error;
//   - each action, and each renewal, has a reason in configuration and session, and
//     none is missing;
//   - no message contains a secret.
func (l *life) judgePlan(p plannedRun, what circumstance, faultMet bool) {
	for _, request := range l.Requests() {
		if request.Method != http.MethodGet {
			l.fail("the plan wrote: %s %s", request.Method, request.Path)
		}
	}
	must, may := l.conflicts(p)
	for _, found := range p.problems {
		l.judgeText(found)
		named := func(id string) bool { return strings.Contains(found.text, id) }
		if !found.warning && !faultMet && !l.isOfAnother(found, what) && !slices.ContainsFunc(slices.Collect(maps.Keys(may)), named) {
			l.fail("no rule explains the %s\nconflicts: must %v, may %v\nplanned: %v", problemText([]problem{found}), must, may, actionsOf(p))
		}
	}
	if faultMet || p.command.refreshOnly || p.failed() {
		return
	}
	visible := l.visible(what)
	for id := range must {
		if visible[id] {
			l.fail("the plan deletes session %s, which another instance keeps: %v", id, actionsOf(p))
		}
	}
	for at, c := range p.changes {
		l.judgeAction(at, c, p, what)
	}
	if p.command.noRefresh || p.command.minimalRefresh || p.command.target != nil {
		return
	}
	for at, held := range l.state.current {
		if at.kind == sessionType && !visible[held.id()] && l.livesUntilStored(held) {
			l.fail("%s was read with credentials of another account, and the plan has no error: %v", at, actionsOf(p))
		}
	}
}

// isOfAnother says whether an error is about a session that the credentials do not
// find, and that other credentials may.
func (l *life) isOfAnother(found problem, what circumstance) bool {
	held, ok := l.state.current[found.at]
	if !ok {
		held, ok = l.state.deposed[found.at]
	}
	return ok && !l.visible(what)[held.id()] && (what.otherAccount || l.rotated || l.living()[held.id()])
}

// livesUntilStored says whether a session lives and is not past its stored expiry.
func (l *life) livesUntilStored(held object) bool {
	stored, err := time.Parse(time.RFC3339, text(held.value, "expires_at"))
	return err == nil && l.living()[held.id()] && l.clock.Now().Before(stored)
}

// judgeText expects no secret in a message.
func (l *life) judgeText(found problem) {
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

// wants is the session that the configuration gives an instance.
func (l *life) wants(at address, state snapshot, how command) (id string, known, configured bool) {
	said, configured := l.config[at]
	source := at
	switch {
	case !configured:
		return "", true, false
	case slices.Contains(said.later, "session_id"):
		return "", false, true
	case at.kind == expiryType && said.needs == "":
		return said.sessionID(), true, true
	case at.kind == expiryType:
		source = sessionAt(said.needs)
	}
	held, exists := state.current[source]
	if !exists || held.tainted || slices.Contains(how.replace, source) {
		return "", at.kind == sessionType, true
	}
	return held.id(), true, true
}

// claimed is what a plan does with a session; sure is false where only apply knows.
type claimed struct {
	at   address
	id   string
	sure bool
}

// intends lists the instances of a run that delete a session, and those that keep or
// create one, by configuration and state alone.
func (l *life) intends(state snapshot, how command) (deleters, keepers []claimed) {
	included := func(at address) bool {
		return how.target == nil || *how.target == at ||
			*how.target == sessionAt(l.config[at].needs) || *how.target == sessionAt(state.current[at].needs)
	}
	recreated := func(at address) bool {
		return at.kind == sessionType && (slices.Contains(how.replace, at) || l.state.current[at].tainted)
	}
	for at, held := range state.current {
		id, known, configured := l.wants(at, state, how)
		stored := l.state.current[at]
		switch {
		case !included(at), !held.deletes(), !held.active() && (!how.orphansFirst || !stored.active()):
		case !configured, recreated(at):
			deleters = append(deleters, claimed{at, held.id(), true})
		case at.kind == expiryType && (!known || id != held.id()):
			// A provider does not see what a tainted instance was.
			deleters = append(deleters, claimed{at, held.id(), known && !stored.tainted})
		}
	}
	for at, held := range state.deposed {
		if included(at) && held.deletes() && held.active() {
			deleters = append(deleters, claimed{at, held.id(), true})
		}
	}
	for at := range l.config {
		id, known, _ := l.wants(at, state, how)
		held := state.current[at]
		switch {
		case !included(at), !held.value.IsNull() && !held.active() && held.id() == id:
		case recreated(at) && !held.tainted && held.id() != "":
			// Engines ask first as if there were no -replace.
			keepers = append(keepers, claimed{at, held.id(), false})
		case id != "" || !known:
			keepers = append(keepers, claimed{at, id, known})
		}
	}
	return deleters, keepers
}

// conflicts are the sessions that one instance deletes and another keeps: those that
// a plan has to refuse, and those that it may refuse. What the refresh found decides;
// without a refresh that is the state.
func (l *life) conflicts(p plannedRun) (must, may map[string]bool) {
	must, may = make(map[string]bool), make(map[string]bool)
	for i, state := range []snapshot{l.state, p.prior} {
		deleters, keepers := l.intends(state, p.command)
		for _, d := range deleters {
			for _, k := range keepers {
				if d.at == k.at || k.id != "" && d.id != k.id {
					continue
				}
				may[d.id] = true
				if refreshed := i == 1; refreshed && d.sure && k.sure && !p.command.destroy {
					must[d.id] = true
				}
			}
		}
	}
	return must, may
}

// judgeAction compares what a plan does with an instance with what the configuration
// and the session ask for.
func (l *life) judgeAction(at address, c change, p plannedRun, what circumstance) {
	said, configured := l.config[at]
	if !configured || p.command.destroy {
		if c.action != destroyOnly {
			l.fail("%s is in no configuration: %s", at, c.action)
		}
		return
	}
	id, known, _ := l.wants(at, p.prior, p.command)
	held, exists := p.prior.current[at]
	replaced := slices.Contains(p.command.replace, at) || held.tainted || at.kind == expiryType && (!known || id != held.id())
	switch {
	case !exists && c.action != create, exists && replaced != c.action.replaces():
		l.fail("%s: %s; exists: %t, to be replaced: %t", at, c.action, exists, replaced)
	case exists && !replaced:
		if why := l.judgeWrite(at, c, said, p.command, what); why != "" {
			l.fail("%s: %s\nprior:   %s\nplanned: %s", at, why, c.before, object{value: c.planned})
		}
	}
}

// judgeWrite says what is wrong with a renewal in place, or with none.
func (l *life) judgeWrite(at address, c change, said block, how command, what circumstance) string {
	changed, unsure := argumentsChanged(c), len(said.later) > 0 || what.otherAccount || l.doubtful[at]
	if _, asked := said.arguments["ttl_seconds"]; !asked || member(c.before.value, "ttl_seconds").IsNull() {
		unsure = true // There is nothing to renew with, or nothing to compare with.
	}
	switch {
	case unsure:
	case !c.before.active():
		if c.writes() {
			return "the session has ended, and the plan writes"
		}
	case changed, l.unsent[at] && !how.noRefresh:
		if !c.writes() {
			return "arguments changed or are unsent, and the plan does not write"
		}
	case !how.noRefresh && !how.minimalRefresh:
		return l.judgeRenewal(c)
	}
	return ""
}

// judgeRenewal compares what is left of a session with the lead time.
func (l *life) judgeRenewal(c change) string {
	session, lives := l.Session(c.before.id())
	lead := member(c.planned, "renew_before_seconds")
	if lead.IsNull() || !lives {
		if c.writes() {
			return "nothing asks for a renewal"
		}
		return ""
	}
	left := session.ExpiresAt.Sub(l.clock.Now())
	longest := time.Duration(seconds(lead)) * time.Second
	shortest := longest
	if l.options.MaxTTL > 0 {
		shortest = min(longest, l.options.MaxTTL*9/10)
	}
	// The note may be older than this run by a tenth of what was left, so a lead time
	// that changes is compared with the least that may be left.
	most, least := left, left
	if !lead.Equal(member(c.before.value, "renew_before_seconds")) {
		most, least = left+left/8, left*9/10
	}
	switch {
	case c.writes() && least >= longest:
		return "the plan renews with " + left.String() + " left"
	case !c.writes() && most < shortest:
		return "the plan does not renew with " + left.String() + " left"
	}
	return ""
}

// argumentsChanged says whether a plan changes what a POST is for.
func argumentsChanged(c change) bool {
	return slices.ContainsFunc([]string{"ttl_seconds", "renew_triggers"}, func(name string) bool {
		return !member(c.planned, name).Equal(member(c.before.value, name))
	})
}
