package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var _ list.ListResourceWithConfigure = (*sessionLister)(nil)

// sessionLister lists sessions as one of the managed resources they can be.
type sessionLister struct {
	data        *providerData
	typeSuffix  string
	description string
	identity    func(palabra.Session) any
	resource    func(palabra.Session) any
}

func newSessionExpiryList() list.ListResource {
	return &sessionLister{
		typeSuffix:  "_session_expiry",
		description: "Lists the active sessions as `palabra_session_expiry` resources, for `terraform query`. All filters that are set apply together.",
		identity: func(session palabra.Session) any {
			return sessionIdentityModel{SessionID: types.StringValue(session.ID)}
		},
		resource: func(session palabra.Session) any {
			model := sessionExpiryModel{
				SessionID:          types.StringValue(session.ID),
				TTLSeconds:         types.Int64Null(),
				RenewBeforeSeconds: types.Int64Null(),
				RenewTriggers:      types.MapNull(types.StringType),
			}
			model.observe(session)
			return model.object()
		},
	}
}

func newSessionList() list.ListResource {
	return &sessionLister{
		typeSuffix:  "_session",
		description: "Lists the active sessions as `palabra_session` resources, for `terraform query`. All filters that are set apply together. Tokens and URLs are null: the API tells them only at creation.",
		identity: func(session palabra.Session) any {
			return sessionResourceIdentityModel{ID: types.StringValue(session.ID)}
		},
		resource: func(session palabra.Session) any {
			model := sessionResourceModel{
				ID:               types.StringValue(session.ID),
				TTLSeconds:       types.Int64Null(),
				SubscriberCount:  types.Int64Null(),
				SubscriberTokens: types.ListNull(types.StringType),
			}
			model.observe(session)
			return model
		},
	}
}

func (l *sessionLister) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + l.typeSuffix
}

func (l *sessionLister) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	l.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
}

func (l *sessionLister) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	timestampFilter := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, CustomType: timetypes.RFC3339Type{}, Optional: true}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: l.description,
		Attributes: map[string]schema.Attribute{
			"id_prefix": schema.StringAttribute{
				MarkdownDescription: idPrefixDescription,
				Optional:            true,
			},
			"created_before": timestampFilter(createdBeforeDescription),
			"created_after":  timestampFilter(createdAfterDescription),
			"expires_before": timestampFilter(expiresBeforeDescription),
			"expires_after":  timestampFilter(expiresAfterDescription),
		},
	}
}

func (l *sessionLister) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	const summary = "Unable to list sessions"
	var config sessionFilterModel
	diags := req.Config.Get(ctx, &config)
	filter, filterDiags := config.filter()
	diags.Append(filterDiags...)
	if diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	client := l.data.configuredClient(summary, &diags)
	if client == nil {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) {
		// The engine does not say when it has enough: the limit is ours to keep.
		left := req.Limit
		for session, err := range client.SessionsPageSize(ctx, pageSizeFor(req.Limit, filter)) {
			if err != nil {
				// A result, as an error that is only set on the stream is lost.
				push(list.ListResult{Diagnostics: diag.Diagnostics{l.data.apiError(summary, err)}})
				return
			}
			if !filter.matches(session) {
				continue
			}
			if !push(l.result(ctx, req, session)) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// pageSizeFor fetches no more than is wanted. A limit of 0 is none. Pages that
// are filtered stay large: a filter may select one session of a thousand, and
// small pages would then cost a request for every few of them.
func pageSizeFor(limit int64, filter sessionFilter) int {
	if limit <= 0 || limit > palabra.DefaultPageSize || !filter.selectsAll() {
		return palabra.DefaultPageSize
	}
	return int(limit)
}

func (l *sessionLister) result(ctx context.Context, req list.ListRequest, session palabra.Session) list.ListResult {
	result := req.NewListResult(ctx)
	result.DisplayName = session.ID
	result.Diagnostics.Append(result.Identity.Set(ctx, l.identity(session))...)
	if req.IncludeResource {
		result.Diagnostics.Append(result.Resource.Set(ctx, l.resource(session))...)
	}
	return result
}
