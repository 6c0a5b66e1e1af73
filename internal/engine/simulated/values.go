package simulated

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Schemas are those of the resource types.
type Schemas map[string]*tfprotov6.Schema

// resourceSchema is what an engine needs to know of a resource type.
type resourceSchema struct {
	object   tftypes.Object
	computed map[string]bool
}

func (s Schemas) of(kind string) resourceSchema {
	schema := resourceSchema{object: ObjectType(s[kind]), computed: make(map[string]bool)}
	for _, attribute := range s[kind].Block.Attributes {
		schema.computed[attribute.Name] = attribute.Computed
	}
	return schema
}

// null is an instance that does not exist.
func (s Schemas) null(kind string) tftypes.Value { return tftypes.NewValue(ObjectType(s[kind]), nil) }

// proposedNew merges configuration and prior state, as engines do before they ask
// for a plan: a computed attribute that is not configured keeps its value.
func (s resourceSchema) proposedNew(prior, config tftypes.Value) tftypes.Value {
	merged := make(map[string]tftypes.Value, len(s.object.AttributeTypes))
	for name := range s.object.AttributeTypes {
		merged[name] = Member(config, name)
		if s.computed[name] && merged[name].IsNull() && !prior.IsNull() {
			merged[name] = Member(prior, name)
		}
	}
	return tftypes.NewValue(s.object, merged)
}

// invalidPlan is what an engine calls an "invalid plan"; empty for a valid one.
func (s resourceSchema) invalidPlan(prior, config, planned tftypes.Value) string {
	for _, name := range s.names() {
		was, said, is := Member(prior, name), Member(config, name), Member(planned, name)
		switch {
		case is.Equal(said), !prior.IsNull() && !said.IsNull() && is.Equal(was), s.computed[name] && said.IsNull():
		default:
			return fmt.Sprintf("%s is planned as %s, configured as %s", name, is, said)
		}
	}
	return ""
}

// incompatible is what an engine calls an "inconsistent final plan" or an
// "inconsistent result after apply": a known value has changed.
func (s resourceSchema) incompatible(promised, actual tftypes.Value) string {
	if promised.IsNull() != actual.IsNull() {
		return fmt.Sprintf("the object is null: first %t, then %t", promised.IsNull(), actual.IsNull())
	}
	for _, name := range s.names() {
		if was, is := Member(promised, name), Member(actual, name); !compatible(was, is) {
			return fmt.Sprintf("%s was %s, is %s", name, was, is)
		}
	}
	return ""
}

func (s resourceSchema) names() []string { return slices.Sorted(maps.Keys(s.object.AttributeTypes)) }

func compatible(promised, actual tftypes.Value) bool {
	if !promised.IsKnown() || promised.Equal(actual) {
		return true
	}
	var was, is map[string]tftypes.Value
	if !promised.Type().Is(tftypes.Map{}) || promised.IsNull() || actual.IsNull() || !actual.IsKnown() ||
		promised.As(&was) != nil || actual.As(&is) != nil {
		return false
	}
	return maps.EqualFunc(was, is, compatible)
}

// ObjectType is the type of the values of a schema.
func ObjectType(schema *tfprotov6.Schema) tftypes.Object {
	object, _ := schema.ValueType().(tftypes.Object)
	return object
}

// NewObject is an object with the values of its attributes. What is missing is null.
func NewObject(schema *tfprotov6.Schema, values map[string]any) tftypes.Value {
	object := ObjectType(schema)
	all := make(map[string]tftypes.Value, len(object.AttributeTypes))
	for name, of := range object.AttributeTypes {
		all[name] = NewValue(of, values[name])
	}
	for name := range values {
		if _, ok := all[name]; !ok {
			panic(fmt.Sprintf("no attribute %q", name))
		}
	}
	return tftypes.NewValue(object, all)
}

// NewValue is a value of a type from a Go value or a tftypes.Value.
func NewValue(of tftypes.Type, value any) tftypes.Value {
	switch value := value.(type) {
	case tftypes.Value:
		return value
	case []string:
		elements := make([]tftypes.Value, 0, len(value))
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

// Wire encodes a value as engines send it.
func Wire(value tftypes.Value) *tfprotov6.DynamicValue {
	dynamic, err := tfprotov6.NewDynamicValue(value.Type(), value)
	if err != nil {
		panic(err)
	}
	return &dynamic
}

// Unwire decodes what Wire encodes. It is null for no value.
func Unwire(of tftypes.Type, dynamic *tfprotov6.DynamicValue) tftypes.Value {
	if dynamic == nil {
		return tftypes.NewValue(of, nil)
	}
	value, err := dynamic.Unmarshal(of)
	if err != nil {
		panic(err)
	}
	return value
}

// Members are the attributes of an object; none for a null object.
func Members(object tftypes.Value) (all map[string]tftypes.Value) {
	if !object.IsNull() && object.As(&all) != nil {
		return nil
	}
	return all
}

// Member is an attribute of an object; null for a null object.
func Member(object tftypes.Value, name string) tftypes.Value { return Members(object)[name] }
