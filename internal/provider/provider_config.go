package provider

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const defaultMaxRetries = 4

// The environment names of the vendor's own SDKs; PALABRA_BULK_READ is ours.
const (
	envClientID     = "PALABRA_CLIENT_ID"
	envClientSecret = "PALABRA_CLIENT_SECRET" // #nosec G101 -- the name of a variable, not a secret
	envAPIKey       = "PALABRA_API_KEY"       // #nosec G101 -- the name of a variable, not a secret
	envEndpoint     = "PALABRA_API_URL"
	envBulkRead     = "PALABRA_BULK_READ"
)

// firstUnknown names an attribute whose value is known only at apply.
func (m providerModel) firstUnknown() string {
	for _, attribute := range []struct {
		name  string
		value attr.Value
	}{
		{"client_id", m.ClientID},
		{"client_secret", m.ClientSecret},
		{"api_key", m.APIKey},
		{"endpoint", m.Endpoint},
		{"request_timeout", m.RequestTimeout},
		{"max_retries", m.MaxRetries},
		{"bulk_read", m.BulkRead},
	} {
		if attribute.value.IsUnknown() {
			return attribute.name
		}
	}
	return ""
}

func (m providerModel) validateCredentialKinds() diag.Diagnostics {
	var diags diag.Diagnostics
	if !m.APIKey.IsNull() && (!m.ClientID.IsNull() || !m.ClientSecret.IsNull()) {
		diags.AddAttributeError(path.Root("api_key"), "Two kinds of credentials",
			"The provider configuration sets api_key as well as client_id or client_secret. "+
				"Keep either api_key alone, or client_id and client_secret.")
	}
	return diags
}

// resolve merges the configuration with the environment. The second result
// says where the credentials came from, for errors about refused ones.
func (m providerModel) resolve(getenv func(string) string) (palabra.Config, string, diag.Diagnostics) {
	config := palabra.Config{MaxRetries: defaultMaxRetries, BulkRead: true}
	source, diags := m.resolveCredentials(getenv, &config)

	endpoint := setting{"endpoint", envEndpoint}
	config.Endpoint = endpoint.value(m.Endpoint, getenv)
	if config.Endpoint != "" {
		diags.Append(validateEndpoint(config.Endpoint, endpoint.source(m.Endpoint))...)
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
	if !m.BulkRead.IsNull() {
		config.BulkRead = m.BulkRead.ValueBool()
	} else if text := getenv(envBulkRead); text != "" {
		bulkRead, err := strconv.ParseBool(text)
		if err != nil {
			diags.AddAttributeError(path.Root("bulk_read"), "Invalid environment variable",
				fmt.Sprintf("The environment variable %s must be true or false, got: %q. "+
					"Correct it, unset it, or set the bulk_read attribute.", envBulkRead, text))
		}
		config.BulkRead = bulkRead
	}
	return config, source, diags
}

func (m providerModel) resolveCredentials(getenv func(string) string, config *palabra.Config) (string, diag.Diagnostics) {
	diags := m.validateCredentialKinds()
	if diags.HasError() {
		return "", diags
	}
	id, secret, key := setting{"client_id", envClientID}, setting{"client_secret", envClientSecret}, setting{"api_key", envAPIKey}

	pairConfigured := !m.ClientID.IsNull() || !m.ClientSecret.IsNull()
	pairInEnvironment := getenv(envClientID) != "" || getenv(envClientSecret) != ""
	switch {
	case !m.APIKey.IsNull():
		config.APIKey = key.required(m.APIKey, getenv, &diags)
		return key.source(m.APIKey), diags
	case !pairConfigured && getenv(envAPIKey) != "" && pairInEnvironment:
		diags.AddAttributeError(path.Root("api_key"), "Two kinds of credentials",
			fmt.Sprintf("The environment sets %s as well as %s or %s. Unset one kind, or name the wanted kind "+
				"in the provider configuration (api_key, or client_id and client_secret).", envAPIKey, envClientID, envClientSecret))
		return "", diags
	case !pairConfigured && getenv(envAPIKey) != "":
		config.APIKey = key.required(m.APIKey, getenv, &diags)
		return key.source(m.APIKey), diags
	default:
		config.ClientID = id.required(m.ClientID, getenv, &diags)
		config.ClientSecret = secret.required(m.ClientSecret, getenv, &diags)
		return id.source(m.ClientID) + " and " + secret.source(m.ClientSecret), diags
	}
}

// setting is one value that the configuration or the environment may give.
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

func (s setting) required(configured types.String, getenv func(string) string, diags *diag.Diagnostics) string {
	value := s.value(configured, getenv)
	switch {
	case value == "" && !configured.IsNull():
		diags.AddAttributeError(path.Root(s.attribute), "Empty "+s.attribute,
			fmt.Sprintf("The %s attribute of the provider configuration is an empty string. "+
				"Give it a value, or remove it and set the %s environment variable.", s.attribute, s.variable))
	case value == "":
		diags.AddAttributeError(path.Root(s.attribute), "Missing "+s.attribute,
			fmt.Sprintf("Set the %s attribute of the provider configuration or the %s environment variable. "+
				"The Palabra API takes client_id with client_secret, or an api_key (%s) instead of both.",
				s.attribute, s.variable, envAPIKey))
	case strings.ContainsFunc(value, isNotHeaderText):
		diags.AddAttributeError(path.Root(s.attribute), "Invalid "+s.attribute,
			fmt.Sprintf("The value from %s holds a line break, a blank at an end or a character that cannot be sent in an HTTP header. "+
				"It may come from a file; trimspace() removes blanks and line breaks.", s.source(configured)))
	}
	return value
}

// isNotHeaderText reports characters that no credential holds but that a
// careless copy brings along.
func isNotHeaderText(r rune) bool { return r <= ' ' || r >= 0x7f }

func validateEndpoint(endpoint, source string) diag.Diagnostics {
	var diags diag.Diagnostics
	if err := palabra.ValidateEndpoint(endpoint); err != nil {
		diags.AddAttributeError(path.Root("endpoint"), "Invalid endpoint",
			fmt.Sprintf("The endpoint from %s cannot be used: %s.", source, strings.TrimSuffix(err.Error(), ".")))
	}
	return diags
}
