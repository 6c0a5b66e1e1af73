package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestExpiryModelHoldsEveryAttributeOfTheSchema(t *testing.T) {
	t.Parallel()
	var schema resource.SchemaResponse
	newSessionExpiryResource().Schema(t.Context(), resource.SchemaRequest{}, &schema)
	model := sessionExpiryModel{
		ID: types.StringValue("id"), SessionID: types.StringValue("session"), TTLSeconds: types.Int64Value(1),
		RenewBeforeSeconds: types.Int64Unknown(), RenewTriggers: types.MapValueMust(types.StringType, map[string]attr.Value{"a": types.StringValue("b")}),
		DeleteOnDestroy: types.BoolValue(true), ExpiresAt: timetypes.NewRFC3339ValueMust("2026-01-01T00:00:00Z"), Expired: types.BoolNull(),
	}
	state := tfsdk.State{Schema: schema.Schema, Raw: tftypes.NewValue(schema.Schema.Type().TerraformType(t.Context()), nil)}
	if diags := state.Set(t.Context(), model.object()); diags.HasError() {
		t.Fatalf("the model does not fit the schema: %v", diags)
	}
	got, diags := newSessionExpiryModel(t.Context(), state)
	if diags.HasError() || !got.equal(model) {
		t.Errorf("model from the state: %+v %v, want %+v", got, diags, model)
	}
	var object types.Object
	if diags := state.Get(t.Context(), &object); diags.HasError() || !object.Equal(model.object()) {
		t.Errorf("state: %s, want %s; %v", object, model.object(), diags)
	}
}
