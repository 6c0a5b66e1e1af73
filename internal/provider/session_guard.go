package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// sessionGuard knows what the instances of one process do with each session. It
// refuses a plan that deletes a session which it also keeps, and spares a session
// that the same run has written.
type sessionGuard struct {
	// applying says that the process applies a plan. The checks for the reader of a
	// plan are skipped then: the plan has been accepted.
	applying atomic.Bool
	// written holds the ids of the sessions that a create or an update of a resource
	// has created or given a lifetime in this process.
	written sync.Map
	// deleted holds the ids of the sessions that this process has deleted.
	deleted sync.Map
	// reads holds the note of what this process has last read of each session that it
	// has found, by session id.
	reads sync.Map
	// priors holds the prior state of each planned instance, by instance id.
	priors sync.Map

	mu sync.Mutex
	// claims holds what each instance of the plan does, by session id.
	claims map[string][]claim
	// advised holds the advice that has been given.
	advised map[string]bool
}

// unknownSession stands for the id of a session that is known only after apply.
const unknownSession = ""

// claim is what one instance does with one session.
type claim struct {
	// instance is empty for an instance that is new to the state.
	instance string
	// resource describes the instance by its arguments: engines do not tell
	// providers the address.
	resource string
	// managed says that the instance is a palabra_session.
	managed bool
	// extends says that the instance sets the lifetime of the session.
	extends bool
	// ended says that the state has the session as ended. It counts as kept if the
	// process finds it: other credentials may not have.
	ended bool
	// spared says that the instance is replaced, and that its new session is known
	// only after apply: then the old session is not deleted.
	spared bool
	effect effect
}

type effect int

const (
	// keeps also covers create and update: the session lives afterwards.
	keeps effect = iota
	deletes
)

// beginApply is called before the first write of a managed resource. Ephemeral
// resources do not call it, because engines open them in plans, too.
func (g *sessionGuard) beginApply() { g.applying.Store(true) }

func (g *sessionGuard) isApplying() bool { return g.applying.Load() }

func (g *sessionGuard) noteWritten(sessionID string) { g.written.Store(sessionID, true) }

func (g *sessionGuard) hasWritten(sessionID string) bool {
	_, written := g.written.Load(sessionID)
	return written
}

func (g *sessionGuard) noteRead(sessionID string, note sessionNote) { g.reads.Store(sessionID, note) }

// lastRead is what this process has last read of a session. A plan may use it for a
// warning, which decides nothing, and where no private state is passed on.
func (g *sessionGuard) lastRead(sessionID string) (note sessionNote, ok bool) {
	value, _ := g.reads.Load(sessionID)
	note, ok = value.(sessionNote)
	return note, ok
}

// rememberPrior keeps the prior state of an instance for priorOf. If the instance
// becomes a replacement, its create half gets its id from private state.
func (g *sessionGuard) rememberPrior(ctx context.Context, prior lifetimeModel, note sessionNote, private privateStateWriter) (sessionNote, diag.Diagnostics) {
	var diags diag.Diagnostics
	if note.Instance == "" {
		note = note.withInstance()
		diags = note.save(ctx, private)
	}
	g.priors.Store(note.Instance, prior)
	return note, diags
}

// priorOf returns the prior state of an instance that is replaced. Engines plan
// the create half of a replacement without it.
func (g *sessionGuard) priorOf(note sessionNote) (prior lifetimeModel, ok bool) {
	if note.Instance == "" {
		return prior, false
	}
	value, _ := g.priors.Load(note.Instance)
	prior, ok = value.(lifetimeModel)
	return prior, ok
}

// newClaim describes what an instance does with its session.
func newClaim(resourceType string, m lifetimeModel, note sessionNote, effect effect) claim {
	return claim{
		instance: note.Instance, resource: describe(resourceType, m), effect: effect,
		managed: resourceType == managedSessionType, extends: !m.TTLSeconds.IsNull(),
	}
}

// describe leaves out renew_triggers: their values may be sensitive.
func describe(resourceType string, m lifetimeModel) string {
	text := resourceType + " with ttl_seconds = " + m.TTLSeconds.String()
	if !m.RenewBeforeSeconds.IsNull() {
		text += ", renew_before_seconds = " + m.RenewBeforeSeconds.String()
	}
	if !m.DeleteOnDestroy.IsNull() {
		text += ", delete_on_destroy = " + m.DeleteOnDestroy.String()
	}
	return text
}

