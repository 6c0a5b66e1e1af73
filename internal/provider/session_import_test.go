package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestSessionImport_EmptyIDIsRefusedWithoutARequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocol(t, f)
	identity := &tfprotov6.ResourceIdentityData{IdentityData: p.dynamic(tftypes.NewValue(identityType, map[string]tftypes.Value{
		"session_id": tftypes.NewValue(tftypes.String, ""),
	}))}
	for _, typeName := range []string{"palabra_session", expiryType} {
		for name, request := range map[string]*tfprotov6.ImportResourceStateRequest{
			"id":       {TypeName: typeName},
			"identity": {TypeName: typeName, Identity: identity},
		} {
			resp, err := p.server.ImportResourceState(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if len(resp.ImportedResources) > 0 {
				t.Errorf("%s is imported by an empty %s", typeName, name)
			}
			expectError(t, resp.Diagnostics, "Empty session id")
		}
	}
	f.expectCalls(t, "")
}
