package provider

import (
	"context"
	"math/big"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// providerSchemas are read once.
var providerSchemas = sync.OnceValue(func() *tfprotov6.GetProviderSchemaResponse {
	schemas, err := newTestServer().GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		panic(err)
	}
	return schemas
})

func resourceType(kind string) tftypes.Object {
	return objectType(providerSchemas().ResourceSchemas[kind])
}

// attributes are those of an object, as Go values or as tftypes.Values. What is
// missing is null.
type attributes = map[string]any

// text is a string attribute of an object; empty where it is null or unknown.
func text(object tftypes.Value, name string) string { return stringOf(member(object, name)) }

func stringOf(value tftypes.Value) string {
	var s string
	if value.IsNull() || !value.IsKnown() || value.As(&s) != nil {
		return ""
	}
	return s
}

// is says whether a value is that boolean: neither null nor unknown.
func is(value tftypes.Value, want bool) bool {
	return value.Equal(tftypes.NewValue(tftypes.Bool, want))
}

// seconds is a number that is neither null nor unknown.
func secondsOf(value tftypes.Value) int64 {
	var number big.Float
	if err := value.As(&number); err != nil {
		panic(err)
	}
	whole, _ := number.Int64()
	return whole
}

var identityType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"session_id": tftypes.String}}

func identityOf(sessionID string) *tfprotov6.ResourceIdentityData {
	id := tftypes.NewValue(tftypes.String, sessionID)
	return &tfprotov6.ResourceIdentityData{IdentityData: wire(tftypes.NewValue(identityType, map[string]tftypes.Value{"session_id": id}))}
}

// expectIdentity fails the test now unless the answer has the identity of that
// session: engines refuse one without.
func expectIdentity(t failer, identity *tfprotov6.ResourceIdentityData, sessionID string) {
	t.Helper()
	if identity == nil || identity.IdentityData == nil {
		t.Fatalf("engine: missing resource identity of session %q", sessionID)
	}
	if got := text(unwire(identityType, identity.IdentityData), "session_id"); got != sessionID {
		t.Fatalf("the identity is of session %q, want %q", got, sessionID)
	}
}
