package provider

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

func TestProviderConfig_EachFaultIsOneAttributeError(t *testing.T) {
	t.Parallel()
	s := types.StringValue
	key := providerModel{APIKey: s("key")}
	withEndpoint := func(endpoint string) providerModel { return providerModel{APIKey: s("key"), Endpoint: s(endpoint)} }
	withCA := func(file string) providerModel { return providerModel{APIKey: s("key"), CACertFile: s(file)} }
	missing, empty, two := filepath.Join(t.TempDir(), "missing"), writeFile(t, "\n"), writeFile(t, "s3cr3t\ns3cr3t\n")
	for name, test := range map[string]struct {
		config providerModel
		env    func(string) string
		want   map[string]string // attribute: a part of the detail
	}{
		"plain http":        {withEndpoint("http://api.palabra.ai"), environment(), map[string]string{"endpoint": "allow_insecure_endpoint = true"}},
		"no scheme":         {withEndpoint("127.0.0.1:8920"), environment(), map[string]string{"endpoint": "the endpoint attribute of the provider configuration cannot be used: it has no scheme: add \"http://\""}},
		"env endpoint":      {key, environment(envEndpoint, "ftp://x"), map[string]string{"endpoint": envEndpoint}},
		"env insecure":      {key, environment(envAllowInsecureEndpoint, "maybe"), map[string]string{"allow_insecure_endpoint": envAllowInsecureEndpoint}},
		"CA file missing":   {withCA(missing), environment(), map[string]string{"ca_cert_file": missing}},
		"CA file not named": {withCA(""), environment(), map[string]string{"ca_cert_file": "cannot be read"}},
		"CA file not PEM":   {withCA(writeFile(t, "not a certificate")), environment(), map[string]string{"ca_cert_file": "holds no certificate in PEM form"}},
		"timeout":           {providerModel{APIKey: s("key"), RequestTimeout: s("soon")}, environment(), map[string]string{"request_timeout": "soon"}},
		"two wrong at once": {providerModel{Endpoint: s("http://example.com"), APIKey: s("")}, environment(), map[string]string{"endpoint": "https", "api_key": "empty string"}},
		"nothing":           {providerModel{}, environment(), map[string]string{"api_key": envAPIKey + " environment variable. An account that has a key pair"}},
		"no secret":         {providerModel{ClientID: s("id")}, environment(), map[string]string{"client_secret": "Set the client_secret attribute of the provider configuration or the " + envClientSecret}},
		"empty key":         {providerModel{APIKey: s("")}, environment(), map[string]string{"api_key": envAPIKey}},
		"line break":        {providerModel{APIKey: s("s3cr3t\n")}, environment(), map[string]string{"api_key": "trimspace"}},
		"not ASCII":         {providerModel{APIKey: s("kéy")}, environment(), map[string]string{"api_key": "cannot be sent"}},
		"both configured":   {providerModel{APIKey: s("key"), ClientID: s("id")}, environment(), map[string]string{"api_key": "client_id"}},
		"key and secret":    {providerModel{APIKey: s("key"), ClientSecret: s("secret")}, environment(), map[string]string{"api_key": "client_secret"}},
		"secret, env key":   {providerModel{ClientSecret: s("secret")}, environment(envAPIKey, "key"), map[string]string{"client_id": envClientID}},
		"both in env":       {providerModel{}, environment(envAPIKey, "key", envClientID, "id"), map[string]string{"api_key": envAPIKey}},
		"both by files":     {providerModel{}, environment(envAPIKey+"_FILE", "x", envClientSecret+"_FILE", "x"), map[string]string{"api_key": "_FILE"}},
		"key and its file":  {providerModel{APIKey: s("key"), APIKeyFile: s("x")}, environment(), map[string]string{"api_key_file": "Keep one"}},
		"same in env":       {providerModel{}, environment(envAPIKey, "key", envAPIKey+"_FILE", "x"), map[string]string{"api_key": "Unset one"}},
		"missing file":      {providerModel{APIKeyFile: s(missing)}, environment(), map[string]string{"api_key_file": missing}},
		"missing env file":  {providerModel{}, environment(envAPIKey+"_FILE", missing), map[string]string{"api_key_file": envAPIKey + "_FILE"}},
		"empty file":        {providerModel{APIKeyFile: s(empty)}, environment(), map[string]string{"api_key_file": "is empty"}},
		"two lines in file": {providerModel{ClientID: s("id"), ClientSecretFile: s(two)}, environment(), map[string]string{"client_secret_file": "more than one line"}},
		"empty file name":   {providerModel{APIKeyFile: s("")}, environment(envAPIKey, "key"), map[string]string{"api_key_file": "cannot be read"}},
	} {
		_, _, diags := test.config.resolve(test.env)
		found := 0
		for _, d := range diags.Errors() {
			withPath, _ := d.(diag.DiagnosticWithPath)
			for attribute, part := range test.want {
				if withPath != nil && withPath.Path().Equal(path.Root(attribute)) && strings.Contains(d.Detail(), part) {
					found++
				}
			}
			if strings.Contains(d.Summary()+d.Detail(), "s3cr3t") {
				t.Errorf("%s: an error shows the secret: %v", name, d)
			}
		}
		if found != len(test.want) || diags.ErrorsCount() != len(test.want) {
			t.Errorf("%s: errors %v, want one on each of %v", name, diags.Errors(), test.want)
		}
	}
}

