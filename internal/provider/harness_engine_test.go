package provider

import (
	"github.com/palabra-community/terraform-provider-palabra/internal/engine/simulated"
)

// The simulated engine's own names, which most tests use.
type (
	address       = simulated.Address
	block         = simulated.Block
	change        = simulated.Change
	command       = simulated.Command
	configuration = simulated.Configuration
	object        = simulated.Object
	outcome       = simulated.Outcome
	plannedRun    = simulated.Plan
	problem       = simulated.Problem
)

const (
	noOp             = simulated.NoOp
	create           = simulated.Create
	update           = simulated.Update
	deleteThenCreate = simulated.DeleteThenCreate
	destroyOnly      = simulated.Delete
)

// The simulated engine's functions on values.
var (
	newObject  = simulated.NewObject
	newValue   = simulated.NewValue
	objectType = simulated.ObjectType
	wire       = simulated.Wire
	unwire     = simulated.Unwire
	members    = simulated.Members
	member     = simulated.Member
	hasErrors  = simulated.HasErrors
)

func room(name string) address      { return address{Type: sessionExpiryType, Name: name} }
func sessionAt(name string) address { return address{Type: managedSessionType, Name: name} }

// idOf refers to the id of a palabra_session.
func idOf(name string) simulated.Reference {
	return simulated.Reference{To: sessionAt(name), Attribute: "id"}
}

// neededBy is the palabra_session whose id is the session_id of a block.
func neededBy(b block) (at address, ok bool) {
	reference, ok := b.Arguments["session_id"].(simulated.Reference)
	return reference.To, ok
}

// sessionIDOf is the session_id of a block; empty for a reference.
func sessionIDOf(b block) string {
	id, _ := b.Arguments["session_id"].(string)
	return id
}

// sessionOf is the id of the session of an object in a state.
func idIn(o object) string { return text(o.Value, "id") }

// isActive is true for a state that does not say.
func isActive(o object) bool { return !is(member(o.Value, "active"), false) }

// deletes says whether the destruction of an object deletes its session.
func deletesSession(o object) bool { return !is(member(o.Value, "delete_on_destroy"), false) }

// writes says whether a plan leaves the expiry to apply.
func writes(c change) bool { return !c.Planned.IsNull() && !member(c.Planned, "expires_at").IsKnown() }
