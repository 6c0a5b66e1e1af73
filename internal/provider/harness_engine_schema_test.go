package provider_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

const sessionType = "palabra_session"

// resourceSchema is what an engine needs to know of a resource type.
type resourceSchema struct {
	object   tftypes.Object
	computed map[string]bool
}

// schemas are those of the provider, read once.
type schemas struct {
	provider  tftypes.Object
	resources map[string]resourceSchema
}

var readSchemas = sync.OnceValues(func() (schemas, error) {
	read := schemas{resources: make(map[string]resourceSchema)}
	server := providerserver.NewProtocol6(provider.New("test")())()
	answer, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return read, err
	}
	read.provider, _ = answer.Provider.ValueType().(tftypes.Object)
	for name, described := range answer.ResourceSchemas {
		schema := resourceSchema{computed: make(map[string]bool)}
		schema.object, _ = described.ValueType().(tftypes.Object)
		for _, attribute := range described.Block.Attributes {
			schema.computed[attribute.Name] = attribute.Computed
		}
		read.resources[name] = schema
	}
	return read, nil
})

func stringOf(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }
func numberOf(n int) tftypes.Value    { return tftypes.NewValue(tftypes.Number, n) }
func boolOf(b bool) tftypes.Value     { return tftypes.NewValue(tftypes.Bool, b) }

func triggersOf(value string) tftypes.Value {
	return tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{"release": stringOf(value)})
}

// objectOf is an object with these attributes; the others are null.
func objectOf(of tftypes.Object, values attributes) (tftypes.Value, error) {
	all := make(map[string]tftypes.Value, len(of.AttributeTypes))
	for name, attributeType := range of.AttributeTypes {
		all[name] = tftypes.NewValue(attributeType, nil)
	}
	for name, value := range values {
		if _, ok := of.AttributeTypes[name]; !ok {
			return tftypes.Value{}, fmt.Errorf("no attribute %q", name)
		}
		all[name] = value
	}
	return tftypes.NewValue(of, all), nil
}

// proposedNew merges configuration and prior state, as engines do before they ask
// for a plan: a computed attribute that is not configured keeps its value.
func (s resourceSchema) proposedNew(prior, config tftypes.Value) tftypes.Value {
	merged := make(map[string]tftypes.Value, len(s.object.AttributeTypes))
	for name := range s.object.AttributeTypes {
		merged[name] = member(config, name)
		if s.computed[name] && merged[name].IsNull() && !prior.IsNull() {
			merged[name] = member(prior, name)
		}
	}
	return tftypes.NewValue(s.object, merged)
}

// invalidPlan is what an engine calls "Provider produced invalid plan"; empty for a
// valid one.
func (s resourceSchema) invalidPlan(prior, config, planned tftypes.Value) string {
	for _, name := range s.names() {
		was, said, is := member(prior, name), member(config, name), member(planned, name)
		switch {
		case is.Equal(said), !prior.IsNull() && !said.IsNull() && is.Equal(was), s.computed[name] && said.IsNull():
		default:
			return fmt.Sprintf("%s is planned as %s, configured as %s", name, is, said)
		}
	}
	return ""
}

// incompatible is what an engine calls "Provider produced inconsistent final plan"
// or "inconsistent result after apply": a known value has changed.
func (s resourceSchema) incompatible(promised, actual tftypes.Value) string {
	if promised.IsNull() != actual.IsNull() {
		return fmt.Sprintf("the object is null: first %t, then %t", promised.IsNull(), actual.IsNull())
	}
	for _, name := range s.names() {
		if was, is := member(promised, name), member(actual, name); !compatibleValues(was, is) {
			return fmt.Sprintf("%s was %s, is %s", name, was, is)
		}
	}
	return ""
}

func (s resourceSchema) names() []string {
	return slices.Sorted(maps.Keys(s.object.AttributeTypes))
}

func compatibleValues(promised, actual tftypes.Value) bool {
	if !promised.IsKnown() || promised.Equal(actual) {
		return true
	}
	var was, is map[string]tftypes.Value
	if !promised.Type().Is(tftypes.Map{}) || promised.IsNull() || actual.IsNull() || !actual.IsKnown() ||
		promised.As(&was) != nil || actual.As(&is) != nil {
		return false
	}
	return maps.EqualFunc(was, is, compatibleValues)
}
