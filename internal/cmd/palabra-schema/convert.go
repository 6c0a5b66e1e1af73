package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// convert files the schema under the short name: it is the one key under which
// tfplugindocs looks up a provider outside HashiCorp's namespace.
func convert(schemas *tfprotov6.GetProviderSchemaResponse, identities *tfprotov6.GetResourceIdentitySchemasResponse) (*tfjson.ProviderSchemas, error) {
	if len(schemas.Functions) > 0 || len(schemas.StateStoreSchemas) > 0 {
		return nil, errors.New("the provider has functions or state stores, which this command does not print yet: their pages would be missing")
	}
	out := &tfjson.ProviderSchema{
		ConfigSchema:             convertSchema(schemas.Provider),
		ResourceSchemas:          convertAll(schemas.ResourceSchemas),
		DataSourceSchemas:        convertAll(schemas.DataSourceSchemas),
		EphemeralResourceSchemas: convertAll(schemas.EphemeralResourceSchemas),
		ListResourceSchemas:      convertAll(schemas.ListResourceSchemas),
		ActionSchemas:            make(map[string]*tfjson.ActionSchema),
		ResourceIdentitySchemas:  make(map[string]*tfjson.IdentitySchema),
	}
	for name, action := range schemas.ActionSchemas {
		out.ActionSchemas[name] = &tfjson.ActionSchema{Block: convertBlock(action.Schema.Block)}
	}
	for name, identity := range identities.IdentitySchemas {
		// The engines write only identities of resources; tfplugindocs fails
		// on any other.
		if _, ok := schemas.ResourceSchemas[name]; !ok {
			return nil, fmt.Errorf("identity %s belongs to no resource", name)
		}
		out.ResourceIdentitySchemas[name] = convertIdentity(identity)
	}
	return &tfjson.ProviderSchemas{FormatVersion: "1.0", Schemas: map[string]*tfjson.ProviderSchema{"palabra": out}}, nil
}

func convertAll(in map[string]*tfprotov6.Schema) map[string]*tfjson.Schema {
	out := make(map[string]*tfjson.Schema, len(in))
	for name, s := range in {
		out[name] = convertSchema(s)
	}
	return out
}

func convertSchema(in *tfprotov6.Schema) *tfjson.Schema {
	return &tfjson.Schema{Version: uint64(max(0, in.Version)), Block: convertBlock(in.Block)}
}

func convertBlock(in *tfprotov6.SchemaBlock) *tfjson.SchemaBlock {
	out := &tfjson.SchemaBlock{
		Attributes:      convertAttributes(in.Attributes),
		NestedBlocks:    make(map[string]*tfjson.SchemaBlockType, len(in.BlockTypes)),
		Description:     in.Description,
		DescriptionKind: descriptionKind(in.DescriptionKind),
		Deprecated:      in.Deprecated,
	}
	for _, nested := range in.BlockTypes {
		out.NestedBlocks[nested.TypeName] = &tfjson.SchemaBlockType{
			NestingMode: tfjson.SchemaNestingMode(strings.ToLower(nested.Nesting.String())),
			Block:       convertBlock(nested.Block),
			MinItems:    uint64(max(0, nested.MinItems)),
			MaxItems:    uint64(max(0, nested.MaxItems)),
		}
	}
	return out
}

func convertAttributes(in []*tfprotov6.SchemaAttribute) map[string]*tfjson.SchemaAttribute {
	out := make(map[string]*tfjson.SchemaAttribute, len(in))
	for _, a := range in {
		converted := &tfjson.SchemaAttribute{
			Description:     a.Description,
			DescriptionKind: descriptionKind(a.DescriptionKind),
			Deprecated:      a.Deprecated,
			Required:        a.Required,
			Optional:        a.Optional,
			Computed:        a.Computed,
			Sensitive:       a.Sensitive,
			WriteOnly:       a.WriteOnly,
		}
		if a.NestedType != nil {
			converted.AttributeNestedType = &tfjson.SchemaNestedAttributeType{
				Attributes:  convertAttributes(a.NestedType.Attributes),
				NestingMode: tfjson.SchemaNestingMode(strings.ToLower(a.NestedType.Nesting.String())),
			}
		} else {
			convertType(&converted.AttributeType, a.Type)
		}
		out[a.Name] = converted
	}
	return out
}

func convertIdentity(in *tfprotov6.ResourceIdentitySchema) *tfjson.IdentitySchema {
	out := &tfjson.IdentitySchema{Version: uint64(max(0, in.Version)), Attributes: make(map[string]*tfjson.IdentityAttribute, len(in.IdentityAttributes))}
	for _, a := range in.IdentityAttributes {
		converted := &tfjson.IdentityAttribute{
			Description:       a.Description,
			RequiredForImport: a.RequiredForImport,
			OptionalForImport: a.OptionalForImport,
		}
		convertType(&converted.IdentityType, a.Type)
		out.Attributes[a.Name] = converted
	}
	return out
}

// convertType goes through JSON, in which both libraries write types alike.
func convertType(out json.Unmarshaler, in json.Marshaler) {
	text, err := in.MarshalJSON()
	if err == nil {
		err = out.UnmarshalJSON(text)
	}
	if err != nil {
		panic(err) // A type that one of the libraries does not know.
	}
}

func descriptionKind(kind tfprotov6.StringKind) tfjson.SchemaDescriptionKind {
	return tfjson.SchemaDescriptionKind(strings.ToLower(kind.String()))
}
