package provider

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// longestDescription is two lines of a page; the guides have the rest.
const longestDescription = 165

// TestProviderSchema_DescriptionsAreShort, and secrets are sensitive.
func TestProviderSchema_DescriptionsAreShort(t *testing.T) {
	t.Parallel()
	schemas := providerSchemas()
	all := map[string]*tfprotov6.Schema{"provider": schemas.Provider}
	for kind, some := range map[string]map[string]*tfprotov6.Schema{
		"resource ": schemas.ResourceSchemas, "data source ": schemas.DataSourceSchemas,
		"ephemeral ": schemas.EphemeralResourceSchemas, "list ": schemas.ListResourceSchemas,
	} {
		for name, schema := range some {
			all[kind+name] = schema
		}
	}
	for name, schema := range schemas.ActionSchemas {
		all["action "+name] = schema.Schema
	}
	secret, newer := regexp.MustCompile(`_tokens?$|_secret$|^api_key$`), regexp.MustCompile("^(action|list|ephemeral) ")
	for name, schema := range all {
		for _, attribute := range schema.Block.Attributes {
			if secret.MatchString(attribute.Name) != attribute.Sensitive {
				t.Errorf("%s, %s: sensitive: %t", name, attribute.Name, attribute.Sensitive)
			}
			if n := len(attribute.Description); n == 0 || n > longestDescription {
				t.Errorf("%s, %s: %d characters: %s", name, attribute.Name, n, attribute.Description)
			}
		}
		if newer.MatchString(name) != strings.Contains(schema.Block.Description, "\n\n-> Needs Terraform 1.1") {
			t.Errorf("%s: a paragraph must name the first engine if it is not that of the provider: %s", name, schema.Block.Description)
		}
		if strings.HasPrefix(schema.Block.Description, "->") || strings.HasPrefix(schema.Block.Description, "~>") {
			t.Errorf("%s: the first paragraph must say what it does, because registries show it in lists: %s", name, schema.Block.Description)
		}
	}
}

// validate does what "terraform validate" does with a block.
func (p *protocol) validate(kind, name string, arguments attributes) []*tfprotov6.Diagnostic {
	p.t.Helper()
	switch kind {
	case "resource":
		config := wire(newObject(providerSchemas().ResourceSchemas[name], arguments))
		return must(p.server.ValidateResourceConfig(p.t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: name, Config: config})).Diagnostics
	case "data":
		_, diags := p.readData(name, arguments)
		return diags
	case "action":
		return p.validateAction(name, arguments)
	}
	req := &tfprotov6.ValidateEphemeralResourceConfigRequest{TypeName: name, Config: ephemeralConfig(arguments)}
	return must(p.server.ValidateEphemeralResourceConfig(p.t.Context(), req)).Diagnostics
}

func TestProviderSchema_InvalidArgumentIsRefusedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocol(t, f)
	expiry := func(name string, value any) attributes {
		arguments := attributes{"session_id": "a", "ttl_seconds": 60}
		arguments[name] = value
		return arguments
	}
	for _, test := range []struct {
		kind, name, attribute string
		arguments             attributes
		want                  string
	}{
		{"resource", sessionExpiryType, "ttl_seconds", expiry("ttl_seconds", 0), "must be between 1 and 9000000000, got: 0"},
		{"resource", sessionExpiryType, "ttl_seconds", expiry("ttl_seconds", calculated("-0.7", 24, 3600)), "got: -60480"},
		{"resource", sessionExpiryType, "ttl_seconds", expiry("ttl_seconds", calculated("1.5")), "Not a whole number: The value is about 1.5"},
		{"resource", sessionExpiryType, "ttl_seconds", expiry("ttl_seconds", calculated("1.0001")), "Not a whole number: The value is about 1.0001"},
		{"resource", sessionExpiryType, "ttl_seconds", expiry("ttl_seconds", calculated("1e30")), "Not a whole number: The value is about 1e+30"},
		{"resource", sessionExpiryType, "session_id", expiry("session_id", ""), "session id is empty"},
		{"resource", sessionExpiryType, "session_id", expiry("session_id", "."), "is not the id of a session"},
		{"resource", sessionExpiryType, "session_id", expiry("session_id", ".."), "is not the id of a session"},
		{"resource", sessionExpiryType, "renew_before_seconds", expiry("renew_before_seconds", 60), "must be smaller than ttl_seconds"},
		{"resource", sessionExpiryType, "renew_before_seconds", expiry("renew_before_seconds", 0), "must be between 1"},
		{"resource", managedSessionType, "ttl_seconds", attributes{"ttl_seconds": 0}, "must be between 1"},
		{"resource", managedSessionType, "subscriber_count", attributes{"subscriber_count": 11}, "must be between 0 and 10"},
		{"resource", managedSessionType, "subscriber_count", attributes{"subscriber_count": -1}, "must be between 0 and 10"},
		{"resource", managedSessionType, "subscriber_count", attributes{"subscriber_count": calculated("1.5")}, "floor()"},
		{"resource", managedSessionType, "intent", attributes{"intent": ""}, "length must be at least 1"},
		{"resource", managedSessionType, "aggregation_id", attributes{"aggregation_id": ""}, "length must be at least 1"},
		{"resource", managedSessionType, "renew_before_seconds", attributes{"renew_before_seconds": 60}, "ttl_seconds"},
		{"resource", managedSessionType, "renew_triggers", triggers("1"), "ttl_seconds"},
		{"resource", managedSessionType, "renew_before_seconds", attributes{"ttl_seconds": 60, "renew_before_seconds": 60}, "must be smaller than ttl_seconds"},
		{"ephemeral", managedSessionType, "ttl_seconds", attributes{"ttl_seconds": 0}, "must be between 1"},
		{"ephemeral", managedSessionType, "subscriber_count", attributes{"subscriber_count": 11}, "must be between 0 and 10"},
		{"ephemeral", managedSessionType, "intent", attributes{"intent": ""}, "length must be at least 1"},
		{"data", "palabra_session", "id", attributes{"id": ""}, "length must be at least 1"},
		{"data", "palabra_sessions", "created_before", attributes{"created_before": "yesterday"}, "RFC3339"},
		{"action", extendAction, "session_id", attributes{"session_id": "", "ttl_seconds": 60}, "length must be at least 1"},
		{"action", extendAction, "ttl_seconds", attributes{"session_id": "a", "ttl_seconds": 0}, "must be between 1"},
		{"action", deleteAction, "session_id", attributes{"session_id": ""}, "length must be at least 1"},
		{"action", pruneAction, "max_deletions", attributes{"id_prefix": "a", "max_deletions": 0}, "must be at least 1"},
		{"action", pruneAction, "created_before", attributes{"id_prefix": "a", "created_before": "yesterday"}, "RFC3339"},
	} {
		diags := p.validate(test.kind, test.name, test.arguments)
		expectError(t, diags, test.want)
		if len(diags) != 1 || !diags[0].Attribute.Equal(tftypes.NewAttributePath().WithAttributeName(test.attribute)) {
			t.Errorf("%s %s %v: want one error at %s: %s", test.kind, test.name, test.arguments, test.attribute, diagnosticText(diags))
		}
	}
	f.expectCalls(t, "")
}