func TestProviderConfig_SettingsHaveDefaultsAndCanBeChanged(t *testing.T) {
	t.Parallel()
	key := types.StringValue("key")
	got, _, diags := providerModel{APIKey: key}.resolve(environment())
	if len(diags) > 0 || got.MaxRetries != 4 || got.RequestTimeout != 0 || got.AllowInsecureEndpoint || got.RootCAs != nil {
		t.Errorf("defaults: %+v, %v", got, diags)
	}
	got, _, diags = providerModel{
		APIKey: key, MaxRetries: types.Int64Value(0), RequestTimeout: types.StringValue("45s"),
	}.resolve(environment(envEndpoint, "https://example.com"))
	if len(diags) > 0 || got.MaxRetries != 0 || got.RequestTimeout.Seconds() != 45 || got.Endpoint != "https://example.com" {
		t.Errorf("configured: %+v, %v", got, diags)
	}
}

func TestProviderConfig_InsecureEndpointIsAllowedWithAWarning(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		allow types.Bool
		env   func(string) string
		want  int // warnings; none for an error
	}{
		"attribute":                       {types.BoolValue(true), environment(), 1},
		"environment":                     {types.BoolNull(), environment(envAllowInsecureEndpoint, "true"), 1},
		"attribute wins over environment": {types.BoolValue(false), environment(envAllowInsecureEndpoint, "true"), 0},
		"neither":                         {types.BoolNull(), environment(), 0},
	} {
		config := providerModel{APIKey: types.StringValue("key"), Endpoint: types.StringValue("http://sandbox:8920"), AllowInsecureEndpoint: test.allow}
		got, _, diags := config.resolve(test.env)
		if diags.HasError() != (test.want == 0) || diags.WarningsCount() != test.want || test.want > 0 && diags.Warnings()[0].Summary() != "Credentials are sent unencrypted" {
			t.Errorf("%s: diagnostics %v, want %d warnings, or an error for none", name, diags, test.want)
		}
		if _, err := palabra.New(got); (err != nil) != (test.want == 0) {
			t.Errorf("%s: the client: %v", name, err)
		}
	}
}

