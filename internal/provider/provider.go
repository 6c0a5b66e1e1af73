// Package provider implements the Terraform provider: its configuration, its
// resources, data sources, ephemeral resource, list resources and actions.
package provider

import (
	"context"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var (
	_ provider.ProviderWithActions            = (*palabraProvider)(nil)
	_ provider.ProviderWithEphemeralResources = (*palabraProvider)(nil)
	_ provider.ProviderWithListResources      = (*palabraProvider)(nil)
	_ provider.ProviderWithValidateConfig     = (*palabraProvider)(nil)
)

type palabraProvider struct {
	version string
	timing  timing
	// sessions are those that nothing else would delete. Server.Close deletes what is left.
	sessions *openSessions
	accounts knownAccounts
}

// New returns a constructor of the provider; version becomes part of the user
// agent. To serve it, use NewServer.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return newProvider(version, realTiming()) }
}

func newProvider(version string, timing timing) *palabraProvider {
	return &palabraProvider{version: version, timing: timing, sessions: &openSessions{}}
}

type providerModel struct {
	APIKey                types.String `tfsdk:"api_key"`
	APIKeyFile            types.String `tfsdk:"api_key_file"`
	ClientID              types.String `tfsdk:"client_id"`
	ClientSecret          types.String `tfsdk:"client_secret"`
	ClientSecretFile      types.String `tfsdk:"client_secret_file"`
	Endpoint              types.String `tfsdk:"endpoint"`
	AllowInsecureEndpoint types.Bool   `tfsdk:"allow_insecure_endpoint"`
	CACertFile            types.String `tfsdk:"ca_cert_file"`
	RequestTimeout        types.String `tfsdk:"request_timeout"`
	MaxRetries            types.Int64  `tfsdk:"max_retries"`
	RenewOnly             types.Bool   `tfsdk:"renew_only"`
}

func (p *palabraProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "palabra"
	resp.Version = p.version
}

func (p *palabraProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages [Palabra](https://palabra.ai) streaming sessions: creates, renews and deletes them.",
		Attributes: map[string]schema.Attribute{
			"api_key": schema.StringAttribute{
				MarkdownDescription: "API key (`plbr_…`), sent as `Authorization: Bearer`. Environment: `PALABRA_API_KEY`.",
				Optional:            true,
				Sensitive:           true,
			},
			"api_key_file": schema.StringAttribute{
				MarkdownDescription: "Path of a file that holds the API key, such as a mounted secret; a trailing line break is ignored. Environment: `PALABRA_API_KEY_FILE`.",
				Optional:            true,
			},
			"client_id": schema.StringAttribute{
				MarkdownDescription: "Client ID of a key pair, sent as the `ClientID` header. Needs `client_secret`. Environment: `PALABRA_CLIENT_ID`.",
				Optional:            true,
			},
			"client_secret": schema.StringAttribute{
				MarkdownDescription: "Client secret of a key pair, sent as the `ClientSecret` header. Needs `client_id`. Environment: `PALABRA_CLIENT_SECRET`.",
				Optional:            true,
				Sensitive:           true,
			},
			"client_secret_file": schema.StringAttribute{
				MarkdownDescription: "Path of a file that holds the client secret, such as a mounted secret; a trailing line break is ignored. Environment: `PALABRA_CLIENT_SECRET_FILE`.",
				Optional:            true,
			},
			"endpoint": schema.StringAttribute{
				MarkdownDescription: "Base URL of the API, `https` except on a loopback address. Default `" + palabra.DefaultEndpoint + "`. Environment: `PALABRA_API_URL`.",
				Optional:            true,
			},
			"allow_insecure_endpoint": schema.BoolAttribute{
				MarkdownDescription: "Whether `endpoint` may be `http` on another host, **which sends the credentials unencrypted**. Default `false`. Environment: `PALABRA_ALLOW_INSECURE_ENDPOINT`.",
				Optional:            true,
			},
			"ca_cert_file": schema.StringAttribute{
				MarkdownDescription: "Path of a PEM file with certificate authorities to trust in addition to the system's. Environment: `PALABRA_CA_CERT_FILE`.",
				Optional:            true,
			},
			"request_timeout": schema.StringAttribute{
				MarkdownDescription: "How long one attempt of one request may take, as a Go duration such as `45s` or `2m`, at most `1h`. Default `30s`.",
				Optional:            true,
				Validators:          []validator.String{timeoutDuration{}},
			},
			"max_retries": schema.Int64Attribute{
				CustomType:          wholeNumberType{},
				MarkdownDescription: "How often a request is retried after a transport error, 429, or a 5xx other than 501, if it cannot create a second session. Default `4`; `0` turns retries off.",
				Optional:            true,
				Validators:          []validator.Int64{int64validator.Between(0, 100)},
			},
			"renew_only": renewOnlyAttribute,
		},
	}
}

