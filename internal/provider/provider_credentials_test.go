package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

func environment(pairs ...string) func(string) string {
	values := make(map[string]string, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

// writeFile is a file of a mounted secret, or of certificates.
func writeFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestProviderCredentials_ConfigurationWinsOverEnvironment(t *testing.T) {
	t.Parallel()
	s := types.StringValue
	keyFile, secretFile := writeFile(t, "key\n"), writeFile(t, "secret\r\n")
	for name, test := range map[string]struct {
		config     providerModel
		env        func(string) string
		want       palabra.Config
		wantSource []string
	}{
		"pair from configuration": {
			providerModel{ClientID: s("id"), ClientSecret: s("secret")}, environment(envClientID, "other", envClientSecret, "other"),
			palabra.Config{ClientID: "id", ClientSecret: "secret"}, []string{"client_id attribute", "client_secret attribute"},
		},
		"pair from environment": {
			providerModel{}, environment(envClientID, "id", envClientSecret, "secret"),
			palabra.Config{ClientID: "id", ClientSecret: "secret"}, []string{envClientID, envClientSecret},
		},
		"pair from both": {
			providerModel{ClientID: s("id")}, environment(envClientID, "other", envClientSecret, "secret"),
			palabra.Config{ClientID: "id", ClientSecret: "secret"}, []string{"client_id attribute", envClientSecret},
		},
		"pair with a file": {
			providerModel{ClientID: s("id"), ClientSecretFile: s(secretFile)}, environment(envClientSecret, "other"),
			palabra.Config{ClientID: "id", ClientSecret: "secret"}, []string{"client_id attribute", "client_secret_file attribute"},
		},
		"pair with a file from environment": {
			providerModel{}, environment(envClientID, "id", envClientSecret+"_FILE", secretFile),
			palabra.Config{ClientID: "id", ClientSecret: "secret"}, []string{envClientID, envClientSecret + "_FILE"},
		},
		"key from configuration beats pair from environment": {
			providerModel{APIKey: s("key")}, environment(envClientID, "id", envClientSecret, "secret"),
			palabra.Config{APIKey: "key"}, []string{"api_key attribute"},
		},
		"pair from configuration beats key from environment": {
			providerModel{ClientID: s("id"), ClientSecret: s("secret")}, environment(envAPIKey, "key"),
			palabra.Config{ClientID: "id", ClientSecret: "secret"}, []string{"client_id attribute", "client_secret attribute"},
		},
		"key from environment": {
			providerModel{}, environment(envAPIKey, "key"),
			palabra.Config{APIKey: "key"}, []string{envAPIKey},
		},
		"key from a file": {
			providerModel{APIKeyFile: s(keyFile)}, environment(envAPIKey, "other"),
			palabra.Config{APIKey: "key"}, []string{"api_key_file attribute"},
		},
		"key from a file of the environment": {
			providerModel{}, environment(envAPIKey+"_FILE", keyFile),
			palabra.Config{APIKey: "key"}, []string{envAPIKey + "_FILE"},
		},
		"client id has no file": {
			providerModel{APIKey: s("key")}, environment(envClientID+"_FILE", keyFile),
			palabra.Config{APIKey: "key"}, []string{"api_key attribute"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, source, diags := test.config.resolve(test.env)
			if diags.HasError() {
				t.Fatalf("diagnostics: %v", diags)
			}
			if got.ClientID != test.want.ClientID || got.ClientSecret != test.want.ClientSecret || got.APIKey != test.want.APIKey {
				t.Errorf("credentials (%q, %q, %q), want (%q, %q, %q)",
					got.ClientID, got.ClientSecret, got.APIKey, test.want.ClientID, test.want.ClientSecret, test.want.APIKey)
			}
			for _, part := range test.wantSource {
				if !strings.Contains(source, part) {
					t.Errorf("source %q does not name %q", source, part)
				}
			}
		})
	}
}

func TestProviderCredentials_NoDiagnosticShowsASecret(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-value"
	for name, config := range map[string]providerModel{
		"attribute": {ClientID: types.StringValue("id"), ClientSecret: types.StringValue(secret + "\n"), Endpoint: types.StringValue("http://example.com")},
		"file":      {APIKeyFile: types.StringValue(writeFile(t, secret+"\n"+secret))},
	} {
		_, _, diags := config.resolve(environment())
		if !diags.HasError() {
			t.Fatalf("%s: no error for a secret with a line break", name)
		}
		for _, d := range diags {
			if strings.Contains(d.Summary()+d.Detail(), secret) {
				t.Errorf("%s: diagnostic shows the secret: %s: %s", name, d.Summary(), d.Detail())
			}
		}
	}
}
