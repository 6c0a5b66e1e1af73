package provider_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// resourceSchema is what an engine needs to know of a resource type.
type resourceSchema struct {
	object   tftypes.Object
	computed map[string]bool
}

func schemaOf(kind string) resourceSchema {
	schema := resourceSchema{object: resourceType(kind), computed: make(map[string]bool)}
	for _, attribute := range providerSchemas().ResourceSchemas[kind].Block.Attributes {
		schema.computed[attribute.Name] = attribute.Computed
	}
	return schema
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
