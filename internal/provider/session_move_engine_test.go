package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// expectTakenOver applies a configuration whose moved block takes a session over:
// it changes nothing and only reads. The next plan is empty.
func expectTakenOver(t *testing.T, f *fixture, c *cli, address string) {
	t.Helper()
	actions, _ := c.plan()
	if _, planned := actions[address]; !planned {
		t.Errorf("planned %v, want %s among them", actions, address)
	}
	for planned, action := range actions {
		if action != "no-op" {
			t.Errorf("planned %s for %s", action, planned)
		}
	}
	c.run("apply", "-auto-approve", "tfplan")
	f.expectWrites(t)
	c.run("plan", "-detailed-exitcode")
	instances := c.instances()[address]
	if len(instances) != 1 {
		t.Fatalf("%d instances of %s in the state, want one", len(instances), address)
	}
	values, identity := instances[0].Attributes, instances[0].Identity
	if values["id"] == nil || values["ttl_seconds"] == nil || values["expires_at"] == nil {
		t.Errorf("%s: %v", address, values)
	}
	// Engines without identities store none.
	if identity != nil && identity["session_id"] != values["id"] {
		t.Errorf("identity in the state: %v, want that of session %v", identity, values["id"])
	}
}

func TestSessionMove_EngineTakesOver(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	const block = "provider \"palabra\" {}\n" // f.config has another.
	guide, err := os.ReadFile("../../examples/guides/move-from-rest/main.tf")
	if err != nil || !strings.Contains(string(guide), block) {
		t.Fatalf("the example of the guide: %v", err)
	}
	given := expiryConfig(30*24*3600, "")
	type row struct {
		prepare         func(*cli)
		config, address string
	}
	eachRow(t, map[string]row{
		"restapi": {func(c *cli) {
			c.useState("restapi_v1")
			c.providers["palabra-community/palabra"] = newProviderServer
		}, strings.Replace(string(guide), block, "", 1), "palabra_session_expiry.booth"},
		// OpenTofu keeps the identity of the source, and asks for an upgrade of it.
		"restful": {func(c *cli) { c.useState("restful_v2") }, movedTo("restful_resource.booth", expiryAddress) + given, expiryAddress},
		// Engines have addresses of their own for the provider that is built in.
		"terraform_data": {func(c *cli) {
			c.write("resource \"terraform_data\" \"booth\" {\n  input = { session_id = \"" + testSessionID + "\", by = \"a script\" }\n}\n")
			c.run("apply", "-auto-approve")
		}, movedTo("terraform_data.booth", expiryAddress) + given, expiryAddress},
	}, func(t *testing.T, test row) {
		f, c := newFixture(t), newCLI(t)
		f.putSession(testSessionID, 30*24*time.Hour)
		test.prepare(c)
		c.write(f.config(test.config))
		expectTakenOver(t, f, c, test.address)
	})
}

func movedTo(from, to string) string {
	return fmt.Sprintf("moved {\n  from = %s\n  to   = %s\n}\n", from, to)
}

// TestSessionMove_EngineMovesBetweenOurTypesAndBack without a renewal: a trigger
// and what a cap granted move along.
func TestSessionMove_EngineMovesBetweenOurTypesAndBack(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	const address = "palabra_session.test"
	const arguments = `
  ttl_seconds          = 7200
  renew_before_seconds = 3600
  renew_triggers       = { release = "1" }
  delete_on_destroy    = false
}
`
	f, c := newFixture(t, func(o *sandbox.Options) { o.MaxTTL = time.Hour }), newCLI(t)
	c.write(f.config(`resource "palabra_session" "test" {` + arguments))
	c.run("apply", "-auto-approve")
	created := c.values(address)
	f.clock.Advance(2 * time.Minute)
	f.ResetRequests()

	c.write(f.config(movedTo(address, expiryAddress) + fmt.Sprintf("resource \"palabra_session_expiry\" \"test\" {\n  session_id = %q", created["id"]) + arguments))
	expectTakenOver(t, f, c, expiryAddress)
	if values := c.values(expiryAddress); values["expires_at"] != created["expires_at"] || values["delete_on_destroy"] != false {
		t.Errorf("after the move %v, before %v", values, created)
	}
	c.write(f.config(movedTo(expiryAddress, address) + `resource "palabra_session" "test" {` + arguments))
	expectTakenOver(t, f, c, address)
	if values := c.values(address); values["id"] != created["id"] || values["expires_at"] != created["expires_at"] || values["publisher_token"] != nil {
		t.Errorf("after the way back %v", values)
	}
}

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
