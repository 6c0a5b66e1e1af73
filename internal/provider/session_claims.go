package provider

import (
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// claims records what the instances of one plan do with each session. If one
// instance deletes a session that another keeps or creates, the session would be
// lost, so the plan fails.
type claims struct {
	mu       sync.Mutex
	sessions map[string][]claim
}

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
	effect  effect
}

type effect int

const (
	// keeps also covers create and update: the session lives afterwards.
	keeps effect = iota
	deletes
)

func (m *lifetimeModel) newClaim(resourceType, instance string, effect effect) claim {
	return claim{
		instance: instance, resource: m.describe(resourceType), effect: effect,
		managed: resourceType == managedSessionType, extends: !m.TTLSeconds.IsNull(),
	}
}

// describe leaves out renew_triggers: their values may be sensitive.
func (m *lifetimeModel) describe(resourceType string) string {
	text := resourceType + " with ttl_seconds = " + m.TTLSeconds.String()
	if !m.RenewBeforeSeconds.IsNull() {
		text += ", renew_before_seconds = " + m.RenewBeforeSeconds.String()
	}
	if !m.DeleteOnDestroy.IsNull() {
		text += ", delete_on_destroy = " + m.DeleteOnDestroy.String()
	}
	return text
}

// claim records what an instance does with a session. It returns an error or a
// warning if another instance of the plan conflicts with it. The first write of
// the process ends the comparison: the plan has been accepted by then.
func (d *providerData) claim(sessionID string, added claim) diag.Diagnostics {
	if sessionID == "" || d.applying.Load() {
		return nil
	}
	other, conflict := d.claims.add(sessionID, added)
	if !conflict {
		return nil
	}
	if other.effect == added.effect {
		return diag.Diagnostics{diag.NewWarningDiagnostic("Two resources manage one session",
			fmt.Sprintf("Session %q is managed by this %s, and by another %s. "+
				"The one that is applied last decides when the session expires. Keep one of them. Remove the other without deleting the session: "+
				"replace its block by a removed block with lifecycle { destroy = false }.",
				sessionID, added.resource, other.resource))}
	}
	deleting, keeping := added, other
	if other.effect == deletes {
		deleting, keeping = other, added
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic("Plan deletes a session that it keeps",
		fmt.Sprintf("One resource instance (%s) deletes session %q, and another one (%s) keeps or creates it. A live session would be lost, so the plan is refused.\n\n"+
			"If the resource or its for_each key was renamed, add a moved block from the old address to the new one. "+
			"If instances moved up under count, use for_each with the session ids as keys, and moved blocks. "+
			"To remove one of two resources for the session, replace its block by a removed block with lifecycle { destroy = false }, "+
			"or apply delete_on_destroy = false to it first. "+
			"If this is terraform destroy, run it with -refresh=false.",
			deleting.resource, sessionID, keeping.resource))}
}

// add records a claim and returns the worst conflict with another instance. It
// replaces an earlier claim of the same instance. Claims without an instance id
// never replace each other: an engine plans a new instance only once.
func (c *claims) add(sessionID string, added claim) (other claim, conflict bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions == nil {
		c.sessions = make(map[string][]claim)
	}
	replaced := false
	for i, earlier := range c.sessions[sessionID] {
		switch {
		case added.instance != "" && earlier.instance == added.instance:
			c.sessions[sessionID][i], replaced = added, true
		case earlier.effect != added.effect:
			other, conflict = earlier, true
		case !conflict && earlier.extends && added.extends && added.effect == keeps:
			other, conflict = earlier, true
		}
	}
	if !replaced {
		c.sessions[sessionID] = append(c.sessions[sessionID], added)
	}
	return other, conflict
}

// deletedByManaged says whether a palabra_session of the plan deletes a session.
func (c *claims) deletedByManaged(sessionID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, each := range c.sessions[sessionID] {
		if each.managed && each.effect == deletes {
			return true
		}
	}
	return false
}
