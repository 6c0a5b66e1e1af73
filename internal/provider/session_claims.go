package provider

import (
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// claims holds what the instances of one plan are going to do with which
// session. A session that one instance deletes and another keeps or creates would
// be lost, so that plan is an error.
type claims struct {
	mu       sync.Mutex
	sessions map[string][]claim
}

type claim struct {
	// instance is empty for an instance that is new to the state.
	instance string
	// resource is how a person recognises the instance: providers are not told
	// addresses.
	resource string
	// managed says that the instance is a palabra_session.
	managed bool
	// extends says that the instance sets the lifetime of the session.
	extends bool
	effect  effect
}

type effect int

const (
	// keeps covers create and update, too: afterwards the session should live.
	keeps effect = iota
	deletes
)

// newClaim describes an instance by its arguments, without renew_triggers: their
// values may be sensitive.
func (m *lifetimeModel) newClaim(resourceType string, instance string, effect effect) claim {
	return claim{
		instance: instance, resource: m.describe(resourceType), effect: effect,
		managed: resourceType == managedSessionType, extends: !m.TTLSeconds.IsNull(),
	}
}

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

// claim records what an instance is going to do with a session, and returns an
// error or a warning when another instance of the plan contradicts it. After the
// first write of the process the plan has long been accepted, so nothing is
// compared any more.
func (d *providerData) claim(sessionID string, added claim) diag.Diagnostics {
	if d == nil || sessionID == "" || d.applying.Load() {
		return nil
	}
	other, conflict := d.claims.add(sessionID, added)
	if !conflict {
		return nil
	}
	if other.effect == added.effect {
		return diag.Diagnostics{diag.NewWarningDiagnostic("Two resources manage one session",
			fmt.Sprintf("Session %q is managed by this %s, and by another %s. "+
				"The last one applied decides when it expires. Keep one, and remove the other without deleting the session: "+
				"replace its block by a removed block with lifecycle { destroy = false }.",
				sessionID, added.resource, other.resource))}
	}
	deleting, keeping := added, other
	if other.effect == deletes {
		deleting, keeping = other, added
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic("Plan deletes a session that it keeps",
		fmt.Sprintf("Session %q would be deleted by one resource instance (%s), while another one keeps or creates it (%s). A live session would be lost, so nothing is planned.\n\n"+
			"If the resource or its for_each key was renamed, add a moved block from the old address to the new one. "+
			"If instances moved up under count, use for_each with the session ids as keys, and moved blocks. "+
			"If one of two resources for the session is to go, replace its block by a removed block with lifecycle { destroy = false }, "+
			"or apply delete_on_destroy = false to it first. "+
			"If this is terraform destroy, run it with -refresh=false.",
			sessionID, deleting.resource, keeping.resource))}
}

// add records a claim in place of an earlier one of the same instance, and
// returns the worst contradiction of another instance. Two claims of new
// instances are of two instances: an engine plans a new one once.
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
