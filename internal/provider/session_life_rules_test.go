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

// world is what a user sees of the server at one time: the sessions of all accounts,
// and those that the credentials of the run find.
type world struct {
	at          time.Time
	lives, mine map[string]sandbox.Session
}

func (l *life) observe(key string) world {
	w := world{at: l.clock.Now(), lives: make(map[string]sandbox.Session), mine: make(map[string]sandbox.Session)}
	account := l.use(key)
	for _, box := range l.boxes() {
		for _, session := range box.Sessions() {
			if w.lives[session.ID] = session; box == account {
				w.mine[session.ID] = session
			}
		}
	}
	return w
}

// judged is a run with what was before and after it.
type judged struct {
	*life
	run  run
	plan plannedRun
	out  outcome
	// gated says that plan or apply may only renew, fault that a fault or an interrupt
	// met it, and planFault that a fault or a list that lags met the plan, which then
	// may not know an expiry.
	gated, fault, planFault bool
	before                  simulated.State
	// world is from before the plan, at from before the apply, and after from after it.
	world, at, after world
}

// holder is a current or deposed object of a state.
type holder struct {
	at address
	object
	deposed bool
}

func holders(state simulated.State) (all []holder) {
	for at, held := range state.Current {
		all = append(all, holder{at, held, false})
	}
	for at, held := range state.Deposed {
		all = append(all, holder{at.Address, held, true})
	}
	return all
}

func holds(state simulated.State, id string) bool {
	return slices.ContainsFunc(holders(state), func(h holder) bool { return idIn(h.object) == id })
}

// wants is the session that the configuration gives an instance, by a state. known is
// false for a reference to what is not created yet, and before apply for what is
// known after it.
func (j judged) wants(at address, state simulated.State, planning bool) (id string, known bool) {
	said, configured := j.config[at]
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
	if planning && (!exists || held.Tainted || slices.Contains(j.plan.Command.Replace, source)) {
		return "", false
	}
	return idIn(held), true
}

// wanted are the instances of the configuration that have a session after the run.
func (j judged) wanted(id string) (by []address) {
	for at := range j.config {
		if wanted, _ := j.wants(at, j.State, false); wanted == id && !j.plan.Command.Destroy {
			by = append(by, at)
		}
	}
	return by
}

// included says whether a run with -target or -exclude is about an instance.
func (j judged) included(at address) bool {
	_, planned := j.plan.Changes[at]
	return planned || j.plan.Command.Target == nil && j.plan.Command.Exclude == nil
}

// isForeign says whether a session that the run does not find may be alive in another
// account, by what a user knows: other credentials have been used, or nobody knows which.
func (j judged) isForeign(at address) bool {
	return j.run.key != "" || len(j.keys) > 1 || j.memory[at].key != ""
}

// vouchedFor says whether the run has first found another session that the same
// credentials found last: then what it does not find has ended.
func (j judged) vouchedFor(h holder) bool {
	shared := j.shared() // An instance that gets a session asks for it, too.
	for _, request := range j.Requests() {
		for at, held := range j.State.Current {
			if id := idIn(held); id != "" && !shared[id] && id == request.SessionID && request.Status == http.StatusOK && j.memory[at].key == j.memory[h.at].key && j.memory[at].key != eitherKey {
				return true
			}
		}
		if request.SessionID == idIn(h.object) {
			return false
		}
	}
	return false
}

// sent counts the requests of the apply that have set the expiry of each session.
func (j judged) sent() map[string]int {
	sent := make(map[string]int)
	for _, request := range j.Requests() {
		if request.Method == http.MethodPost && request.SessionID != "" && request.Status < http.StatusBadRequest {
			sent[request.SessionID]++
		}
	}
	return sent
}

