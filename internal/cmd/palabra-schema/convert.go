package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The JSON form of provider schemas, format version 1.0.
type (
	document struct {
		FormatVersion string                     `json:"format_version"`
		Schemas       map[string]*providerSchema `json:"provider_schemas"`
	}
	providerSchema struct {
		Provider           *schema                    `json:"provider"`
		Resources          map[string]*schema         `json:"resource_schemas,omitempty"`
		DataSources        map[string]*schema         `json:"data_source_schemas,omitempty"`
		EphemeralResources map[string]*schema         `json:"ephemeral_resource_schemas,omitempty"`
		ListResources      map[string]*schema         `json:"list_resource_schemas,omitempty"`
		Actions            map[string]*schema         `json:"action_schemas,omitempty"`
		Identities         map[string]*identitySchema `json:"resource_identity_schemas,omitempty"`
	}
	schema struct {
		Version int64  `json:"version"`
		Block   *block `json:"block"`
	}
	block struct {
		Attributes map[string]*attribute   `json:"attributes,omitempty"`
		BlockTypes map[string]*nestedBlock `json:"block_types,omitempty"`
		description
	}
	nestedBlock struct {
		NestingMode string `json:"nesting_mode"`
		Block       *block `json:"block"`
		MinItems    int64  `json:"min_items,omitempty"`
		MaxItems    int64  `json:"max_items,omitempty"`
	}
	attribute struct {
		Type       tftypes.Type      `json:"type,omitempty"`
		NestedType *nestedAttributes `json:"nested_type,omitempty"`
		Required   bool              `json:"required,omitempty"`
		Optional   bool              `json:"optional,omitempty"`
		Computed   bool              `json:"computed,omitempty"`
		Sensitive  bool              `json:"sensitive,omitempty"`
		WriteOnly  bool              `json:"write_only,omitempty"`
		description
	}
	nestedAttributes struct {
		Attributes  map[string]*attribute `json:"attributes"`
		NestingMode string                `json:"nesting_mode"`
	}
	identitySchema struct {
		Version    int64                         `json:"version"`
		Attributes map[string]*identityAttribute `json:"attributes"`
	}
	identityAttribute struct {
		Type              tftypes.Type `json:"type"`
		Description       string       `json:"description,omitempty"`
		RequiredForImport bool         `json:"required_for_import,omitempty"`
		OptionalForImport bool         `json:"optional_for_import,omitempty"`
	}
	description struct {
		Text       string `json:"description,omitempty"`
		Kind       string `json:"description_kind,omitempty"`
		Deprecated bool   `json:"deprecated,omitempty"`
	}
)

// convert files the schema under the short name: it is the one key under which
// tfplugindocs looks up a provider outside HashiCorp's namespace.
func convert(schemas *tfprotov6.GetProviderSchemaResponse, identities *tfprotov6.GetResourceIdentitySchemasResponse) (*document, error) {
	if len(schemas.Functions) > 0 || len(schemas.StateStoreSchemas) > 0 {
		return nil, errors.New("the provider has functions or state stores, which this command does not print yet: their pages would be missing")
	}
	out := &providerSchema{
		Provider:           convertSchema(schemas.Provider),
		Resources:          convertAll(schemas.ResourceSchemas),
		DataSources:        convertAll(schemas.DataSourceSchemas),
		EphemeralResources: convertAll(schemas.EphemeralResourceSchemas),
		ListResources:      convertAll(schemas.ListResourceSchemas),
		Actions:            make(map[string]*schema, len(schemas.ActionSchemas)),
		Identities:         make(map[string]*identitySchema, len(identities.IdentitySchemas)),
	}
	for name, action := range schemas.ActionSchemas {
		out.Actions[name] = convertSchema(action.Schema)
	}
	for name, identity := range identities.IdentitySchemas {
		// The engines write only identities of resources; tfplugindocs fails
		// on any other.
		if _, ok := schemas.ResourceSchemas[name]; !ok {
			return nil, fmt.Errorf("identity %s belongs to no resource", name)
		}
		out.Identities[name] = convertIdentity(identity)
	}
	return &document{FormatVersion: "1.0", Schemas: map[string]*providerSchema{"palabra": out}}, nil
}

func convertAll(in map[string]*tfprotov6.Schema) map[string]*schema {
	out := make(map[string]*schema, len(in))
	for name, s := range in {
		out[name] = convertSchema(s)
	}
	return out
}

func convertSchema(in *tfprotov6.Schema) *schema {
	return &schema{Version: in.Version, Block: convertBlock(in.Block)}
}

func convertBlock(in *tfprotov6.SchemaBlock) *block {
	out := &block{
		Attributes:  convertAttributes(in.Attributes),
		BlockTypes:  make(map[string]*nestedBlock, len(in.BlockTypes)),
		description: describe(in.Description, in.DescriptionKind, in.Deprecated),
	}
	for _, nested := range in.BlockTypes {
		out.BlockTypes[nested.TypeName] = &nestedBlock{
			NestingMode: strings.ToLower(nested.Nesting.String()),
			Block:       convertBlock(nested.Block),
			MinItems:    nested.MinItems,
			MaxItems:    nested.MaxItems,
		}
	}
	return out
}

func convertAttributes(in []*tfprotov6.SchemaAttribute) map[string]*attribute {
	out := make(map[string]*attribute, len(in))
	for _, a := range in {
		converted := &attribute{
			Type:        a.Type,
			Required:    a.Required,
			Optional:    a.Optional,
			Computed:    a.Computed,
			Sensitive:   a.Sensitive,
			WriteOnly:   a.WriteOnly,
			description: describe(a.Description, a.DescriptionKind, a.Deprecated),
		}
		if a.NestedType != nil {
			converted.NestedType = &nestedAttributes{
				Attributes:  convertAttributes(a.NestedType.Attributes),
				NestingMode: strings.ToLower(a.NestedType.Nesting.String()),
			}
		}
		out[a.Name] = converted
	}
	return out
}

func convertIdentity(in *tfprotov6.ResourceIdentitySchema) *identitySchema {
	out := &identitySchema{Version: in.Version, Attributes: make(map[string]*identityAttribute, len(in.IdentityAttributes))}
	for _, a := range in.IdentityAttributes {
		out.Attributes[a.Name] = &identityAttribute{
			Type:              a.Type,
			Description:       a.Description,
			RequiredForImport: a.RequiredForImport,
			OptionalForImport: a.OptionalForImport,
		}
	}
	return out
}

func describe(text string, kind tfprotov6.StringKind, deprecated bool) description {
	d := description{Text: text, Kind: "plain", Deprecated: deprecated}
	if kind == tfprotov6.StringKindMarkdown {
		d.Kind = "markdown"
	}
	return d
}
