package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

func TestWrite_HasEveryObjectOfTheProvider(t *testing.T) {
	t.Parallel()
	server := providerserver.NewProtocol6(provider.New("test")())()
	want, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := write(t.Context(), &out, server); err != nil {
		t.Fatal(err)
	}
	var got struct {
		FormatVersion string                                           `json:"format_version"`
		Schemas       map[string]map[string]map[string]json.RawMessage `json:"provider_schemas"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.FormatVersion != "1.0" {
		t.Errorf("format version %q", got.FormatVersion)
	}
	palabra := got.Schemas["palabra"]
	for kind, count := range map[string]int{
		"resource_schemas":           len(want.ResourceSchemas),
		"data_source_schemas":        len(want.DataSourceSchemas),
		"ephemeral_resource_schemas": len(want.EphemeralResourceSchemas),
		"list_resource_schemas":      len(want.ListResourceSchemas),
		"action_schemas":             len(want.ActionSchemas),
	} {
		if count == 0 || len(palabra[kind]) != count {
			t.Errorf("%s: %d of %d written", kind, len(palabra[kind]), count)
		}
	}
}

func TestConvert_KeepsWhatThePagesShow(t *testing.T) {
	t.Parallel()
	in := &tfprotov6.SchemaBlock{
		Attributes: []*tfprotov6.SchemaAttribute{
			{Name: "tokens", Type: tftypes.List{ElementType: tftypes.String}, Computed: true, Sensitive: true},
			{Name: "id", Type: tftypes.String, Required: true, Description: "An *id*.", DescriptionKind: tfprotov6.StringKindMarkdown},
			{Name: "sessions", Optional: true, NestedType: &tfprotov6.SchemaObject{
				Nesting:    tfprotov6.SchemaObjectNestingModeList,
				Attributes: []*tfprotov6.SchemaAttribute{{Name: "id", Type: tftypes.String, Computed: true}},
			}},
		},
		BlockTypes: []*tfprotov6.SchemaNestedBlock{
			{TypeName: "filter", Nesting: tfprotov6.SchemaNestedBlockNestingModeSet, MaxItems: 2, Block: &tfprotov6.SchemaBlock{}},
		},
	}
	got, err := json.Marshal(convertBlock(in))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"tokens":{"type":["list","string"],"description_kind":"plain","computed":true,"sensitive":true}`,
		`"id":{"type":"string","description":"An *id*.","description_kind":"markdown","required":true}`,
		`"sessions":{"nested_type":{"attributes":{"id":{"type":"string","description_kind":"plain","computed":true}},"nesting_mode":"list"},"description_kind":"plain","optional":true`,
		`"filter":{"nesting_mode":"set","block":{"description_kind":"plain"},"max_items":2}`,
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("lacks %s:\n%s", want, got)
		}
	}
}

func TestConvert_FailsOnWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	empty := &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{}}
	for name, test := range map[string]struct {
		schemas    tfprotov6.GetProviderSchemaResponse
		identities tfprotov6.GetResourceIdentitySchemasResponse
		want       string
	}{
		"a function": {
			schemas: tfprotov6.GetProviderSchemaResponse{Provider: empty, Functions: map[string]*tfprotov6.Function{"parse_id": {}}},
			want:    "functions",
		},
		"an identity without a resource": {
			schemas:    tfprotov6.GetProviderSchemaResponse{Provider: empty},
			identities: tfprotov6.GetResourceIdentitySchemasResponse{IdentitySchemas: map[string]*tfprotov6.ResourceIdentitySchema{"palabra_room": {}}},
			want:       "palabra_room",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := convert(&test.schemas, &test.identities); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one about %s", err, test.want)
			}
		})
	}
}

func TestWrite_StopsAtErrorsOfTheProvider(t *testing.T) {
	t.Parallel()
	diagnostics := []*tfprotov6.Diagnostic{
		{Severity: tfprotov6.DiagnosticSeverityWarning, Summary: "soon gone"},
		{Severity: tfprotov6.DiagnosticSeverityError, Summary: "Invalid schema", Detail: "two ids"},
	}
	if err := failed(diagnostics); err == nil || err.Error() != "Invalid schema: two ids" {
		t.Errorf("error %v", err)
	}
	if err := failed(diagnostics[:1]); err != nil {
		t.Errorf("a warning is treated as an error: %v", err)
	}
}
