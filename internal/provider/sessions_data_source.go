package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var _ datasource.DataSourceWithConfigure = (*sessionsDataSource)(nil)

type sessionsDataSource struct {
	data *providerData
}

func newSessionsDataSource() datasource.DataSource { return &sessionsDataSource{} }

type sessionsModel struct {
	sessionFilterModel

	// The lists hold framework values: a thousand sessions cost a third of the CPU
	// that the framework's reflection on Go structs needs (0.17 s and 0.52 s).
	Sessions types.List `tfsdk:"sessions"`
	IDs      types.List `tfsdk:"ids"`
}

func (d *sessionsDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_sessions"
}

func (d *sessionsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	filterTime := func(description string) schema.StringAttribute {
		return schema.StringAttribute{
			MarkdownDescription: description,
			CustomType:          timetypes.RFC3339Type{},
			Optional:            true,
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the active sessions of the account that match all filters, across all pages, in the API's order (by creation).\n\n" +
			"~> **A `for_each` of `palabra_session_expiry` over this list deletes the sessions that leave it**, such as one that was renewed past `expires_before`. Set `delete_on_destroy = false` there, or keep the ids in a variable.",
		Attributes: map[string]schema.Attribute{
			"id_prefix": schema.StringAttribute{
				MarkdownDescription: idPrefixDescription,
				Optional:            true,
			},
			"created_before": filterTime(createdBeforeDescription),
			"created_after":  filterTime(createdAfterDescription),
			"expires_before": filterTime(expiresBeforeDescription),
			"expires_after":  filterTime(expiresAfterDescription),
			"ids": schema.ListAttribute{
				MarkdownDescription: "Ids of the sessions, in the same order as `sessions`.",
				ElementType:         types.StringType,
				Computed:            true,
			},
			"sessions": schema.ListNestedAttribute{
				MarkdownDescription: "The sessions.",
				Computed:            true,
				NestedObject: schema.NestedAttributeObject{
					Attributes: sessionAttributes(map[string]schema.Attribute{
						"id": schema.StringAttribute{
							MarkdownDescription: sessionIDDescription,
							Computed:            true,
						},
					}),
				},
			},
		},
	}
}

func (d *sessionsDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

func (d *sessionsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model sessionsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	filter, diags := model.filter()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to list sessions"
	client := d.data.configuredClient(summary, &resp.Diagnostics)
	if client == nil {
		return
	}
	var sessions, ids []attr.Value
	for session, err := range client.Sessions(ctx, palabra.DefaultPageSize) {
		if err != nil {
			resp.Diagnostics.Append(d.data.apiError(summary, err))
			return
		}
		if filter.matches(session) {
			sessions = append(sessions, newSessionModel(session).object())
			ids = append(ids, types.StringValue(session.ID))
		}
	}
	// Without sessions the lists are empty, not null, so that length(ids) works.
	model.Sessions, diags = types.ListValue(sessionType, sessions)
	resp.Diagnostics.Append(diags...)
	model.IDs, diags = types.ListValue(types.StringType, ids)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
}
