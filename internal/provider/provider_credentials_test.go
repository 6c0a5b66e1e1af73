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
	pair, key := palabra.Config{ClientID: "id", ClientSecret: "secret"}, palabra.Config{APIKey: "key"}
	configured := providerModel{ClientID: s("id"), ClientSecret: s("secret")}
	for name, test := range map[string]struct {
		config  providerModel
		env     func(string) string
		want    palabra.Config
		sources []string
	}{
		"pair from configuration":      {configured, environment(envClientID, "other", envClientSecret, "other"), pair, []string{"client_id attribute", "client_secret attribute"}},
		"pair from environment":        {providerModel{}, environment(envClientID, "id", envClientSecret, "secret"), pair, []string{envClientID, envClientSecret}},
		"pair from both":               {providerModel{ClientID: s("id")}, environment(envClientID, "other", envClientSecret, "secret"), pair, []string{"client_id attribute", envClientSecret}},
		"pair with a file":             {providerModel{ClientID: s("id"), ClientSecretFile: s(secretFile)}, environment(envClientSecret, "other"), pair, []string{"client_id attribute", "client_secret_file attribute"}},
		"pair with a file of env":      {providerModel{}, environment(envClientID, "id", envClientSecret+"_FILE", secretFile), pair, []string{envClientID, envClientSecret + "_FILE"}},
		"pair beats key of env":        {configured, environment(envAPIKey, "key"), pair, []string{"client_id attribute", "client_secret attribute"}},
		"key beats pair of env":        {providerModel{APIKey: s("key")}, environment(envClientID, "id", envClientSecret, "secret"), key, []string{"api_key attribute"}},
		"key beats two keys of env":    {providerModel{APIKey: s("key")}, environment(envAPIKey, "other", envAPIKey+"_FILE", keyFile), key, []string{"api_key attribute"}},
		"key from environment":         {providerModel{}, environment(envAPIKey, "key"), key, []string{envAPIKey}},
		"key from a file":              {providerModel{APIKeyFile: s(keyFile)}, environment(envAPIKey, "other"), key, []string{"api_key_file attribute"}},
		"key from a file of env":       {providerModel{}, environment(envAPIKey+"_FILE", keyFile), key, []string{envAPIKey + "_FILE"}},
		"client id is not from a file": {providerModel{}, environment(envAPIKey, "key", envClientID+"_FILE", keyFile), key, []string{envAPIKey}},
	} {
		got, source, diags := test.config.resolve(test.env)
		if diags.HasError() || got.ClientID != test.want.ClientID || got.ClientSecret != test.want.ClientSecret || got.APIKey != test.want.APIKey {
			t.Errorf("%s: credentials (%q, %q, %q), want %+v; %v", name, got.ClientID, got.ClientSecret, got.APIKey, test.want, diags)
		}
		for _, part := range test.sources {
			if !strings.Contains(source, part) {
				t.Errorf("%s: source %q does not name %q", name, source, part)
			}
		}
	}
}
