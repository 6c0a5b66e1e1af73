package provider

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// formerProvider is the provider that managed a session before a "moved" block.
// Engines only ask for its schema; any other call panics.
type formerProvider struct {
	tfprotov6.ProviderServer
	typeName string
}

func (p formerProvider) schema() *tfprotov6.Schema {
	return &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{
		{Name: "id", Type: tftypes.String, Computed: true},
		{Name: "path", Type: tftypes.String, Required: true},
	}}}
}

func (p formerProvider) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	return &tfprotov6.GetMetadataResponse{Resources: []tfprotov6.ResourceMetadata{{TypeName: p.typeName}}}, nil
}

func (p formerProvider) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return &tfprotov6.GetProviderSchemaResponse{
		Provider:        &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{}},
		ResourceSchemas: map[string]*tfprotov6.Schema{p.typeName: p.schema()},
	}, nil
}

func (p formerProvider) GetResourceIdentitySchemas(context.Context, *tfprotov6.GetResourceIdentitySchemasRequest) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{IdentitySchemas: map[string]*tfprotov6.ResourceIdentitySchema{
		p.typeName: {IdentityAttributes: []*tfprotov6.ResourceIdentitySchemaAttribute{{Name: "id", Type: tftypes.String, RequiredForImport: true}}},
	}}, nil
}

func (p formerProvider) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

// useState copies a state file from testdata and renames the provider for the
// engine under test.
func (c *cli) useState(name string) {
	c.t.Helper()
	raw, err := os.ReadFile(fixtureState(name))
	if err != nil {
		c.t.Fatal(err)
	}
	content := strings.ReplaceAll(string(raw), "registry.terraform.io", testEngine.Registry())
	if err := os.WriteFile(filepath.Join(c.Dir, "terraform.tfstate"), []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
	resource := readStateFile(c.t, fixtureState(name)).Resources[0]
	address := strings.TrimSuffix(strings.TrimPrefix(resource.Provider, `provider["registry.terraform.io/`), `"]`)
	c.providers[address] = func() tfprotov6.ProviderServer { return formerProvider{typeName: resource.Type} }
}
