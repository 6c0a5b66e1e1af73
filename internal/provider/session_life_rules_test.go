package provider

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine/simulated"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// The rules are a user's, from the configuration, the plan as it is shown, and the
// server. They know nothing of what the provider notes.
//
//   - A plan only reads. What a plan did not show does not happen.
//   - A wanted session lives: no run deletes a session that an instance of the
//     configuration has, whatever was known when.
//   - A run that exits 0 has said of each instance whether its session lives, and that
//     is true.
//   - What was shown as deleted is gone, or a message names it.
//   - What a run creates is in the state, or gone, or an error tells of it.
//   - A lifetime is set when something asks for it, and only then.
//   - An error has a reason, and no message shows a secret.
//   - The next plan is empty.

// world is what a user sees of the server at one time.
type world struct {
	at time.Time
	// lives are all sessions of all accounts; mine are those that the credentials of
	// the run find.
	lives, mine map[string]sandbox.Session
}

func (l *life) observe(now run) world {
	w := world{at: l.clock.Now(), lives: make(map[string]sandbox.Session), mine: make(map[string]sandbox.Session)}
	for _, box := range l.boxes() {
		for _, session := range box.Sessions() {
			w.lives[session.ID] = session
			if box == l.accountOf(now) {
				w.mine[session.ID] = session
			}
		}
	}
	return w
}

// judgedPlan is a plan with what was before it.
type judgedPlan struct {
	*life
	run   run
	plan  plannedRun
	world world
	// fault says that a fault or an interrupt met the run.
	fault bool
}

// judgedApply is an apply with what was before and after it. at is the world when the
// apply began.
type judgedApply struct {
	judgedPlan
	out outcome
	// planFault says that a fault or a list that lags met the plan, which then may not
	// know an expiry.
	planFault bool
	before    simulated.State
	at, after world
}

// wants is the session that the configuration gives an instance, by a state. known is
// false for a reference to what is not created yet, and before apply for what is
// known after it.
func (l *life) wants(at address, state simulated.State, how command, planning bool) (id string, known bool) {
	said, configured := l.config[at]
	if !configured || said.Forget {
		return "", true
	}
	if planning && slices.Contains(said.Later, "session_id") {
		return "", false
	}
	source := at
	if at.Type == sessionExpiryType {
		if id := sessionIDOf(said); id != "" {
			return id, true
		}
		source, _ = neededBy(said)
	}
	held, exists := state.Current[source]
	if planning && (!exists || held.Tainted || slices.Contains(how.Replace, source)) {
		return "", false
	}
	return idIn(held), true
}

// included says whether a run with -target or -exclude is about an instance.
func (p judgedPlan) included(at address) bool {
	_, planned := p.plan.Changes[at]
	return planned || p.plan.Command.Target == nil && p.plan.Command.Exclude == nil
}

func (l *life) judgePlan(p judgedPlan) {
	for _, request := range l.Requests() {
		if request.Method != http.MethodGet {
			l.breaks("the plan wrote: %s %s", request.Method, request.Path)
		}
	}
	for _, found := range p.plan.Problems {
		l.judgeText(found)
		if !found.Warning && !p.fault && !p.explains(found) {
			l.breaks("nothing explains the error of the plan: %s", problemText([]problem{found}))
		}
		// A provider does not see -replace: it is asked for an update first.
		if c, planned := p.plan.Changes[found.At]; planned && !c.Action.Replaces() && found.Summary == "Session gets a shorter lifetime" && !p.fault && !p.shortens(found.At) {
			l.breaks("the session does not end earlier: %s", problemText([]problem{found}))
		}
	}
	if p.fault || p.plan.Failed() || p.plan.Command.RefreshOnly {
		return
	}
	for _, at := range simulated.Sorted(p.plan.Changes) {
		if c := p.plan.Changes[at]; c.Action == update || c.Action == noOp {
			if why := p.judgeWrite(at, c); why != "" {
				l.breaks("%s: "+why+"\nprior:   %s\nplanned: %s", at, brief(c.Before.Value), brief(c.Planned))
			}
		}
		p.judgeShortening(at)
		if was := p.State.Current[at]; p.plan.Changes[at].Action == create && is(member(was.Value, "recreate_when_ended"), false) && !l.movesAway(at) {
			l.breaks("%s: the plan creates another session instead of %s", at, idIn(was))
		}
	}
}