// TestProviderConfig_CertificateAuthorityOfAFileIsTrusted, and those of the system
// stay trusted, if there are any.
func TestProviderConfig_CertificateAuthorityOfAFileIsTrusted(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"data":{"id":"a","expires_at":"2031-01-01T00:00:00Z"}}`))
	}))
	t.Cleanup(server.Close)
	trusted, err := x509.SystemCertPool()
	if err != nil {
		trusted = x509.NewCertPool()
	}
	trusted.AddCert(server.Certificate())
	file := writeFile(t, "a comment\n"+string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	for name, test := range map[string]struct {
		file types.String
		env  func(string) string
		want bool
	}{
		"attribute": {types.StringValue(file), environment(), true},
		"variable":  {types.StringNull(), environment(envCACertFile, file), true},
		"neither":   {types.StringNull(), environment(), false},
	} {
		config, _, diags := providerModel{
			APIKey: types.StringValue("key"), Endpoint: types.StringValue(server.URL), CACertFile: test.file, MaxRetries: types.Int64Value(0),
		}.resolve(test.env)
		client, err := palabra.New(config)
		if err != nil || diags.HasError() || test.want && !config.RootCAs.Equal(trusted) {
			t.Fatalf("%s: %v %v; the authorities are not the system's and that of the file", name, err, diags)
		}
		if _, err = client.Get(t.Context(), "a"); (err == nil) != test.want || err != nil && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// validateProvider does what "terraform validate" does.
func validateProvider(arguments attributes) []*tfprotov6.Diagnostic {
	req := &tfprotov6.ValidateProviderConfigRequest{Config: wire(newObject(providerSchemas().Provider, arguments))}
	return must(newTestServer().ValidateProviderConfig(context.Background(), req)).Diagnostics
}

func TestProviderConfig_ValidateNeedsNoCredentialsAndReportsContradictions(t *testing.T) {
	t.Parallel()
	for _, arguments := range []attributes{
		{},
		{"endpoint": "http://sandbox:8920", "allow_insecure_endpoint": true},
		{"endpoint": "http://sandbox:8920", "allow_insecure_endpoint": tftypes.UnknownValue},
		{"endpoint": tftypes.UnknownValue},
		{"request_timeout": "30s"}, {"request_timeout": "1h"}, {"request_timeout": "1ns"},
	} {
		expectNone(t, validateProvider(arguments))
	}
	for _, arguments := range []attributes{
		{"endpoint": "127.0.0.1:8920"},
		{"endpoint": "http://sandbox:8920"},
		{"api_key_file": "/run/secrets/key", "client_id": "id"},
		{"request_timeout": ""}, {"request_timeout": "30"}, {"request_timeout": "0s"}, {"request_timeout": "-1s"},
		{"request_timeout": "1h1s"}, {"request_timeout": "2562047h"}, {"request_timeout": "99999999999h"},
	} {
		if diags := validateProvider(arguments); len(diags) != 1 || !isError(diags[0]) {
			t.Errorf("%v: %s, want one error", arguments, diagnosticText(diags))
		}
	}
}

func TestProviderConfig_FaultIsReportedOnce(t *testing.T) {
	t.Parallel()
	config := wire(newObject(providerSchemas().Provider, attributes{"api_key": "key", "endpoint": "ftp://example.com"}))
	if diags := must(newTestServer().ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: config})).Diagnostics; len(diags) != 1 {
		t.Errorf("%s, want one error", diagnosticText(diags))
	}
}

func TestProviderConfig_UnknownCredentialsDeferIfTheEngineCan(t *testing.T) {
	t.Parallel()
	server := newTestServer()
	expectNone(t, must(server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		Config:             wire(newObject(providerSchemas().Provider, attributes{"api_key": tftypes.UnknownValue})),
		ClientCapabilities: &tfprotov6.ConfigureProviderClientCapabilities{DeferralAllowed: true},
	})).Diagnostics)
	read := must(server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName:           "palabra_session",
		Config:             wire(newObject(providerSchemas().DataSourceSchemas["palabra_session"], attributes{"id": "a"})),
		ClientCapabilities: &tfprotov6.ReadDataSourceClientCapabilities{DeferralAllowed: true},
	}))
	expectNone(t, read.Diagnostics)
	if read.Deferred == nil || read.Deferred.Reason != tfprotov6.DeferredReasonProviderConfigUnknown {
		t.Errorf("deferred: %+v, want it because the provider's configuration is unknown", read.Deferred)
	}
}

// TestProviderConfig_UnknownCredentialsFailWhatCannotWait: engines read a data
// source and open a session in the plan that creates the credentials.
func TestProviderConfig_UnknownCredentialsFailWhatCannotWait(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocolWith(t, attributes{"endpoint": f.url, "client_id": testClientID, "client_secret": tftypes.UnknownValue})
	listed := slices.Collect(p.list(managedSessionType, 0, true, nil))
	refused := map[string][]*tfprotov6.Diagnostic{"list": listed[0].Diagnostics, "open": p.open(t.Context(), nil).Diagnostics}
	_, refused["data palabra_session"] = p.readData("palabra_session", attributes{"id": "a"})
	_, refused["data palabra_sessions"] = p.readData("palabra_sessions", nil)
	for name, arguments := range everyAction() {
		_, refused[name] = p.invoke(t.Context(), name, arguments)
	}
	for _, diags := range refused {
		expectError(t, diags, "client_secret is known only after apply")
	}
	f.expectCalls(t, "")
}

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
