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

// expectNothingChanges plans and applies a configuration that takes over what another
// provider or an earlier build managed: it only reads. The next plan is empty.
func expectNothingChanges(t *testing.T, f *fixture, c *cli, addresses ...string) {
	t.Helper()
	actions, said := c.plan()
	for planned, action := range actions {
		if action != "no-op" {
			t.Errorf("planned %s for %s: %s", action, planned, said)
		}
	}
	c.run("apply", "-auto-approve", "tfplan")
	f.expectWrites(t)
	c.run("plan", "-detailed-exitcode")
	for _, address := range addresses {
		instances := c.instances()[address]
		if len(instances) != 1 || actions[address] == "" {
			t.Fatalf("%d instances of %s in the state, want one, planned", len(instances), address)
		}
		values, identity := instances[0].Attributes, instances[0].Identity
		// Engines without identities store none.
		if values["ttl_seconds"] == nil || values["expires_at"] == nil || identity != nil && identity["session_id"] != values["id"] {
			t.Errorf("%s: %v, with the identity %v", address, values, identity)
		}
	}
}

func TestSessionMove_EngineTakesOver(t *testing.T) {
	t.Parallel()
	needs(t, movedBetweenTypes)
	guide, with, found := strings.Cut(string(must(os.ReadFile("../../examples/guides/move-from-rest/main.tf"))), "provider \"palabra\" {}\n")
	if !found {
		t.Fatal("the guide configures the provider in another way")
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
		}, guide + with, "palabra_session_expiry.booth"}, // f.config has a provider block.
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
		expectNothingChanges(t, f, c, test.address)
	})
}

// The states were written by Terraform 1.11 and the builds of the commits that they
// are named after: there is no release yet. Both resources had no active and renew_at.
func TestUpgrade_StatesOfEarlierBuildsPlanNothing(t *testing.T) {
	t.Parallel()
	states := must(filepath.Glob("testdata/states/*.json"))
	if len(states) < 2 {
		t.Fatalf("%d states", len(states))
	}
	for _, path := range states {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			f, c := newFixture(t), newCLI(t)
			c.writeFile("terraform.tfstate", string(must(os.ReadFile(path)))) // #nosec G304 -- test data
			for _, instances := range c.instances() {                         // The plan is made an hour after they were written.
				values := instances[0].Attributes
				end := must(time.Parse(time.RFC3339, fmt.Sprint(values["expires_at"])))
				granted := end.Add(-7 * 24 * time.Hour)
				f.clock.Advance(granted.Add(time.Hour).Sub(f.clock.Now()))
				f.Put(sandbox.Session{ID: fmt.Sprint(values["id"]), CreatedAt: granted, UpdatedAt: granted, ExpiresAt: end})
			}
			c.write(f.config(`
resource "palabra_session_expiry" "kept" {
  session_id           = "` + testSessionID + `"
  ttl_seconds          = 604800
  renew_before_seconds = 86400
}

resource "palabra_session" "own" {
  ttl_seconds = 604800
}`))
			expectNothingChanges(t, f, c, "palabra_session_expiry.kept", "palabra_session.own")
		})
	}
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
	expectNothingChanges(t, f, c, expiryAddress)
	if values := c.values(expiryAddress); values["expires_at"] != created["expires_at"] || values["delete_on_destroy"] != false {
		t.Errorf("after the move %v, before %v", values, created)
	}
	c.write(f.config(movedTo(expiryAddress, address) + `resource "palabra_session" "test" {` + arguments))
	expectNothingChanges(t, f, c, address)
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

func (p formerProvider) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return &tfprotov6.GetProviderSchemaResponse{
		Provider: &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{}},
		ResourceSchemas: map[string]*tfprotov6.Schema{p.typeName: {Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{
			{Name: "id", Type: tftypes.String, Computed: true}, {Name: "path", Type: tftypes.String, Required: true},
		}}}},
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
	raw := string(must(os.ReadFile(fixtureState(name))))
	c.writeFile("terraform.tfstate", strings.ReplaceAll(raw, "registry.terraform.io", testEngine.Registry()))
	resource := readStateFile(c.t, fixtureState(name)).Resources[0]
	address := strings.TrimPrefix(resource.provider(), "registry.terraform.io/")
	c.providers[address] = func() tfprotov6.ProviderServer { return formerProvider{typeName: resource.Type} }
}
