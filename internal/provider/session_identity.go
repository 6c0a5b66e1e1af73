package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// sessionIdentityVersion differs from 0, the version of other providers'
// identities. If a moved block changes the type, OpenTofu keeps the identity of the
// source, and asks the target to upgrade it only if the versions differ.
const sessionIdentityVersion = 1

// sessionIdentityModel is the identity of both resources. They share it, because
// engines keep the identity of the source if a moved block changes the type.
type sessionIdentityModel struct {
	SessionID types.String `tfsdk:"session_id"`
}

var sessionIdentitySchema = identityschema.Schema{
	Version: sessionIdentityVersion,
	Attributes: map[string]identityschema.Attribute{
		"session_id": identityschema.StringAttribute{
			Description:       "Id of the session, exactly as the API returns it.",
			RequiredForImport: true,
		},
	},
}

// importSession imports a session by id or by identity.
func importSession(ctx context.Context, idAttribute path.Path, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id := types.StringValue(req.ID)
	if req.ID == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("session_id"), &id)...)
	}
	if id.ValueString() == "" {
		resp.Diagnostics.AddError("Empty session id",
			"The import has no session id. Set id, or session_id in identity, in the import block. The data source palabra_sessions lists the sessions.")
		return
	}
	if problem := problemOfID(id.ValueString()); problem != "" {
		resp.Diagnostics.AddError("Invalid session id", problem)
		return
	}
	if warning := spaceAtAnEnd(id.ValueString()); warning != "" {
		resp.Diagnostics.AddWarning("Space in the session id", fmt.Sprintf("The id to import is %q.%s", id.ValueString(), warning))
	}
	resource.ImportStatePassthroughWithIdentity(ctx, idAttribute, path.Root("session_id"), req, resp)
	if req.ID != "" {
		// Return the same identity as an import by identity.
		resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: types.StringValue(req.ID)})...)
	}
}

// upgradeKeptIdentity reads an identity with session_id, that of an earlier
// palabra_session, whose id is the session's, or that of a restful_resource: its id is
// JSON, whose member id is the path of the object.
func upgradeKeptIdentity(target string) map[int64]resource.IdentityUpgrader {
	return map[int64]resource.IdentityUpgrader{0: {IdentityUpgrader: func(ctx context.Context, req resource.UpgradeIdentityRequest, resp *resource.UpgradeIdentityResponse) {
		var identity, imported map[string]any
		if req.RawIdentity == nil || json.Unmarshal(req.RawIdentity.JSON, &identity) != nil {
			identity = nil
		}
		id := textOf(identity["session_id"])
		if own := textOf(identity["id"]); id == "" && json.Unmarshal([]byte(own), &imported) == nil {
			id = lastSegment(imported, "id")
		} else if id == "" && !strings.Contains(own, "/") {
			id = own
		}
		if id == "" {
			resp.Diagnostics.AddError("Unable to move state to "+target,
				"The engine kept the identity of the source resource, and it holds no session id.\n\n"+importInstead("TYPE", target))
			return
		}
		resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: types.StringValue(id)})...)
	}}}
}

// sessionIDValidator refuses ids that cannot be sent in a request. It accepts
// every other id.
type sessionIDValidator struct{}

func (sessionIDValidator) Description(context.Context) string {
	return "must be the id of a session"
}

func (v sessionIDValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

func (sessionIDValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if problem := problemOfID(req.ConfigValue.ValueString()); problem != "" {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid session id", problem)
	}
}

// problemOfID says why an id cannot be sent in a request. It is empty if it can.
func problemOfID(id string) string {
	switch id {
	case "":
		return "The session id is empty."
	case ".", "..":
		return fmt.Sprintf("%q is not the id of a session: proxies and servers read it as part of the URL's path.", id)
	}
	return ""
}

// spaceAtAnEnd is a sentence about an id that was probably copied with a space or a
// line break.
func spaceAtAnEnd(id string) string {
	if strings.TrimSpace(id) == id {
		return ""
	}
	return " The id begins or ends with a space or a line break, which is probably a mistake."
}
