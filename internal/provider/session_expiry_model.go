package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const sessionExpiryType = "palabra_session_expiry"

// sessionExpiryModel adds only session_id to the common attributes; id repeats it.
type sessionExpiryModel struct {
	lifetimeModel
}

// sessionExpiryAttributes are the types of the schema's attributes.
var sessionExpiryAttributes = withLifetime(lifetimeAttributeTypes, map[string]attr.Type{"session_id": types.StringType})

func newSessionExpiryModel(ctx context.Context, from valueGetter) (*sessionExpiryModel, diag.Diagnostics) {
	attributes, diags := objectAttributes(ctx, from)
	return &sessionExpiryModel{newLifetimeModel(attributes, "session_id")}, diags
}

func (m *sessionExpiryModel) object() types.Object {
	return types.ObjectValueMust(sessionExpiryAttributes,
		withLifetime(m.values(), map[string]attr.Value{"session_id": m.SessionID}))
}
