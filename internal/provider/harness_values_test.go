package provider_test

import (
	"context"
	"fmt"
	"math/big"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const (
	sessionType = "palabra_session"
	expiryType  = "palabra_session_expiry"
)

// providerSchemas are read once.
var providerSchemas = sync.OnceValue(func() *tfprotov6.GetProviderSchemaResponse {
	schemas, err := newServer().GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		panic(err)
	}
	return schemas
})

func objectType(schema *tfprotov6.Schema) tftypes.Object {
	object, _ := schema.ValueType().(tftypes.Object)
	return object
}

func resourceType(kind string) tftypes.Object {
	return objectType(providerSchemas().ResourceSchemas[kind])
}

// attributes are those of an object, as Go values or as tftypes.Values. What is
// missing is null.
type attributes map[string]any

func newObject(schema *tfprotov6.Schema, values attributes) tftypes.Value {
	object := objectType(schema)
	all := make(map[string]tftypes.Value, len(object.AttributeTypes))
	for name, of := range object.AttributeTypes {
		all[name] = newValue(of, values[name])
	}
	for name := range values {
		if _, ok := all[name]; !ok {
			panic(fmt.Sprintf("no attribute %q", name))
		}
	}
	return tftypes.NewValue(object, all)
}

func newValue(of tftypes.Type, value any) tftypes.Value {
	switch value := value.(type) {
	case tftypes.Value:
		return value
	case []string:
		var elements []tftypes.Value
		for _, element := range value {
			elements = append(elements, tftypes.NewValue(tftypes.String, element))
		}
		return tftypes.NewValue(of, elements)
	case map[string]string:
		elements := make(map[string]tftypes.Value)
		for name, element := range value {
			elements[name] = tftypes.NewValue(tftypes.String, element)
		}
		return tftypes.NewValue(of, elements)
	default:
		return tftypes.NewValue(of, value)
	}
}

func wire(value tftypes.Value) *tfprotov6.DynamicValue {
	dynamic, err := tfprotov6.NewDynamicValue(value.Type(), value)
	if err != nil {
		panic(err)
	}
	return &dynamic
}

// unwire is null for no value.
func unwire(of tftypes.Type, dynamic *tfprotov6.DynamicValue) tftypes.Value {
	if dynamic == nil {
		return tftypes.NewValue(of, nil)
	}
	value, err := dynamic.Unmarshal(of)
	if err != nil {
		panic(err)
	}
	return value
}

// members are the attributes of an object; none for a null object.
func members(object tftypes.Value) (all map[string]tftypes.Value) {
	if !object.IsNull() && object.As(&all) != nil {
		return nil
	}
	return all
}

// member is an attribute of an object; null for a null object.
func member(object tftypes.Value, name string) tftypes.Value { return members(object)[name] }

// text is a string attribute of an object; empty where it is null or unknown.
func text(object tftypes.Value, name string) string { return textOf(member(object, name)) }

func textOf(value tftypes.Value) string {
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
func seconds(value tftypes.Value) int64 {
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
