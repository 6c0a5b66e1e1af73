package provider_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
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
	raw, state := readFixtureState(c.t, name)
	host := os.Getenv("TF_ACC_PROVIDER_HOST")
	raw = []byte(strings.ReplaceAll(string(raw), "registry.terraform.io", host))
	if err := os.WriteFile(filepath.Join(c.Dir, "terraform.tfstate"), raw, 0o600); err != nil {
		c.t.Fatal(err)
	}
	resource := state.Resources[0]
	address := strings.TrimSuffix(strings.TrimPrefix(resource.Provider, `provider["registry.terraform.io/`), `"]`)
	c.others = map[string]func() tfprotov6.ProviderServer{
		address: func() tfprotov6.ProviderServer { return formerProvider{typeName: resource.Type} },
	}
}

// identities returns the session ids of all identities in the state file, sorted.
// Engines without identities write none.
func (c *cli) identities() []string {
	c.t.Helper()
	var state struct {
		Resources []struct {
			Instances []struct {
				Identity *struct {
					SessionID string `json:"session_id"`
				} `json:"identity"`
			} `json:"instances"`
		} `json:"resources"`
	}
	if err := json.Unmarshal([]byte(c.read("terraform.tfstate")), &state); err != nil {
		c.t.Fatal(err)
	}
	var ids []string
	for _, resource := range state.Resources {
		for _, instance := range resource.Instances {
			if instance.Identity != nil {
				ids = append(ids, instance.Identity.SessionID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}