// ValidateConfig finds contradictions that need no environment, so that
// "terraform validate" reports them on a machine without credentials.
func (p *palabraProvider) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	var config providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(config.validateCredentialKinds()...)
	if endpoint := config.Endpoint; !endpoint.IsNull() && !endpoint.IsUnknown() {
		var ignored diag.Diagnostics // Configure reports an invalid variable.
		allowed := config.AllowInsecureEndpoint.IsUnknown() ||
			enabled("allow_insecure_endpoint", config.AllowInsecureEndpoint, envAllowInsecureEndpoint, os.Getenv, &ignored)
		source := setting{"endpoint", envEndpoint}.source(endpoint)
		// The warning about an unsafe endpoint comes from Configure, once.
		resp.Diagnostics.Append(validateEndpoint(endpoint.ValueString(), allowed, source).Errors()...)
	}
}

func (p *palabraProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}

	data := newProviderData(p.timing, p.sessions, &p.accounts)
	data.renewOnly = renewOnly(config.RenewOnly, os.Getenv, &resp.Diagnostics)
	resp.DataSourceData, resp.ResourceData, resp.EphemeralResourceData = data, data, data
	resp.ActionData, resp.ListResourceData = data, data
	if attribute := config.firstUnknown(); attribute != "" {
		// Credentials from another resource are unknown in the plan that creates
		// it. Objects wait for apply if they can.
		data.unknownAttribute = attribute
		if req.ClientCapabilities.DeferralAllowed {
			resp.Deferred = &provider.Deferred{Reason: provider.DeferredReasonProviderConfigUnknown}
		}
		return
	}

	clientConfig, source, diags := config.resolve(os.Getenv)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	clientConfig.UserAgent = userAgent(p.version, req.TerraformVersion)
	clientConfig.Logger = newLogger(clientConfig, os.Getenv)

	client, err := palabra.New(clientConfig)
	if err != nil {
		resp.Diagnostics.AddError("Unable to configure the Palabra client", err.Error())
		return
	}
	data.client, data.credentialSource = client, source
}

func (p *palabraProvider) Resources(_ context.Context) []func() resource.Resource {
	return []func() resource.Resource{newSessionResource, newSessionExpiryResource}
}

func (p *palabraProvider) DataSources(_ context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newSessionDataSource, newSessionsDataSource}
}

func (p *palabraProvider) EphemeralResources(_ context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{newSessionEphemeral}
}

func (p *palabraProvider) Actions(_ context.Context) []func() action.Action {
	return []func() action.Action{newExtendSessionAction, newDeleteSessionAction, newPruneSessionsAction}
}

func (p *palabraProvider) ListResources(_ context.Context) []func() list.ListResource {
	return []func() list.ListResource{newSessionList, newSessionExpiryList}
}

func userAgent(version, engineVersion string) string {
	agent := "terraform-provider-palabra/" + version
	if engineVersion != "" {
		agent += " terraform/" + engineVersion
	}
	return agent
}

// maxRequestTimeout is longer than any useful wait, and short enough that the sum of
// all attempts does not overflow.
const maxRequestTimeout = time.Hour

type timeoutDuration struct{}

func (timeoutDuration) Description(context.Context) string {
	return `value must be a Go duration such as "30s" or "2m", above zero and at most 1h`
}

func (v timeoutDuration) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v timeoutDuration) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if d, err := time.ParseDuration(req.ConfigValue.ValueString()); err != nil || d <= 0 || d > maxRequestTimeout {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid duration",
			"Attribute "+req.Path.String()+" "+v.Description(ctx)+", got: "+req.ConfigValue.ValueString())
	}
}
