package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
)

var (
	_ resource.ResourceWithMoveState       = (*sessionResource)(nil)
	_ resource.ResourceWithUpgradeIdentity = (*sessionResource)(nil)
)

// MoveState takes a session back from palabra_session_expiry, without the tokens
// that only its creation returned.
func (r *sessionResource) MoveState(context.Context) []resource.StateMover {
	return []resource.StateMover{sessionMover(managedSessionType, map[string]moveSource{sessionExpiryType: fromSessionExpiry})}
}

func (r *sessionResource) UpgradeIdentity(context.Context) map[int64]resource.IdentityUpgrader {
	return upgradeKeptIdentity(managedSessionType)
}