// movesAway says whether a moved block takes the object of an instance.
func (l *life) movesAway(at address) bool {
	for _, said := range l.config {
		if said.MovedFrom == at {
			return true
		}
	}
	return false
}

// judgeText expects no secret in a message.
func (l *life) judgeText(found problem) {
	secrets := []string{testClientSecret, testAPIKey, "secret-trigger"}
	for _, held := range l.State.Current {
		if token := text(held.Value, "publisher_token"); token != "" {
			secrets = append(secrets, token)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(found.Summary+found.Text, secret) {
			l.breaks("a message shows %q: %s", secret, problemText([]problem{found}))
		}
	}
}

// explains says whether a user would understand the error of a plan: the credentials
// do not find a session that others found, an instance deletes what another keeps or
// may keep, there is nothing to import, or the run may only renew.
func (p judgedPlan) explains(found problem) bool {
	switch {
	case p.run.renewOnly, found.Step == "import", slices.Contains(p.config[found.At].IgnoreChanges, "ttl_seconds"):
		return true // The lifetime that is ignored may be shorter than the lead.
	}
	for _, state := range []simulated.State{p.plan.Prior, p.State} {
		for _, held := range p.heldAt(found.At, state) {
			if _, mine := p.world.mine[idIn(held)]; !mine && (p.memory[found.At].key != p.run.key || p.run.key != "") {
				return true
			}
		}
	}
	states := []simulated.State{p.plan.Prior}
	if how := p.plan.Command; how.OrphansFirst || how.MinimalRefresh {
		states = append(states, p.State) // They plan before they read.
	}
	for _, state := range states {
		for _, d := range p.deleters(state) {
			for at := range p.config {
				id, known := p.wants(at, state, p.plan.Command, true)
				if (at != d.at || d.deposed) && (!known || id == d.id) && strings.Contains(found.Text, d.id) {
					return true
				}
			}
		}
	}
	return false
}

// heldAt are the objects of an instance.
func (l *life) heldAt(at address, state simulated.State) (objects []object) {
	if held, ok := state.Current[at]; ok {
		objects = append(objects, held)
	}
	for deposed, held := range state.Deposed {
		if deposed.Address == at {
			objects = append(objects, held)
		}
	}
	return objects
}

// deleter is an object whose destruction deletes a session.
type deleter struct {
	at      address
	id      string
	deposed bool
}

// deleters are the objects that a run destroys by configuration and state.
func (p judgedPlan) deleters(state simulated.State) (all []deleter) {
	for at, held := range state.Current {
		id, known := p.wants(at, state, p.plan.Command, true)
		said, configured := p.config[at]
		replaced := held.Tainted || slices.Contains(p.plan.Command.Replace, at) || !known || id != idIn(held)
		if (!configured || !said.Forget && replaced) && deletesSession(held) && isActive(held) {
			all = append(all, deleter{at, idIn(held), false})
		}
	}
	for at, held := range state.Deposed {
		if deletesSession(held) && isActive(held) {
			all = append(all, deleter{at.Address, idIn(held), true})
		}
	}
	return all
}

// judgeWrite says what is wrong with a renewal in place, or with none.
func (p judgedPlan) judgeWrite(at address, c change) string {
	how := p.plan.Command
	if len(p.config[at].Later) > 0 || len(p.config[at].IgnoreChanges) > 0 || p.run.key != "" || p.memory[at].doubtful ||
		member(c.Planned, "ttl_seconds").IsNull() || member(c.Before.Value, "ttl_seconds").IsNull() || p.config[at].Import != "" {
		return ""
	}
	switch {
	case !isActive(c.Before):
		if writes(c) {
			return "the session has ended, and the plan writes"
		}
	case argumentsChanged(c), p.memory[at].unsent && !how.NoRefresh:
		if !writes(c) {
			return "arguments changed or are unsent, and the plan does not write"
		}
	case !how.NoRefresh && !how.MinimalRefresh:
		return p.judgeRenewal(c)
	}
	return ""
}

// judgeRenewal compares what is left of a session with the lead time. A lead that
// changes may be judged by what was last noted, so its first plan is free.
func (p judgedPlan) judgeRenewal(c change) string {
	session, lives := p.world.mine[idIn(c.Before)]
	lead := member(c.Planned, "renew_before_seconds")
	if lead.IsNull() || !lives {
		if writes(c) {
			return "nothing asks for a renewal"
		}
		return ""
	}
	left := session.ExpiresAt.Sub(p.world.at)
	longest := time.Duration(secondsOf(lead)) * time.Second
	shortest := longest
	if p.options.MaxTTL > 0 {
		shortest = min(longest, p.options.MaxTTL/10*9)
	}
	switch {
	case !lead.Equal(member(c.Before.Value, "renew_before_seconds")):
	case writes(c) && left >= longest:
		return "the plan renews too early, with " + left.String() + " left"
	case !writes(c) && left < shortest && !p.untrueMet():
		return "the plan does not renew, with " + left.String() + " left"
	}
	return ""
}

// judgeShortening expects a warning where a plan is going to set an end that is clearly
// earlier than that of a session which it has read.
func (p judgedPlan) judgeShortening(at address) {
	id := p.plannedID(at)
	session, lives := p.world.mine[id]
	if !lives || p.plan.Command.NoRefresh || !p.shortens(at) {
		return
	}
	if !slices.ContainsFunc(p.plan.Problems, func(found problem) bool {
		return found.At == at && strings.Contains(found.Text, id) && strings.Contains(found.Text, session.ExpiresAt.Format(time.RFC3339))
	}) {
		p.breaks("the plan shortens session %s, which lives until %s, without a word", id, session.ExpiresAt)
	}
}

func (p judgedPlan) plannedID(at address) string {
	planned := p.plan.Changes[at].Planned
	return cmp.Or(text(planned, "session_id"), text(planned, "id"))
}

// shortens says whether a plan sets an end that is clearly earlier than that of the
// session.
func (p judgedPlan) shortens(at address) bool {
	c := p.plan.Changes[at]
	ttl := member(c.Planned, "ttl_seconds")
	if !writes(c) || ttl.IsNull() || !ttl.IsKnown() {
		return false
	}
	end := p.world.at.Add(time.Duration(secondsOf(ttl)) * time.Second)
	return p.world.mine[p.plannedID(at)].ExpiresAt.Sub(end) > time.Minute
}

// argumentsChanged says whether a plan changes what a POST is for.
func argumentsChanged(c change) bool {
	return slices.ContainsFunc([]string{"ttl_seconds", "renew_triggers"}, func(name string) bool {
		return !member(c.Planned, name).Equal(member(c.Before.Value, name))
	})
}

// objectChange is a planned change of an instance or of a deposed object.
type objectChange struct {
	at address
	change
}

func (p judgedPlan) changes() (all []objectChange) {
	for at, c := range p.plan.Changes {
		all = append(all, objectChange{at, c})
	}
	for at, c := range p.plan.Deposed {
		all = append(all, objectChange{at.Address, c})
	}
	return all
}

func (l *life) judgeApply(a judgedApply) {
	for _, found := range a.out.Problems {
		l.judgeText(found)
		if !found.Warning && !a.fault && !a.explainsApply(found) {
			l.breaks("nothing explains the error of the apply: %s", problemText([]problem{found}))
		}
	}
	for _, request := range l.Requests() {
		if request.Method == http.MethodDelete {
			a.judgeDeletion(request.SessionID)
		}
		if a.run.renewOnly && (request.Method == http.MethodDelete || request.Method == http.MethodPost && request.SessionID == "") {
			l.breaks("a run that may only renew sent %s %s", request.Method, request.Path)
		}
	}
	for _, c := range a.changes() {
		a.judgeDestroy(c)
	}
	a.judgeLeaving()
	a.judgeCreated()
	a.judgePosts()
	if !a.out.Failed() && !a.out.Skipped && !a.fault {
		a.judgeTruth()
	}
}

// mentions says whether a message of the run names a session.
func (a judgedApply) mentions(id string) bool {
	return slices.ContainsFunc(slices.Concat(a.plan.Problems, a.out.Problems), func(found problem) bool { return strings.Contains(found.Text, id) })
}

// explainsApply says whether a user would understand the error: a session that the
// run needs is not there, or not there any more, or another account has it.
func (a judgedApply) explainsApply(found problem) bool {
	if found.Step == "provisioner" || found.Step == "dependent" || a.run.renewOnly {
		return true
	}
	c := a.plan.Changes[found.At]
	if limit := a.options.SessionLimit; limit > 0 && found.Step == "create" && found.At.Type == managedSessionType {
		return len(a.at.mine) >= limit || len(a.after.mine) >= limit
	}
	ids := []string{idIn(c.Before), text(c.Planned, "session_id")}
	if id, known := a.wants(found.At, a.State, a.plan.Command, false); known {
		ids = append(ids, id)
	}
	for _, id := range ids {
		if a.destroysTainted(id) || a.showsItsEnd(found.At, id) {
			return true
		}
		if _, mine := a.at.mine[id]; id != "" && !mine {
			return found.Step != "delete" || a.memory[found.At].key != a.run.key || a.run.key != ""
		}
	}
	return false
}

// showsItsEnd says whether an instance gets the id of a session only after apply whose
// end the plan shows: that of a palabra_session, or with create_before_destroy that of an
// instance which turns out to have another session. No provider can see the latter.
func (a judgedApply) showsItsEnd(at address, id string) bool {
	isLater := func(at address) bool { return slices.Contains(a.config[at].Later, "session_id") }
	return isLater(at) && slices.ContainsFunc(a.changes(), func(c objectChange) bool {
		return c.Action.Deletes() && idIn(c.Before) == id && (c.at.Type == managedSessionType || c.Action == simulated.CreateThenDelete && isLater(c.at))
	})
}

// destroysTainted says whether the plan destroys a tainted instance of a session. A
// provider does not see what such an instance was, so it cannot refuse the plan.
func (a judgedApply) destroysTainted(id string) bool {
	return slices.ContainsFunc(a.changes(), func(c objectChange) bool {
		return c.Action.Deletes() && c.Before.Tainted && idIn(c.Before) == id
	})
}

// judgeDeletion expects of a deleted session that the plan showed the destruction of
// an instance of it, and that no instance of the configuration has it.
func (a judgedApply) judgeDeletion(id string) {
	if _, lived := a.at.mine[id]; !lived {
		return
	}
	if !slices.ContainsFunc(a.changes(), func(c objectChange) bool {
		return c.Action.Deletes() && idIn(c.Before) == id && deletesSession(c.Before)
	}) {
		a.breaks("session %s was deleted, and the plan did not show it: %v", id, actionsOf(a.plan))
	}
	if a.plan.Command.Destroy || a.destroysTainted(id) {
		return
	}
	for _, at := range a.wanted(id) {
		if a.included(at) && at.Type == sessionExpiryType && !a.showsItsEnd(at, id) {
			a.breaks("session %s was deleted, and %s has it: %v", id, at, actionsOf(a.plan))
		}
	}
}

// wanted are the instances of the configuration that have a session after the run.
func (a judgedApply) wanted(id string) (by []address) {
	for at := range a.config {
		if wanted, _ := a.wants(at, a.State, a.plan.Command, false); wanted == id && !a.plan.Command.Destroy {
			by = append(by, at)
		}
	}
	return by
}

// judgeDestroy expects that what was shown as deleted is gone, or a message names it.
func (a judgedApply) judgeDestroy(c objectChange) {
	id := idIn(c.Before)
	_, was := a.at.mine[id]
	_, still := a.after.mine[id]
	switch {
	case !c.Action.Deletes(), !was, !still, !deletesSession(c.Before), !isActive(c.Before), a.mentions(id), a.wanted(id) != nil:
	case a.fault, a.out.Failed(), a.out.Skipped, c.Action.Replaces() && a.id(c.at) == id:
	default:
		a.breaks("%s of %s left session %s behind, without a word", c.Action, c.at, id)
	}
}

// judgeLeaving expects that a created session which lives stays in the state, unless
// the plan showed otherwise or a message names it.
func (a judgedApply) judgeLeaving() {
	for at, held := range a.before.Current {
		id := idIn(held)
		_, lives := a.after.lives[id]
		c := a.plan.Changes[at]
		switch {
		case at.Type == sessionExpiryType, !lives, a.holds(id), a.released[id]:
		case c.Action == simulated.Forget, c.Action.Deletes() && !deletesSession(c.Before), a.mentions(id):
			a.released[id] = true
		default:
			a.breaks("%s left the state, and session %s lives", at, id)
		}
	}
}

// holds says whether a session is in the state.
func (l *life) holds(id string) bool {
	for _, held := range l.State.Current {
		if idIn(held) == id {
			return true
		}
	}
	for _, held := range l.State.Deposed {
		if idIn(held) == id {
			return true
		}
	}
	return false
}

// judgeCreated expects that each session which the run created is in the state, is
// gone, or has an error that tells of it: a created session counts against the
// account.
func (a judgedApply) judgeCreated() {
	lost := 0
	for id := range a.after.lives {
		if _, was := a.at.lives[id]; !was && !a.holds(id) && !slices.Contains(existingIDs, id) {
			lost++
		}
	}
	told := 0
	for _, found := range a.out.Problems {
		if !found.Warning && (found.Step == "create" || found.At.Type == managedSessionType) {
			told++
		}
	}
	if a.lost += lost; lost > told {
		a.breaks("the run created %d sessions that are in no state, and %d errors tell of one", lost, told)
	}
}

// judgePosts counts the requests that set an expiry. One that is refused sets none.
func (a judgedApply) judgePosts() {
	sent, allowed := make(map[string]int), make(map[string]int)
	for _, request := range a.Requests() {
		if request.Method == http.MethodPost && request.SessionID != "" && request.Status < http.StatusBadRequest {
			sent[request.SessionID]++
		}
	}
	for at, c := range a.plan.Changes {
		if !writes(c) {
			continue
		}
		wanted, _ := a.wants(at, a.State, a.plan.Command, false)
		id := cmp.Or(text(c.Planned, "session_id"), wanted)
		allowed[id]++
		if a.run.renewOnly && (c.Action != update || !member(a.State.Current[at].Value, "ttl_seconds").Equal(member(c.Before.Value, "ttl_seconds"))) {
			allowed[id]--
		}
		if _, done := a.out.Done[at]; done && id != "" && sent[id] == 0 && a.sets(at, c) && !a.fault {
			a.breaks("%s of %s leaves expires_at to apply, and nothing was sent", c.Action, at)
		}
	}
	for id := range a.extended {
		allowed[id] += len(a.run.during)
	}
	for id, n := range sent {
		if n > allowed[id]+allowed[""] {
			a.breaks("%d requests set the expiry of session %s; the plan shows %d: %v", n, id, allowed[id], actionsOf(a.plan))
		}
	}
}

// sets says whether a change is certain to set an expiry.
func (l *life) sets(at address, c change) bool {
	return writes(c) && !member(c.Planned, "ttl_seconds").IsNull() && len(l.config[at].Later) == 0 && !l.config[at].DependentFails
}

// judgeTruth compares what the state says with the sessions after a run without an
// error.
func (a judgedApply) judgeTruth() {
	if a.plan.Command.NoRefresh || a.plan.Command.MinimalRefresh || a.plan.Command.Target != nil || a.plan.Command.Exclude != nil || a.run.later {
		return
	}
	shared := a.shared()
	for at, held := range a.State.Current {
		if said, configured := a.config[at]; !configured || said.Forget {
			continue // Engines do not read what a refresh-only run is going to forget.
		}
		id := idIn(held)
		session, lives := a.after.lives[id]
		// Two instances undo what each other does. Whoever does not find a session may
		// say that it has ended once every end that was told of it is past.
		if _, mine := a.world.mine[id]; shared[id] || a.destroysTainted(id) || lives && !mine && !a.memory[at].end.After(a.world.at) {
			continue
		}
		// A session that has just been connected has an expiry that is past, which does
		// not bring it back to life, even if another instance extends it in the same run.
		reset := lives && !session.ExpiresAt.After(a.after.at)
		// Two false witnesses are believed, and a list that lags is.
		lags := slices.ContainsFunc(a.run.faults, func(f sandbox.Fault) bool { return f.Name == "lagging" })
		if isActive(held) != lives && !reset && !lags && len(a.run.faults) < 2 {
			a.breaks("%s: active is %t, and session %s lives: %t", at, isActive(held), id, lives)
		}
		if lives {
			a.judgeTimes(at, held, session)
			continue
		}
		left, was := a.memory[at].end.Sub(a.world.at), a.before.Current[at]
		if moved, ok := a.before.Current[a.config[at].MovedFrom]; ok {
			was = moved
		}
		if isActive(was) && left.Abs() > time.Minute && is(member(held.Value, "expired"), left > 0 || a.memory[at].end.IsZero()) {
			a.breaks("%s: session %s is missing %s before its last known end, and expired is %s", at, id, left, member(held.Value, "expired"))
		}
	}
}

// endOf is the expires_at of an instance.
func endOf(held object) time.Time {
	end, _ := time.Parse(time.RFC3339, text(held.Value, "expires_at"))
	return end
}

// judgeTimes compares expires_at and renew_at with the session.
func (a judgedApply) judgeTimes(at address, held object, session sandbox.Session) {
	stored := endOf(held)
	if stored.IsZero() || a.planFault {
		return
	}
	if late := stored.Sub(session.ExpiresAt); late > time.Minute || !a.plan.Command.RefreshOnly && a.sets(at, a.plan.Changes[at]) && !a.extended[session.ID] && late.Abs() > 2*time.Second {
		a.breaks("%s: session %s ends %s before the expires_at of the state", at, session.ID, late)
	}
	lead := member(held.Value, "renew_before_seconds")
	renewAt, err := time.Parse(time.RFC3339, text(held.Value, "renew_at"))
	if wanted := !lead.IsNull() && isActive(held); wanted != (err == nil) && !a.plan.Command.RefreshOnly {
		a.breaks("%s: renew_at is %s, with a lead of %s", at, text(held.Value, "renew_at"), lead)
	}
	if err == nil && (renewAt.After(stored) || stored.Sub(renewAt) > time.Duration(secondsOf(lead))*time.Second) {
		a.breaks("%s: renew_at is %s, expires_at %s, the lead %s", at, renewAt, stored, lead)
	}
}

// judgeQuiet expects that a plan right after a successful run is empty, has no
// warnings, and leaves the state alone. A lead time that has changed may be judged by
// what was noted before: then it is this plan that renews.
func (a judgedApply) judgeQuiet() {
	l, how := a.life, a.run.how
	how.Replace = nil
	for at, c := range a.plan.Changes {
		if at.Type == managedSessionType && c.Action == update && !isActive(c.Before) {
			return // A run that changes recreate_when_ended after the end creates nothing yet.
		}
	}
	again, serial, shared := l.Plan(l.config, how), l.Serial, l.shared()
	undone := func(id string) bool { return shared[id] || a.destroysTainted(id) }
	quiet := len(shared) == 0 && !again.Failed()
	for _, found := range again.Problems {
		if id := cmp.Or(l.id(found.At), sessionIDOf(l.config[found.At])); !undone(id) {
			l.breaks("the second plan says: %s", problemText([]problem{found}))
		}
		quiet = false
	}
	for at, c := range again.Changes {
		was := a.plan.Changes[at]
		newLead := was.Action == update && !member(was.Planned, "renew_before_seconds").Equal(member(was.Before.Value, "renew_before_seconds"))
		if c.Action != noOp && !undone(cmp.Or(idIn(c.Before), idIn(was.Before))) && (!newLead || !writes(c)) {
			l.breaks("the second plan is not empty: %s of %s\nprior:   %s\nplanned: %s", c.Action, at, brief(c.Before.Value), brief(c.Planned))
		}
		quiet = quiet && c.Action == noOp
	}
	if !quiet {
		return
	}
	if l.Apply(again); l.Serial != serial {
		l.breaks("applying an empty plan changed the state")
	}
}

// shared are the sessions of several instances: each may undo what the other does.
func (l *life) shared() map[string]bool {
	count, shared := make(map[string]int), make(map[string]bool)
	for _, held := range l.State.Current {
		count[idIn(held)]++
	}
	for at, said := range l.config {
		if _, held := l.State.Current[at]; !held {
			count[sessionIDOf(said)]++
		}
	}
	for id, n := range count {
		if n > 1 {
			shared[id] = true
		}
	}
	return shared
}

// brief lists the attributes of an instance that a rule looks at.
func brief(value tftypes.Value) string {
	var parts []string
	for _, name := range []string{"id", "session_id", "ttl_seconds", "renew_before_seconds", "delete_on_destroy", "expires_at", "renew_at", "active"} {
		switch of := member(value, name); {
		case of.Type() == nil || of.IsNull():
		case !of.IsKnown():
			parts = append(parts, name+" = (known after apply)")
		case of.Type().Is(tftypes.Number):
			parts = append(parts, fmt.Sprint(name, " = ", secondsOf(of)))
		case of.Type().Is(tftypes.Bool):
			parts = append(parts, fmt.Sprint(name, " = ", is(of, true)))
		default:
			parts = append(parts, name+" = "+stringOf(of))
		}
	}
	return strings.Join(parts, ", ")
}