// planDestroy claims the session that a destroy deletes. It removes the successor
// of a create half, which must not outlive its plan.
func (g *sessionGuard) planDestroy(ctx context.Context, resourceType string, model lifetimeResourceModel, note sessionNote, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, successorKey, nil)...)
	resp.Diagnostics.Append(model.load(ctx, req.State)...)
	if prior := *model.common(); prior.deletes() {
		resp.Diagnostics.Append(g.claimSession(prior.ID.ValueString(), newClaim(resourceType, prior, note, deletes))...)
	}
}

// What to do about instances that contradict each other.
const (
	keepOneAdvice = "The one that is applied last decides when the session expires. Keep one of them. Remove the other without deleting the session: " +
		"replace its block by a removed block with lifecycle { destroy = false }."
	keptAndDeletedAdvice = "A live session would be lost, so the plan is refused. Depending on the cause:\n\n" +
		"  - The resource or its for_each key was renamed: add a moved block from the old address to the new one.\n" +
		"  - Instances moved up under count: use for_each with the session ids as keys, and moved blocks.\n" +
		"  - One of two resources for the session is removed: replace its block by a removed block with lifecycle { destroy = false }, or apply delete_on_destroy = false to it first.\n" +
		"  - The plan shows a deposed object, which a failure under create_before_destroy leaves: run \"terraform state rm\" for the address, then import the session there.\n" +
		"  - The instance that goes has lifecycle { destroy = false }, which providers cannot see: apply delete_on_destroy = false to it first.\n" +
		"  - This is terraform destroy: run it with -refresh=false."
	maybeTheSameAdvice = "The two may be one session, which would be lost, so the plan is refused. Choose one of these:\n\n" +
		"  - Make the new session_id known at plan time, for example by applying with -target what it comes from.\n" +
		"  - Remove the one and add the other in two runs.\n" +
		"  - Keep the session: apply delete_on_destroy = false first, or use a removed block with lifecycle { destroy = false }.\n" +
		"  - The resource or its for_each key was renamed: add a moved block from the old address to the new one.\n" +
		"  - The plan shows a deposed object, which a failure under create_before_destroy leaves: run \"terraform state rm\" for the address, then import the session there.\n" +
		"  - This is terraform destroy: run it with -refresh=false."
)

// claimSession records what an instance does with a session. It returns errors or a
// warning if another instance of the plan conflicts with it.
func (g *sessionGuard) claimSession(sessionID string, added claim) diag.Diagnostics {
	if g.isApplying() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	other, conflict := g.record(sessionID, added)
	var diags diag.Diagnostics
	for _, id := range g.maybeLost(sessionID, added) {
		diags.AddError("Plan may delete a session that it keeps", g.explain(maybeTheSameAdvice,
			"A resource instance deletes session %q, and another one gets a session_id that is known only after apply.", id))
	}
	switch {
	case !conflict:
	case other.effect == added.effect:
		diags.AddWarning("Two resources manage one session", g.explain(keepOneAdvice,
			"Session %q is managed by this %s, and by another %s.", sessionID, added.resource, other.resource))
	default:
		deleting, keeping := added, other
		if other.effect == deletes {
			deleting, keeping = other, added
		}
		diags.AddError("Plan deletes a session that it keeps", g.explain(keptAndDeletedAdvice,
			"One resource instance (%s) deletes session %q, and another one (%s) keeps or creates it.", deleting.resource, sessionID, keeping.resource))
	}
	return diags
}

// explain adds the advice to the first message that it belongs to: a plan may have
// hundreds of conflicts of one kind.
func (g *sessionGuard) explain(advice, format string, args ...any) string {
	text := fmt.Sprintf(format, args...)
	if g.advised[advice] {
		return text
	}
	if g.advised == nil {
		g.advised = make(map[string]bool)
	}
	g.advised[advice] = true
	return text + "\n\n" + advice
}

// maybeLost returns the sessions that the plan deletes while the session of a new
// instance is known only after apply: it may be one of them.
func (g *sessionGuard) maybeLost(sessionID string, added claim) []string {
	switch unknown := len(g.claims[unknownSession]); {
	case sessionID == unknownSession && unknown == 1: // The later ones have nothing to add.
		lost := slices.Collect(maps.Keys(g.claims))
		lost = slices.DeleteFunc(lost, func(id string) bool { return !g.loses(id) })
		slices.Sort(lost)
		return lost
	case sessionID != unknownSession && unknown > 0 && added.effect == deletes && g.loses(sessionID):
		return []string{sessionID}
	}
	return nil
}

