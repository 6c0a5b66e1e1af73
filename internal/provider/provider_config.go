package provider

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const (
	defaultMaxRetries = 4

	envEndpoint              = "PALABRA_API_URL" // the vendor's name
	envAllowInsecureEndpoint = "PALABRA_ALLOW_INSECURE_ENDPOINT"
	envCACertFile            = "PALABRA_CA_CERT_FILE"
)

// firstUnknown names an attribute that is known only after apply, if there is one.
func (m providerModel) firstUnknown() string {
	for _, attribute := range []struct {
		name  string
		value attr.Value
	}{
		{"api_key", m.APIKey},
		{"api_key_file", m.APIKeyFile},
		{"client_id", m.ClientID},
		{"client_secret", m.ClientSecret},
		{"client_secret_file", m.ClientSecretFile},
		{"endpoint", m.Endpoint},
		{"allow_insecure_endpoint", m.AllowInsecureEndpoint},
		{"ca_cert_file", m.CACertFile},
		{"request_timeout", m.RequestTimeout},
		{"max_retries", m.MaxRetries},
		{"renew_only", m.RenewOnly},
	} {
		if attribute.value.IsUnknown() {
			return attribute.name
		}
	}
	return ""
}

// resolve merges the configuration with the environment. The second result
// says where the credentials came from, for errors about refused ones.
func (m providerModel) resolve(getenv func(string) string) (palabra.Config, string, diag.Diagnostics) {
	config := palabra.Config{MaxRetries: defaultMaxRetries}
	source, diags := m.resolveCredentials(getenv, &config)

	endpoint := setting{"endpoint", envEndpoint}
	config.Endpoint = endpoint.value(m.Endpoint, getenv)
	config.AllowInsecureEndpoint = enabled("allow_insecure_endpoint", m.AllowInsecureEndpoint, envAllowInsecureEndpoint, getenv, &diags)
	if config.Endpoint != "" {
		diags.Append(validateEndpoint(config.Endpoint, config.AllowInsecureEndpoint, endpoint.source(m.Endpoint))...)
	}
	caCertFile := setting{"ca_cert_file", envCACertFile}
	if name := caCertFile.value(m.CACertFile, getenv); name != "" || !m.CACertFile.IsNull() {
		config.RootCAs = certificateAuthorities(name, caCertFile.source(m.CACertFile), &diags)
	}
	if text := m.RequestTimeout.ValueString(); text != "" {
		timeout, err := time.ParseDuration(text)
		if err != nil {
			diags.AddAttributeError(path.Root("request_timeout"), "Invalid duration", err.Error())
		}
		config.RequestTimeout = timeout
	}
	if !m.MaxRetries.IsNull() {
		config.MaxRetries = int(m.MaxRetries.ValueInt64())
	}
	return config, source, diags
}

// enabled reads a boolean setting, false by default.
func enabled(attribute string, configured types.Bool, variable string, getenv func(string) string, diags *diag.Diagnostics) bool {
	text := getenv(variable)
	switch {
	case !configured.IsNull():
		return configured.ValueBool()
	case text == "":
		return false
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		diags.AddAttributeError(path.Root(attribute), "Invalid environment variable",
			fmt.Sprintf("The environment variable %s must be true or false, got: %q. "+
				"Correct it, unset it, or set the %s attribute.", variable, text, attribute))
	}
	return value
}

// setting is a string from the configuration or, if null there, the environment.
type setting struct {
	attribute, variable string
}

func (s setting) value(configured types.String, getenv func(string) string) string {
	if !configured.IsNull() {
		return configured.ValueString()
	}
	return getenv(s.variable)
}

func (s setting) source(configured types.String) string {
	if !configured.IsNull() {
		return "the " + s.attribute + " attribute of the provider configuration"
	}
	return "the " + s.variable + " environment variable"
}

// validateEndpoint also warns about an endpoint that is allowed but unsafe.
func validateEndpoint(endpoint string, allowInsecure bool, source string) diag.Diagnostics {
	var diags diag.Diagnostics
	switch err := palabra.ValidateEndpoint(endpoint); {
	case errors.Is(err, palabra.ErrInsecureEndpoint) && allowInsecure:
		diags.AddAttributeWarning(path.Root("endpoint"), "Credentials are sent unencrypted",
			fmt.Sprintf("The value of %s starts with http:// and is not a loopback address, and allow_insecure_endpoint permits it. "+
				"Anybody on the network path can read the credentials. Use this only for a sandbox, never with credentials of the real API.", source))
	case errors.Is(err, palabra.ErrInsecureEndpoint):
		diags.AddAttributeError(path.Root("endpoint"), "Insecure endpoint",
			fmt.Sprintf("The value of %s cannot be used: %s. For a sandbox on another host, such as a service container, "+
				"set allow_insecure_endpoint = true or %s=true.", source, err, envAllowInsecureEndpoint))
	case err != nil:
		diags.AddAttributeError(path.Root("endpoint"), "Invalid endpoint", fmt.Sprintf("The value of %s cannot be used: %s.", source, err))
	}
	return diags
}

// certificateAuthorities are the system's and those of a PEM file.
func certificateAuthorities(name, source string, diags *diag.Diagnostics) *x509.CertPool {
	content, err := os.ReadFile(name) // #nosec G304 -- the user says which file to trust
	if err != nil {
		diags.AddAttributeError(path.Root("ca_cert_file"), "Unable to read certificate authorities",
			fmt.Sprintf("The file of %s cannot be read: %s. A relative path starts at the folder that the command runs in.",
				source, strings.TrimSuffix(err.Error(), ".")))
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		// A machine without system authorities can still use those of the file.
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(content) {
		diags.AddAttributeError(path.Root("ca_cert_file"), "No certificate authority found",
			fmt.Sprintf("The file of %s, %s, holds no certificate in PEM form, which starts with \"-----BEGIN CERTIFICATE-----\". "+
				"To convert a file in DER form: openssl x509 -inform der -in FILE -out FILE.pem", source, name))
		return nil
	}
	return pool
}
