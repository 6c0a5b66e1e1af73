package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
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

func TestCredentialsComeFromConfigurationThenEnvironment(t *testing.T) {
	t.Parallel()
	s := types.StringValue
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

func TestEachMissingOrContradictoryValueIsItsOwnAttributeError(t *testing.T) {
	t.Parallel()
	s := types.StringValue
	pair := providerModel{ClientID: s("id"), ClientSecret: s("secret")}
	withEndpoint := func(endpoint string) providerModel {
		m := pair
		m.Endpoint = s(endpoint)
		return m
	}
	for name, test := range map[string]struct {
		config providerModel
		env    func(string) string
		want   map[string]string // attribute: a part of the detail
	}{
		"nothing":           {providerModel{}, environment(), map[string]string{"client_id": envClientID, "client_secret": envClientSecret}},
		"no secret":         {providerModel{ClientID: s("id")}, environment(), map[string]string{"client_secret": envClientSecret}},
		"no id":             {providerModel{}, environment(envClientSecret, "secret"), map[string]string{"client_id": envClientID}},
		"empty secret":      {providerModel{ClientID: s("id"), ClientSecret: s("")}, environment(envClientSecret, "x"), map[string]string{"client_secret": "empty string"}},
		"empty key":         {providerModel{APIKey: s("")}, environment(), map[string]string{"api_key": envAPIKey}},
		"line break":        {providerModel{APIKey: s("key\n")}, environment(), map[string]string{"api_key": "trimspace"}},
		"both configured":   {providerModel{APIKey: s("key"), ClientID: s("id")}, environment(), map[string]string{"api_key": "client_id"}},
		"both in env":       {providerModel{}, environment(envAPIKey, "key", envClientID, "id"), map[string]string{"api_key": envAPIKey}},
		"plain http":        {withEndpoint("http://api.palabra.ai"), environment(), map[string]string{"endpoint": "https"}},
		"env endpoint":      {pair, environment(envEndpoint, "ftp://x"), map[string]string{"endpoint": envEndpoint}},
		"env bulk_read":     {pair, environment(envBulkRead, "maybe"), map[string]string{"bulk_read": envBulkRead}},
		"two wrong at once": {providerModel{Endpoint: s("http://example.com"), APIKey: s("")}, environment(), map[string]string{"endpoint": "https", "api_key": "empty string"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, diags := test.config.resolve(test.env)
			got := make(map[string]string)
			for _, d := range diags.Errors() {
				withPath, ok := d.(diag.DiagnosticWithPath)
				if !ok {
					t.Fatalf("diagnostic without an attribute: %s: %s", d.Summary(), d.Detail())
				}
				got[withPath.Path().String()] = d.Detail()
			}
			if len(got) != len(test.want) {
				t.Errorf("errors on %v, want on %v", got, test.want)
			}
			for attribute, part := range test.want {
				if !strings.Contains(got[path.Root(attribute).String()], part) {
					t.Errorf("%s: detail %q does not name %q", attribute, got[attribute], part)
				}
			}
		})
	}
}

func TestSettingsHaveDefaultsAndCanBeChanged(t *testing.T) {
	t.Parallel()
	key := types.StringValue("key")
	got, _, diags := providerModel{APIKey: key}.resolve(environment())
	if diags.HasError() || got.MaxRetries != 4 || !got.BulkRead || got.RequestTimeout != 0 {
		t.Errorf("defaults: %+v, %v", got, diags)
	}
	got, _, diags = providerModel{
		APIKey: key, MaxRetries: types.Int64Value(0), BulkRead: types.BoolValue(true), RequestTimeout: types.StringValue("45s"),
	}.resolve(environment(envBulkRead, "false", envEndpoint, "https://example.com"))
	if diags.HasError() || got.MaxRetries != 0 || !got.BulkRead || got.RequestTimeout.Seconds() != 45 || got.Endpoint != "https://example.com" {
		t.Errorf("configured: %+v, %v", got, diags)
	}
	got, _, diags = providerModel{APIKey: key}.resolve(environment(envBulkRead, "false"))
	if diags.HasError() || got.BulkRead {
		t.Errorf("bulk_read from the environment: %+v, %v", got, diags)
	}
}

func TestNoDiagnosticShowsASecret(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-value"
	_, _, diags := providerModel{
		ClientID: types.StringValue("id"), ClientSecret: types.StringValue(secret + "\n"), Endpoint: types.StringValue("http://example.com"),
	}.resolve(environment())
	if !diags.HasError() {
		t.Fatal("no error for a secret with a line break")
	}
	for _, d := range diags {
		if strings.Contains(d.Summary()+d.Detail(), secret) {
			t.Errorf("diagnostic shows the secret: %s: %s", d.Summary(), d.Detail())
		}
	}
}
