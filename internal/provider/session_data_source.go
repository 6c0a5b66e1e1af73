package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

var _ datasource.DataSourceWithConfigure = (*sessionDataSource)(nil)

type sessionDataSource struct {
	data *providerData
}

func newSessionDataSource() datasource.DataSource { return &sessionDataSource{} }

func (d *sessionDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_session"
}

func (d *sessionDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads one active session. It is an error if the session does not exist. If that is a normal case, use `palabra_sessions` with `id_prefix`.",
		Attributes: sessionAttributes(map[string]schema.Attribute{
			"id": schema.StringAttribute{
				MarkdownDescription: sessionIDDescription,
				Required:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
		}),
	}
}

func (d *sessionDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

func (d *sessionDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model sessionModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to read session"
	client := d.data.configuredClient(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	session, err := client.Get(ctx, model.ID.ValueString())
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("id"), summary, d.data.explain(err))
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, newSessionModel(session))...)
}
