package provider

import (
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
	lifetime.RenewBeforeSeconds = unknownWholeNumber()
	lifetime.RenewTriggers = triggers(types.StringValue("b"))
	for name, test := range map[string]struct {
		resource resource.Resource
		object   types.Object
		again    func(tfsdk.State) types.Object
	}{
		sessionExpiryType: {
			newSessionExpiryResource(), (&sessionExpiryModel{lifetime}).object(),
			func(state tfsdk.State) types.Object {
				m, _ := newSessionExpiryModel(t.Context(), state)
				return m.object()
			},
		},
		managedSessionType: {
			newSessionResource(),
			(&sessionResourceModel{
				lifetimeModel: lifetime, Intent: types.StringValue("api"), AggregationID: types.StringValue("team"), SubscriberCount: newWholeNumber(2),
				sessionConnection: sessionConnection{
					PublisherToken: types.StringValue("t"), SubscriberTokens: types.ListValueMust(types.StringType, []attr.Value{types.StringValue("s")}),
					WebRTCURL: types.StringValue("u"), WebRTCRoomName: types.StringValue("n"), WSURL: types.StringValue("w"),
				},
				Organization: types.StringValue("o"), CreatedAt: timestamp(epoch),
			}).object(),
			func(state tfsdk.State) types.Object {
				m, _ := newSessionResourceModel(t.Context(), state)
				return m.object()
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var schema resource.SchemaResponse
			test.resource.Schema(t.Context(), resource.SchemaRequest{}, &schema)
			state := tfsdk.State{Schema: schema.Schema, Raw: tftypes.NewValue(schema.Schema.Type().TerraformType(t.Context()), nil)}
			if diags := state.Set(t.Context(), test.object); diags.HasError() {
				t.Fatalf("the model does not fit the schema: %v", diags)
			}
			if got := test.again(state); !got.Equal(test.object) {
				t.Errorf("model from the state: %s, want %s", got, test.object)
			}
		})
	}
}
