package provider

import (
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// The variables of the vendor's own SDKs. For each secret there is also a variable
// with the suffix _FILE, the path of a file that holds it.
const (
	envAPIKey       = "PALABRA_API_KEY" // #nosec G101 -- the name of a variable, not a secret
	envClientID     = "PALABRA_CLIENT_ID"
	envClientSecret = "PALABRA_CLIENT_SECRET" // #nosec G101 -- the name of a variable, not a secret

	fileAttributeSuffix = "_file"
	fileVariableSuffix  = "_FILE"
)

// bothKinds names the two kinds of credentials in an error message.
const bothKinds = "The Palabra API takes an api_key, or a client_id with its client_secret. The two kinds are not interchangeable."

// credential is one part of the credentials. It comes from the configuration or the
// environment, as a value or, for a secret, as the path of a file.
type credential struct {
	attribute, variable string
	secret              bool
	value, file         types.String
	getenv              func(string) string
}

func (m providerModel) credentials(getenv func(string) string) (key, id, secret credential) {
	return credential{"api_key", envAPIKey, true, m.APIKey, m.APIKeyFile, getenv},
		credential{"client_id", envClientID, false, m.ClientID, types.StringNull(), getenv},
		credential{"client_secret", envClientSecret, true, m.ClientSecret, m.ClientSecretFile, getenv}
}

func (c credential) inConfiguration() bool { return !c.value.IsNull() || !c.file.IsNull() }

func (c credential) inEnvironment() bool {
	return c.getenv(c.variable) != "" || c.fileVariable() != ""
}

// fileVariable is the path in the environment.
func (c credential) fileVariable() string {
	if !c.secret {
		return ""
	}
	return c.getenv(c.variable + fileVariableSuffix)
}

// isFile says that the credential comes from a file.
func (c credential) isFile() bool {
	if c.inConfiguration() {
		return !c.file.IsNull()
	}
	return c.fileVariable() != ""
}

// source says where the credential comes from: "the api_key attribute".
func (c credential) source() string {
	attribute, variable := c.attribute, c.variable
	if c.isFile() {
		attribute, variable = attribute+fileAttributeSuffix, variable+fileVariableSuffix
	}
	if c.inConfiguration() {
		return "the " + attribute + " attribute of the provider configuration"
	}
	return "the " + variable + " environment variable"
}

// load returns the credential, or adds an error to the attribute at fault.
func (c credential) load(diags *diag.Diagnostics) string {
	refuse := func(attribute, summary, format string, args ...any) string {
		diags.AddAttributeError(path.Root(attribute), summary, fmt.Sprintf(format, args...))
		return ""
	}
	fileAttribute, fileVariable := c.attribute+fileAttributeSuffix, c.variable+fileVariableSuffix
	switch {
	case !c.value.IsNull() && !c.file.IsNull():
		return refuse(fileAttribute, "Two values for "+c.attribute,
			"The provider configuration sets %s as well as %s. Keep one of them.", c.attribute, fileAttribute)
	case !c.inConfiguration() && c.getenv(c.variable) != "" && c.fileVariable() != "":
		return refuse(c.attribute, "Two values for "+c.attribute,
			"The environment sets %s as well as %s. Unset one of them.", c.variable, fileVariable)
	case c.isFile():
		return c.read(refuse)
	}
	value := c.value.ValueString()
	if !c.inConfiguration() {
		value = c.getenv(c.variable)
	}
	switch {
	case value == "" && c.inConfiguration():
		return refuse(c.attribute, "Empty "+c.attribute, "The %s attribute of the provider configuration is an empty string. "+
			"Give it a value, or remove it and set the %s environment variable.", c.attribute, c.variable)
	case value == "":
		return refuse(c.attribute, "Missing "+c.attribute, "Set the %s attribute of the provider configuration or the %s environment variable. %s",
			c.attribute, c.variable, bothKinds)
	case strings.ContainsFunc(value, isNotHeaderText):
		return refuse(c.attribute, "Invalid "+c.attribute, "The value of %s holds a space, a line break or another character that cannot be sent in an HTTP header. "+
			"If it comes from a file, trimspace() removes spaces and line breaks at both ends.", c.source())
	}
	return value
}

func (c credential) read(refuse func(attribute, summary, format string, args ...any) string) string {
	name := c.file.ValueString()
	if !c.inConfiguration() {
		name = c.fileVariable()
	}
	attribute := c.attribute + fileAttributeSuffix
	content, err := os.ReadFile(name) // #nosec G304 -- the user says which file holds the secret
	if err != nil {
		return refuse(attribute, "Unable to read "+c.attribute, "The file of %s cannot be read: %s. "+
			"A relative path starts at the folder that the command runs in.", c.source(), strings.TrimSuffix(err.Error(), "."))
	}
	value := strings.TrimRight(string(content), "\r\n")
	switch {
	case value == "":
		return refuse(attribute, "Empty "+c.attribute, "The file of %s, %s, is empty. Write the %s into it.", c.source(), name, c.attribute)
	case strings.ContainsFunc(value, isNotHeaderText):
		return refuse(attribute, "Invalid "+c.attribute, "The file of %s, %s, holds more than one line, a space or a character that cannot be sent in an HTTP header. "+
			"It must hold only the %s.", c.source(), name, c.attribute)
	}
	return value
}

// isNotHeaderText reports characters that are in no credential, but often in a
// copied one.
func isNotHeaderText(r rune) bool { return r <= ' ' || r >= 0x7f }

func (m providerModel) validateCredentialKinds() diag.Diagnostics {
	var diags diag.Diagnostics
	key, id, secret := m.credentials(func(string) string { return "" })
	if key.inConfiguration() && (id.inConfiguration() || secret.inConfiguration()) {
		diags.AddAttributeError(path.Root("api_key"), "Two kinds of credentials",
			"The provider configuration sets api_key or api_key_file as well as client_id, client_secret or client_secret_file. "+
				"Keep one kind. "+bothKinds)
	}
	return diags
}

// resolveCredentials fills in the credentials of config. The result says where
// they came from, for errors about refused ones.
func (m providerModel) resolveCredentials(getenv func(string) string, config *palabra.Config) (string, diag.Diagnostics) {
	diags := m.validateCredentialKinds()
	if diags.HasError() {
		return "", diags
	}
	key, id, secret := m.credentials(getenv)
	pairConfigured := id.inConfiguration() || secret.inConfiguration()
	pairInEnvironment := id.inEnvironment() || secret.inEnvironment()
	switch {
	case key.inConfiguration():
	case !pairConfigured && key.inEnvironment() && pairInEnvironment:
		diags.AddAttributeError(path.Root("api_key"), "Two kinds of credentials",
			fmt.Sprintf("The environment sets %s as well as %s or %s (or one of them with %s). Unset one kind, or name the wanted kind "+
				"in the provider configuration (api_key, or client_id and client_secret).", envAPIKey, envClientID, envClientSecret, fileVariableSuffix))
		return "", diags
	case pairConfigured || pairInEnvironment:
		config.ClientID, config.ClientSecret = id.load(&diags), secret.load(&diags)
		return id.source() + " and " + secret.source(), diags
	case !key.inEnvironment():
		diags.AddAttributeError(path.Root("api_key"), "Missing credentials",
			fmt.Sprintf("Set the api_key attribute of the provider configuration or the %s environment variable. "+
				"An account that has a key pair instead sets client_id and client_secret (%s and %s). "+
				"To try the provider without an account, see the guide \"Get started with the sandbox\".", envAPIKey, envClientID, envClientSecret))
		return "", diags
	}
	config.APIKey = key.load(&diags)
	return key.source(), diags
}
