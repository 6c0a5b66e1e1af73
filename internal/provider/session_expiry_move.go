package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var (
	_ resource.ResourceWithMoveState       = (*sessionExpiryResource)(nil)
	_ resource.ResourceWithUpgradeIdentity = (*sessionExpiryResource)(nil)
)

// sessionIdentityVersion is above 0, the version of other providers' identities:
// OpenTofu keeps the source's identity when a moved block changes the type, and
// asks the target to upgrade it when the versions differ.
const sessionIdentityVersion = 1

// MoveState moves the state of another resource type that managed a session.
func (r *sessionExpiryResource) MoveState(context.Context) []resource.StateMover {
	return []resource.StateMover{sessionMover(sessionExpiryType, map[string]moveSource{
		"restapi_object":   fromRestapiObject,
		"restful_resource": fromRestfulResource,
		"terraform_data":   fromTerraformData,
		managedSessionType: fromSession,
	})}
}

// UpgradeIdentity turns the identity that OpenTofu kept of a restful_resource
// into ours.
func (r *sessionExpiryResource) UpgradeIdentity(context.Context) map[int64]resource.IdentityUpgrader {
	return upgradeKeptIdentity(sessionExpiryType)
}

// upgradeKeptIdentity takes the id from {"session_id": …}, or from the identity
// of a restful_resource: its attribute id is JSON with the path of the object in
// a member id.
func upgradeKeptIdentity(target string) map[int64]resource.IdentityUpgrader {
	return map[int64]resource.IdentityUpgrader{0: {IdentityUpgrader: func(ctx context.Context, req resource.UpgradeIdentityRequest, resp *resource.UpgradeIdentityResponse) {
		var identity, imported map[string]any
		if req.RawIdentity == nil || json.Unmarshal(req.RawIdentity.JSON, &identity) != nil {
			identity = nil
		}
		id := textOf(identity["session_id"])
		if id == "" && json.Unmarshal([]byte(textOf(identity["id"])), &imported) == nil {
			id = lastSegment(imported, "id")
		}
		if id == "" {
			resp.Diagnostics.AddError("Unable to move state to "+target,
				"The engine kept the identity of the resource that is moved, and it holds no session id.\n\n"+importInstead("TYPE", target))
			return
		}
		resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: types.StringValue(id)})...)
	}}}
}