// mentions says whether a message of the run names a session.
func (j judged) mentions(id string) bool {
	return slices.ContainsFunc(slices.Concat(j.plan.Problems, j.out.Problems), func(found problem) bool { return strings.Contains(found.Text, id) })
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

// objectChange is a planned change of an instance or of a deposed object.
type objectChange struct {
	at address
	change
}

func (j judged) changes() (all []objectChange) {
	for at, c := range j.plan.Changes {
		all = append(all, objectChange{at, c})
	}
	for at, c := range j.plan.Deposed {
		all = append(all, objectChange{at.Address, c})
	}
	return all
}

// destroys says whether the plan destroys an object of a session that fulfils a
// condition.
func (j judged) destroys(id string, of func(objectChange) bool) bool {
	return slices.ContainsFunc(j.changes(), func(c objectChange) bool { return c.Action.Deletes() && idIn(c.Before) == id && of(c) })
}

// destroysTainted: a provider does not see what a tainted instance was, so it cannot
// refuse the plan.
func (j judged) destroysTainted(id string) bool {
	return j.destroys(id, func(c objectChange) bool { return c.Before.Tainted })
}

// showsItsEnd says whether an instance gets the id of a session only after apply whose
// end the plan shows: that of a palabra_session, or with create_before_destroy that of an
// instance which turns out to have another session. No provider can see the latter.
func (j judged) showsItsEnd(at address, id string) bool {
	isKnown := func(at address) bool { _, known := j.wants(at, j.plan.Prior, true); return known }
	return !isKnown(at) && j.destroys(id, func(c objectChange) bool {
		return c.at.Type == managedSessionType || c.Action == simulated.CreateThenDelete && !isKnown(c.at)
	})
}

func (j judged) judgePlan() {
	for _, request := range j.Requests() {
		if request.Method != http.MethodGet {
			j.breaks("the plan wrote: %s %s", request.Method, request.Path)
		}
	}
	for _, found := range j.plan.Problems {
		j.judgeText(found)
		if !found.Warning && !j.fault && !j.explains(found) {
			j.breaks("nothing explains the error of the plan: %s", problemText([]problem{found}))
		}
	}
	if j.fault || j.plan.Failed() || j.plan.Command.RefreshOnly {
		return
	}
	for _, at := range simulated.Sorted(j.plan.Changes) {
		c, was := j.plan.Changes[at], j.State.Current[at]
		if why := j.judgeWrite(at, c); why != "" {
			j.breaks("%s: "+why+"\nprior:   %s\nplanned: %s", at, brief(c.Before.Value), brief(c.Planned))
		}
		if j.gated && (c.Action == create || c.Action.Deletes() && (c.Action.Replaces() || isActive(c.Before)) || c.Action == update && member(c.Planned, "ttl_seconds").IsKnown() && changed(c, "ttl_seconds")) {
			j.breaks("%s: a plan that may only renew shows %s", at, c.Action)
		}
		// A provider does not see -replace: it is asked for an update first.
		said, shortens := j.saysShorter(at), j.shortens(at)
		if said && !shortens && !c.Action.Replaces() || shortens && !said && !j.plan.Command.NoRefresh && !j.deceived() {
			j.breaks("%s: the plan shortens the lifetime: %t, and says so: %t", at, shortens, said)
		}
		stays := idIn(was) != "" && at.Type == sessionExpiryType || is(member(was.Value, "recreate_when_ended"), false)
		if c.Action == create && stays && !j.movesAway(at) {
			j.breaks("%s: the plan creates it again, and %s was in the state", at, idIn(was))
		}
	}
}

// judgeText expects no secret in a message.
func (l *life) judgeText(found problem) {
	secrets := []string{testClientSecret, testAPIKey, "secret-trigger"}
	for _, held := range l.State.Current {
		secrets = append(secrets, cmp.Or(text(held.Value, "publisher_token"), testAPIKey))
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
func (j judged) explains(found problem) bool {
	if j.gated || found.Step == "import" || slices.Contains(j.config[found.At].IgnoreChanges, "ttl_seconds") {
		return true // The lifetime that is ignored may be shorter than the lead.
	}
	if j.plan.Command.MinimalRefresh && j.memory[found.At].key == "nobody" && slices.Contains(j.plan.Command.Replace, found.At) {
		return true // Planned twice without a note, it looks like two instances.
	}
	for _, h := range slices.Concat(holders(j.plan.Prior), holders(j.State)) {
		if _, mine := j.world.mine[idIn(h.object)]; h.at == found.At && !mine && (h.deposed || j.isForeign(h.at) && !j.vouchedFor(h)) {
			return true
		}
	}
	states := []simulated.State{j.plan.Prior}
	if how := j.plan.Command; how.OrphansFirst || how.MinimalRefresh {
		states = append(states, j.State) // They plan before they read.
	}
	for _, state := range states {
		for _, h := range holders(state) {
			id := idIn(h.object)
			if !j.deletes(h, state) || !strings.Contains(found.Text, id) {
				continue
			}
			for at := range j.config {
				if (at != h.at || h.deposed) && slices.ContainsFunc(states, func(state simulated.State) bool { return j.mayNeed(at, h, state) }) {
					return true
				}
			}
		}
	}
	return false
}

// mayNeed says whether an instance of the configuration may need the session of an
// object that goes. That a palabra_session ends is no news to what gets its id later.
// A provider does not see -replace: it is asked for an update first.
func (j judged) mayNeed(at address, h holder, state simulated.State) bool {
	wanted, known := j.wants(at, state, true)
	keeps := slices.Contains(j.plan.Command.Replace, at) && idIn(state.Current[at]) == idIn(h.object)
	return keeps || wanted == idIn(h.object) || !known && h.at.Type == sessionExpiryType
}

// deletes says whether a run deletes the session of an object, by configuration and
// state.
func (j judged) deletes(h holder, state simulated.State) bool {
	id, known := j.wants(h.at, state, true)
	said, configured := j.config[h.at]
	replaced := h.Tainted || slices.Contains(j.plan.Command.Replace, h.at) || !known || id != idIn(h.object)
	return (h.deposed || !configured || !said.Forget && replaced) && deletesSession(h.object) && isActive(h.object)
}

// judgeWrite says what is wrong with a renewal in place, or with none.
func (j judged) judgeWrite(at address, c change) string {
	m, how, said := j.memory[at], j.plan.Command, j.config[at]
	switch {
	case c.Action != update && c.Action != noOp, len(said.Later) > 0, len(said.IgnoreChanges) > 0, said.Import != "", j.run.key != "", m.doubtful,
		member(c.Planned, "ttl_seconds").IsNull(), member(c.Before.Value, "ttl_seconds").IsNull():
	case !isActive(c.Before):
		if writes(c) || changed(c, "renew_at") {
			return "the session has ended, and the plan renews"
		}
	case argumentsChanged(c) && said.Arguments["ttl_seconds"] != nil, m.unsent && !how.NoRefresh:
		if !writes(c) {
			return "arguments changed or are unsent, and the plan does not write"
		}
	case !how.NoRefresh && !how.MinimalRefresh:
		return j.judgeRenewal(c)
	}
	return ""
}

// judgeRenewal compares what is left of a session with the lead time. A lead that
// changes may be judged by what was last noted, so its first plan is free.
func (j judged) judgeRenewal(c change) string {
	session, lives := j.world.mine[idIn(c.Before)]
	lead := member(c.Planned, "renew_before_seconds")
	left := session.ExpiresAt.Sub(j.world.at)
	if lead.IsNull() || !lives {
		if writes(c) {
			return "nothing asks for a renewal"
		}
		return ""
	}
	longest := time.Duration(secondsOf(lead)) * time.Second
	shortest := longest
	if j.options.MaxTTL > 0 {
		shortest = min(longest, j.options.MaxTTL/10*9)
	}
	switch {
	case changed(c, "renew_before_seconds"):
	case writes(c) && left >= longest:
		return "the plan renews too early, with " + left.String() + " left"
	case !writes(c) && left < shortest && !j.planFault:
		return "the plan does not renew, with " + left.String() + " left"
	}
	return ""
}

// plannedSession is the session of a plan for an instance, as the server has it.
func (j judged) plannedSession(at address) sandbox.Session {
	planned := j.plan.Changes[at].Planned
	return j.world.mine[cmp.Or(text(planned, "session_id"), text(planned, "id"))]
}

// shortens says whether a plan sets an end that is clearly earlier than that of the
// session.
func (j judged) shortens(at address) bool {
	c := j.plan.Changes[at]
	ttl := member(c.Planned, "ttl_seconds")
	if !writes(c) || ttl.IsNull() || !ttl.IsKnown() {
		return false
	}
	end := j.world.at.Add(time.Duration(secondsOf(ttl)) * time.Second)
	return j.plannedSession(at).ExpiresAt.Sub(end) > time.Minute
}

// saysShorter says whether a plan warns of that, with the end of the session.
func (j judged) saysShorter(at address) bool {
	end := j.plannedSession(at).ExpiresAt.Format(time.RFC3339)
	return slices.ContainsFunc(j.plan.Problems, func(found problem) bool {
		return found.At == at && found.Summary == "Session gets a shorter lifetime" && strings.Contains(found.Text, end)
	})
}

// argumentsChanged says whether a plan changes what a POST is for.
func argumentsChanged(c change) bool {
	return changed(c, "ttl_seconds") || changed(c, "renew_triggers")
}

func changed(c change, argument string) bool {
	return !member(c.Planned, argument).Equal(member(c.Before.Value, argument))
}

func (j judged) judgeApply() {
	for _, found := range j.out.Problems {
		j.judgeText(found)
		if !found.Warning && !j.fault && !j.explainsApply(found) {
			j.breaks("nothing explains the error of the apply: %s", problemText([]problem{found}))
		}
		if found.Summary == "Session not deleted" && !j.mayKeep(found) {
			j.breaks("the plan ends the session: %s", problemText([]problem{found}))
		}
	}
	deleted := make(map[string]bool)
	for _, request := range j.Requests() {
		if request.Method == http.MethodDelete {
			if j.judgeDeletion(request.SessionID); deleted[request.SessionID] {
				j.breaks("a second DELETE was sent for session %s", request.SessionID)
			}
			deleted[request.SessionID] = request.Status == http.StatusNoContent
		}
		if j.gated && (request.Method == http.MethodDelete || request.Method == http.MethodPost && request.SessionID == "") {
			j.breaks("a run that may only renew sent %s %s", request.Method, request.Path)
		}
	}
	for _, c := range j.changes() {
		j.judgeLeaving(c)
	}
	j.judgeCreated()
	j.judgePosts()
	if how := j.plan.Command; !j.out.Failed() && !j.out.Skipped && !j.fault && !j.run.later &&
		!how.NoRefresh && !how.MinimalRefresh && how.Target == nil && how.Exclude == nil {
		j.judgeTruth()
	}
}

// mayKeep says whether a session may outlive the replacement of an instance: unless the
// palabra_session that it is from deletes it. A tainted one is not seen by a provider.
func (j judged) mayKeep(found problem) bool {
	from, _ := neededBy(j.config[found.At])
	replaced, ends := j.plan.Changes[found.At], j.plan.Changes[from]
	ended := ends.Action.Deletes() && !ends.Before.Tainted && !replaced.Before.Tainted && idIn(ends.Before) != "" && strings.Contains(found.Text, idIn(ends.Before))
	return replaced.Action.Replaces() && !ended
}

// explainsApply says whether a user would understand the error: a session that the
// run needs is not there, or not there any more, or another account has it.
func (j judged) explainsApply(found problem) bool {
	if found.Step == "provisioner" || found.Step == "dependent" || j.gated || slices.Contains(j.config[found.At].IgnoreChanges, "ttl_seconds") {
		return true
	}
	if limit := j.options.SessionLimit; limit > 0 && found.Step == "create" && found.At.Type == managedSessionType {
		sessions := max(len(j.at.mine), len(j.after.mine)-1)
		for at, c := range j.plan.Changes {
			if at.Type == managedSessionType && (c.Action == create || c.Action.Replaces()) {
				sessions++
			}
		}
		return sessions > limit
	}
	wanted, _ := j.wants(found.At, j.State, false)
	ids := []string{wanted}
	for _, c := range j.changes() {
		if c.at == found.At {
			ids = append(ids, idIn(c.Before), text(c.Planned, "session_id"))
		}
	}
	for _, id := range ids {
		if j.destroysTainted(id) || j.showsItsEnd(found.At, id) {
			return true
		}
		if _, mine := j.at.mine[id]; id != "" && !mine {
			return found.Step != "delete" || j.isForeign(found.At) || j.deceived()
		}
	}
	return false
}

// judgeDeletion expects of a deleted session that the plan showed the destruction of
// an instance of it that had not ended, and that no instance of the configuration has it.
func (j judged) judgeDeletion(id string) {
	_, lived := j.at.mine[id]
	shown := j.destroys(id, func(c objectChange) bool { return deletesSession(c.Before) && isActive(c.Before) })
	if !shown && (lived || holds(j.before, id)) {
		j.breaks("a DELETE was sent for session %s, and the plan did not show it: %v", id, actionsOf(j.plan))
	}
	for _, at := range j.wanted(id) {
		if lived && j.included(at) && at.Type == sessionExpiryType && !j.destroysTainted(id) && !j.showsItsEnd(at, id) {
			j.breaks("session %s was deleted, and %s has it: %v", id, at, actionsOf(j.plan))
		}
	}
}

// livesOn says whether a session of an instance lives. Whoever does not find a session
// may say that it has ended once every end that was told of it is past, or, of a state
// that does not say who found it, once another session of the state is found.
func (j judged) livesOn(at address, id string) bool {
	m, isMine := j.memory[at], func(id string) bool { _, mine := j.world.mine[id]; return mine }
	_, lives := j.after.lives[id]
	guessed := m.key == "nobody" && slices.ContainsFunc(slices.Concat(holders(j.before), holders(j.plan.Prior)), func(h holder) bool { return isMine(idIn(h.object)) })
	return lives && (isMine(id) || m.end.After(j.at.at) && !guessed)
}

// deceived says that two false witnesses may have met the run, which are believed, or a
// list that lags.
func (j judged) deceived() bool {
	return len(j.run.faults) > 1 || slices.ContainsFunc(j.run.faults, func(f sandbox.Fault) bool { return f.Name == "lagging" })
}

// judgeLeaving expects that a session whose object leaves the state is gone, unless the
// plan showed otherwise, a message names it, or the configuration has it.
func (j judged) judgeLeaving(c objectChange) {
	id := idIn(c.Before)
	_, lived := j.at.lives[id]
	switch {
	case !lived, !j.livesOn(c.at, id), holds(j.State, id), j.released[id], !isActive(c.Before), j.run.unrest, j.deceived(), j.wanted(id) != nil:
	case c.Action == simulated.Forget, !deletesSession(c.Before), j.mentions(id):
		j.released[id] = true
	default:
		j.breaks("%s of %s left session %s behind, without a word", c.Action, c.at, id)
	}
}

// judgeCreated expects that each session which the run created is in the state, is
// gone, or has an error that tells of it: a created session counts against the
// account.
func (j judged) judgeCreated() {
	lost, told := 0, 0
	for id := range j.after.lives {
		if _, was := j.at.lives[id]; !was && !holds(j.State, id) && !slices.Contains(existingIDs, id) {
			lost++
		}
	}
	for _, found := range j.out.Problems {
		if !found.Warning && (found.Step == "create" || found.At.Type == managedSessionType) {
			told++
		}
	}
	if lost > told {
		j.breaks("the run created %d sessions that are in no state, and %d errors tell of one", lost, told)
	}
}

// judgePosts counts the requests that set an expiry. One that is refused sets none.
func (j judged) judgePosts() {
	sent, allowed := j.sent(), make(map[string]int)
	for at, c := range j.plan.Changes {
		if !writes(c) {
			continue
		}
		wanted, _ := j.wants(at, j.State, false)
		id := cmp.Or(text(c.Planned, "session_id"), wanted)
		if !j.gated || c.Action == update && member(j.State.Current[at].Value, "ttl_seconds").Equal(member(c.Before.Value, "ttl_seconds")) {
			allowed[id]++
		}
		if _, done := j.out.Done[at]; done && id != "" && sent[id] == 0 && j.sets(at, c) && !j.fault {
			j.breaks("%s of %s leaves expires_at to apply, and nothing was sent", c.Action, at)
		}
	}
	for id := range j.extended {
		allowed[id] += len(j.run.during)
	}
	for id, n := range sent {
		if n > allowed[id]+allowed[""] {
			j.breaks("%d requests set the expiry of session %s; the plan shows %d: %v", n, id, allowed[id], actionsOf(j.plan))
		}
	}
}

// sets says whether a change is certain to set an expiry.
func (l *life) sets(at address, c change) bool {
	return writes(c) && !member(c.Planned, "ttl_seconds").IsNull() && len(l.config[at].Later) == 0 && !l.config[at].DependentFails
}

// judgeTruth compares what the state says with the sessions after a run without an
// error. An instance that has left the state says that its session has ended.
func (j judged) judgeTruth() {
	shared := j.shared()
	deceived := j.deceived()
	for at, said := range j.config {
		held, was := j.State.Current[at], j.before.Current[at]
		if moved, ok := j.before.Current[said.MovedFrom]; ok {
			was = moved
		}
		if _, kept := j.plan.Prior.Current[at]; !kept && !deceived && isActive(was) && !j.movesAway(at) && j.livesOn(at, idIn(was)) {
			j.breaks("%s has left the state as ended, and session %s lives", at, idIn(was))
		}
		id := idIn(held)
		session, lives := j.after.lives[id]
		// Engines do not read what a refresh-only run is going to forget. Two instances
		// undo what each other does.
		if said.Forget || id == "" || shared[id] || j.destroysTainted(id) || lives && !j.livesOn(at, id) {
			continue
		}
		// A session that has just been connected has an expiry that is past, which does
		// not bring an ended instance back, even if another one extends it in the same run.
		// Nor does a session that only other credentials find, or a false 404.
		_, mine := j.world.mine[id]
		reset := lives && !isActive(was) && (!mine || j.planFault || !session.ExpiresAt.After(j.after.at))
		if isActive(held) != lives && !reset && !deceived {
			j.breaks("%s: active is %t, and session %s lives: %t", at, isActive(held), id, lives)
		}
		if idIn(was) == id && said.MovedFrom == (address{}) && !writes(j.plan.Changes[at]) && !endOf(was).IsZero() && endOf(held).After(endOf(was)) {
			j.breaks("%s: expires_at has moved to %s, and nothing has set it", at, endOf(held))
		}
		if _, found := j.after.mine[id]; found {
			j.judgeTimes(at, held, session)
		}
		if lives || j.memory[at].untold {
			continue
		}
		end := j.memory[at].end
		left := end.Sub(j.world.at)
		if isActive(was) && left.Abs() > time.Minute && is(member(held.Value, "expired"), left > 0 || end.IsZero()) {
			j.breaks("%s: session %s is missing %s before its last known end, and expired is %s", at, id, left, member(held.Value, "expired"))
		}
	}
}

// endOf is the expires_at of an instance.
func endOf(held object) time.Time {
	end, _ := time.Parse(time.RFC3339, text(held.Value, "expires_at"))
	return end
}

// judgeTimes compares expires_at and renew_at with the session.
func (j judged) judgeTimes(at address, held object, session sandbox.Session) {
	stored := endOf(held)
	if stored.IsZero() || j.planFault {
		return
	}
	refreshOnly := j.plan.Command.RefreshOnly
	// The API caps an extension by an action of this run, which the action says.
	capped := j.options.MaxTTL > 0 && j.extended[session.ID]
	if late := stored.Sub(session.ExpiresAt); late > time.Minute && !capped || !refreshOnly && j.sets(at, j.plan.Changes[at]) && !j.extended[session.ID] && late.Abs() > 2*time.Second {
		j.breaks("%s: session %s ends %s before the expires_at of the state", at, session.ID, late)
	}
	lead := member(held.Value, "renew_before_seconds")
	renewAt, err := time.Parse(time.RFC3339, text(held.Value, "renew_at"))
	if wanted := !lead.IsNull() && !member(held.Value, "ttl_seconds").IsNull() && isActive(held); wanted != (err == nil) && !refreshOnly {
		j.breaks("%s: renew_at is %s, with a lead of %s", at, text(held.Value, "renew_at"), lead)
	}
	if err == nil && (renewAt.After(stored) || stored.Sub(renewAt) > time.Duration(secondsOf(lead))*time.Second) {
		j.breaks("%s: renew_at is %s, expires_at %s, the lead %s", at, renewAt, stored, lead)
	}
}

// judgeQuiet expects that a plan right after a successful run is empty, has no
// warnings, and leaves the state alone. A lead time that has changed may be judged by
// what was noted before: then it is this plan that renews.
func (j judged) judgeQuiet() {
	how := j.run.how
	how.Replace = nil
	for at, c := range j.plan.Changes {
		if at.Type == managedSessionType && c.Action == update && !isActive(c.Before) {
			return // A run that changes recreate_when_ended after the end creates nothing yet.
		}
	}
	again, serial, shared := j.Plan(j.config, how), j.Serial, j.shared()
	undone := func(id string) bool { return shared[id] || j.destroysTainted(id) }
	quiet := len(shared) == 0 && !again.Failed()
	for _, found := range again.Problems {
		if id := cmp.Or(j.id(found.At), sessionIDOf(j.config[found.At])); !undone(id) {
			j.breaks("the second plan says: %s", problemText([]problem{found}))
		}
		quiet = false
	}
	for at, c := range again.Changes {
		was := j.plan.Changes[at]
		newLead := was.Action == update && changed(was, "renew_before_seconds")
		if c.Action != noOp && !undone(cmp.Or(idIn(c.Before), idIn(was.Before))) && (!newLead || !writes(c)) {
			j.breaks("the second plan is not empty: %s of %s\nprior:   %s\nplanned: %s", c.Action, at, brief(c.Before.Value), brief(c.Planned))
		}
		quiet = quiet && c.Action == noOp
	}
	if !quiet {
		return
	}
	if j.Apply(again); j.Serial != serial {
		j.breaks("applying an empty plan changed the state")
	}
}

// shared are the sessions of several instances: each may undo what the other does.
func (j judged) shared() map[string]bool {
	count := make(map[string]int)
	for _, held := range j.State.Current {
		count[idIn(held)]++
	}
	for at := range j.config {
		if wanted, _ := j.wants(at, j.State, false); wanted != j.id(at) {
			count[wanted]++
		}
	}
	shared := make(map[string]bool)
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
		if of := member(value, name); of.Type() != nil && !of.IsNull() {
			parts = append(parts, fmt.Sprint(name, " = ", of))
		}
	}
	return strings.Join(parts, ", ")
}