// loses says whether the end of a session is news to the reader of a plan who does
// not know that a new instance needs it. A palabra_session ends its own.
func (g *sessionGuard) loses(sessionID string) bool {
	lost := false
	for _, each := range g.claims[sessionID] {
		if each.effect == deletes && each.managed {
			return false
		}
		lost = lost || each.effect == deletes && !each.spared
	}
	return lost
}

// record returns the worst conflict with another instance. It replaces an earlier
// claim of the same instance. Claims without an instance id never replace each
// other: an engine plans a new instance only once.
func (g *sessionGuard) record(sessionID string, added claim) (other claim, conflict bool) {
	if g.claims == nil {
		g.claims = make(map[string][]claim)
	}
	replaced := false
	_, found := g.lastRead(sessionID)
	for i, earlier := range g.claims[sessionID] {
		switch {
		case added.instance != "" && earlier.instance == added.instance:
			g.claims[sessionID][i], replaced = added, true
		case sessionID == unknownSession, (earlier.ended || added.ended) && !found:
		case earlier.effect != added.effect:
			other, conflict = earlier, true
		case !conflict && earlier.extends && added.extends && added.effect == keeps:
			other, conflict = earlier, true
		}
	}
	if !replaced {
		g.claims[sessionID] = append(g.claims[sessionID], added)
	}
	return other, conflict
}

// deletedByManaged says whether a palabra_session of the plan deletes a session.
func (g *sessionGuard) deletedByManaged(sessionID string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, each := range g.claims[sessionID] {
		if each.managed && each.effect == deletes {
			return true
		}
	}
	return false
}

// successorKey is the key of the successor in private state.
const successorKey = "successor"

// successor is a message from the plan of a replacement's create half to its
// delete half: engines pass both the same private state. It is never stored in a
// state: create starts with empty private state, and a destroy plan removes it.
type successor struct {
	// SessionID is empty if it is known only after apply.
	SessionID string `json:"session_id"`
	// DeletedElsewhere says that a palabra_session of the same plan deletes the
	// old session.
	DeletedElsewhere bool `json:"deleted_elsewhere,omitempty"`
}

// loadSuccessor returns nil for an instance that is not replaced.
func loadSuccessor(ctx context.Context, private privateStateReader) (*successor, diag.Diagnostics) {
	return loadPrivate[*successor](ctx, private, successorKey)
}

// planSuccessor claims the session of a new instance. It also tells the delete half
// of a replacement which session the create half extends.
func (g *sessionGuard) planSuccessor(ctx context.Context, resourceType string, planned lifetimeModel, note sessionNote, private privateStateWriter) diag.Diagnostics {
	diags := g.claimSession(planned.ID.ValueString(), newClaim(resourceType, planned, note, keeps))
	next := successor{SessionID: planned.ID.ValueString()}
	if prior, ok := g.priorOf(note); ok && planned.ID.IsUnknown() {
		next.DeletedElsewhere = g.deletedByManaged(prior.ID.ValueString())
	}
	diags.Append(savePrivate(ctx, private, successorKey, next)...)
	return diags
}

// spares says whether the destroy of an instance sends no DELETE, because the
// session is kept or because it may be.
func (g *sessionGuard) spares(sessionID string, next *successor) (bool, diag.Diagnostics) {
	_, deleted := g.deleted.Load(sessionID)
	switch {
	case deleted:
		return true, nil
	case g.hasWritten(sessionID):
		// create_before_destroy: the successor has just set the session's lifetime.
		return true, nil
	case next == nil:
		return false, nil
	case next.SessionID == sessionID:
		// The create half of this replacement extends the session.
		return true, nil
	case next.SessionID == "" && next.DeletedElsewhere:
		return true, nil
	case next.SessionID == "":
		return true, diag.Diagnostics{diag.NewWarningDiagnostic("Session not deleted",
			fmt.Sprintf("This resource was replaced, and the new session_id was not known at plan time: it could have been session %q itself. "+
				"So no DELETE was sent. If the new session_id is another one, this session ends when it expires; to end it earlier, use the palabra_delete_session action, or import it and destroy it.", sessionID))}
	}
	return false, nil
}
