package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// longestDescription is two lines of a page; the guides have the rest.
const longestDescription = 165

func TestProviderSchema_DescriptionsAreShort(t *testing.T) {
	t.Parallel()
	schemas := providerSchemas()
	all := map[string]*tfprotov6.Schema{"provider": schemas.Provider}
	for kind, some := range map[string]map[string]*tfprotov6.Schema{
		"resource": schemas.ResourceSchemas, "data source": schemas.DataSourceSchemas,
		"ephemeral resource": schemas.EphemeralResourceSchemas, "list resource": schemas.ListResourceSchemas,
	} {
		for name, schema := range some {
			all[kind+" "+name] = schema
		}
	}
	for name, schema := range schemas.ActionSchemas {
		all["action "+name] = schema.Schema
	}
	for name, schema := range all {
		for _, attribute := range schema.Block.Attributes {
			if n := len(attribute.Description); n == 0 || n > longestDescription {
				t.Errorf("%s, %s: %d characters: %s", name, attribute.Name, n, attribute.Description)
			}
		}
		newer := strings.HasPrefix(name, "action ") || strings.HasPrefix(name, "list ") || strings.HasPrefix(name, "ephemeral ")
		if newer != strings.Contains(schema.Block.Description, "\n\n-> Needs Terraform 1.1") {
			t.Errorf("%s: a paragraph must name the first engine if it is not that of the provider: %s", name, schema.Block.Description)
		}
		if strings.HasPrefix(schema.Block.Description, "->") || strings.HasPrefix(schema.Block.Description, "~>") {
			t.Errorf("%s: the first paragraph must say what it does, because registries show it in lists: %s", name, schema.Block.Description)
		}
	}
}
