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

// sessionIdentityVersion is above 0, the version of other providers' identities:
// OpenTofu keeps the source's identity when a moved block changes the type, and
// asks the target to upgrade it when the versions differ.
const sessionIdentityVersion = 1

// sessionIdentityModel is the identity of both resources: engines keep that of
// the source when a moved block changes the type.
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

// importSession imports by id or by identity into the attribute that holds the
// id.
func importSession(ctx context.Context, idAttribute path.Path, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id := types.StringValue(req.ID)
	if req.ID == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("session_id"), &id)...)
	}
	if id.ValueString() == "" {
		resp.Diagnostics.AddError("Empty session id",
			"The session to import has an empty id. Name one in the import block, as id or as session_id of its identity. The data source palabra_sessions lists those that exist.")
		return
	}
	if problem := problemOfID(id.ValueString()); problem != "" {
		resp.Diagnostics.AddError("Invalid session id", problem)
		return
	}
	if blank := blankAtAnEnd(id.ValueString()); blank != "" {
		resp.Diagnostics.AddWarning("Blank in the session id", fmt.Sprintf("The id to import is %q.%s", id.ValueString(), blank))
	}
	resource.ImportStatePassthroughWithIdentity(ctx, idAttribute, path.Root("session_id"), req, resp)
	if req.ID != "" {
		// The answer to an import by id has the same identity as one by identity.
		resp.Diagnostics.Append(resp.Identity.Set(ctx, sessionIdentityModel{SessionID: types.StringValue(req.ID)})...)
	}
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

// problemOfID says why an id cannot be sent in a request; empty if it can.
func problemOfID(id string) string {
	switch id {
	case "":
		return "The session id is empty."
	case ".", "..":
		return fmt.Sprintf("%q is not the id of a session: proxies and servers take it for a step in the path of the URL.", id)
	}
	return ""
}

// blankAtAnEnd is a sentence for an id that was probably copied with a blank or a
// line break.
func blankAtAnEnd(id string) string {
	if strings.TrimSpace(id) == id {
		return ""
	}
	return " The id begins or ends with a blank or a line break, which is probably a mistake."
}
