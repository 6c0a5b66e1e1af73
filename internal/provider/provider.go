// Package provider is the Terraform side: one file per Terraform object.
package provider

import (
	"context"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
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
}

type providerModel struct {
	ClientID       types.String `tfsdk:"client_id"`
	ClientSecret   types.String `tfsdk:"client_secret"`
	APIKey         types.String `tfsdk:"api_key"`
	Endpoint       types.String `tfsdk:"endpoint"`
	RequestTimeout types.String `tfsdk:"request_timeout"`
	MaxRetries     types.Int64  `tfsdk:"max_retries"`
	BulkRead       types.Bool   `tfsdk:"bulk_read"`
}

// New returns a constructor of the provider; version becomes part of the user
// agent.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &palabraProvider{version: version} }
}

func (p *palabraProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "palabra"
	resp.Version = p.version
}

func (p *palabraProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages the lifetime of [Palabra](https://palabra.ai) streaming sessions.",
		Attributes: map[string]schema.Attribute{
			"client_id": schema.StringAttribute{
				MarkdownDescription: "Client ID of a Palabra API key pair, sent as the `ClientID` header. Needs `client_secret`. Can also be set with the `PALABRA_CLIENT_ID` environment variable.",
				Optional:            true,
			},
			"client_secret": schema.StringAttribute{
				MarkdownDescription: "Client secret of a Palabra API key pair, sent as the `ClientSecret` header. Needs `client_id`. Can also be set with the `PALABRA_CLIENT_SECRET` environment variable.",
				Optional:            true,
				Sensitive:           true,
			},
			"api_key": schema.StringAttribute{
				MarkdownDescription: "API key of the newer kind (`plbr_…`), sent as `Authorization: Bearer`, instead of `client_id` and `client_secret`. Can also be set with the `PALABRA_API_KEY` environment variable. A kind of credentials named in the configuration wins over the other kind in the environment; both kinds in the same place are an error, and one kind is never tried after the other was refused.",
				Optional:            true,
				Sensitive:           true,
			},
			"endpoint": schema.StringAttribute{
				MarkdownDescription: "Base URL of the API, by default `" + palabra.DefaultEndpoint + "`. Must be `https`, except on a loopback address such as a local sandbox. Can also be set with the `PALABRA_API_URL` environment variable.",
				Optional:            true,
			},
			"request_timeout": schema.StringAttribute{
				MarkdownDescription: "How long one attempt of one request may take, as a Go duration such as `45s` or `2m`. Default `30s`.",
				Optional:            true,
				Validators:          []validator.String{positiveDuration{}},
			},
			"max_retries": schema.Int64Attribute{
				MarkdownDescription: "How often a request that can safely be repeated is tried again after a transport error or an answer of 429, 500, 502, 503 or 504. Default `4`; `0` turns retries off.",
				Optional:            true,
				Validators:          []validator.Int64{int64validator.Between(0, 100)},
			},
			"bulk_read": schema.BoolAttribute{
				MarkdownDescription: "Whether many single reads may be answered from a few pages of the session list. Default `true`; `false` reads every session singly. Can also be set with the `PALABRA_BULK_READ` environment variable.",
				Optional:            true,
			},
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
		resp.Diagnostics.Append(validateEndpoint(endpoint.ValueString(), "endpoint")...)
	}
}

func (p *palabraProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}

	data := newProviderData()
	resp.DataSourceData, resp.ResourceData, resp.EphemeralResourceData = data, data, data
	resp.ActionData, resp.ListResourceData = data, data
	if attribute := config.firstUnknown(); attribute != "" {
		// Credentials that another resource makes are unknown in the plan that
		// creates it. Everything that can wait for apply waits.
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

type positiveDuration struct{}

func (positiveDuration) Description(context.Context) string {
	return `value must be a positive Go duration such as "30s" or "2m"`
}

func (v positiveDuration) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v positiveDuration) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if d, err := time.ParseDuration(req.ConfigValue.ValueString()); err != nil || d <= 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid duration",
			"Attribute "+req.Path.String()+" "+v.Description(ctx)+", got: "+req.ConfigValue.ValueString())
	}
}
