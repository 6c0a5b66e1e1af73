package provider

import (
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestLifetimeModel_HoldsEveryAttributeOfTheSchemas(t *testing.T) {
	t.Parallel()
	lifetime := givenLifetime(60)
	lifetime.RenewBeforeSeconds = types.Int64Unknown()
	lifetime.RenewTriggers = triggerMap(types.StringValue("b"))
	for name, test := range map[string]struct {
		resource     resource.Resource
		model, again lifetimeResourceModel
	}{
		sessionExpiryType: {newSessionExpiryResource(), &sessionExpiryModel{lifetime, lifetime.ID}, &sessionExpiryModel{}},
		managedSessionType: {
			newSessionResource(),
			&sessionResourceModel{
				lifetimeModel: lifetime, Intent: types.StringValue("api"), AggregationID: types.StringValue("team"), SubscriberCount: types.Int64Value(2),
				sessionConnection: sessionConnection{
					PublisherToken: types.StringValue("t"), SubscriberTokens: types.ListValueMust(types.StringType, []attr.Value{types.StringValue("s")}),
					WebRTCURL: types.StringValue("u"), WebRTCRoomName: types.StringValue("n"), WSURL: types.StringValue("w"),
				},
				Organization: types.StringValue("o"), CreatedAt: timestamp(epoch),
			}, &sessionResourceModel{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var schema resource.SchemaResponse
			test.resource.Schema(t.Context(), resource.SchemaRequest{}, &schema)
			state := tfsdk.State{Schema: schema.Schema, Raw: tftypes.NewValue(schema.Schema.Type().TerraformType(t.Context()), nil)}
			if diags := state.Set(t.Context(), test.model); diags.HasError() {
				t.Fatalf("the model does not fit the schema: %v", diags)
			}
			if diags := test.again.load(t.Context(), state); diags.HasError() || !reflect.DeepEqual(test.again, test.model) {
				t.Errorf("model from the state: %+v, want %+v; %v", test.again, test.model, diags)
			}
		})
	}
}
