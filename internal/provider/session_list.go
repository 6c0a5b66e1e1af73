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

// sessionLister lists sessions as palabra_session or palabra_session_expiry.
type sessionLister struct {
	data        *providerData
	typeName    string
	description string
	resource    func(palabra.Session) lifetimeResourceModel
}

func newSessionExpiryList() list.ListResource {
	return &sessionLister{
		typeName:    sessionExpiryType,
		description: "Lists the active sessions that match all filters as `palabra_session_expiry` resources, for `terraform query`.",
		resource: func(session palabra.Session) lifetimeResourceModel {
			return &sessionExpiryModel{lifetimeModel: newListedLifetime(session), SessionID: types.StringValue(session.ID)}
		},
	}
}

func newSessionList() list.ListResource {
	return &sessionLister{
		typeName:    managedSessionType,
		description: "Lists the active sessions that match all filters as `palabra_session` resources, for `terraform query`. Tokens and URLs are null: the API returns them only on creation.",
		resource: func(session palabra.Session) lifetimeResourceModel {
			model := sessionResourceModel{lifetimeModel: newListedLifetime(session)}
			model.SubscriberTokens = types.ListNull(types.StringType)
			model.fillFromRead(session)
			return &model
		},
	}
}

func (l *sessionLister) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = l.typeName
}

func (l *sessionLister) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	timestampFilter := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, CustomType: timetypes.RFC3339Type{}, Optional: true}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: l.description + "\n\n-> Needs Terraform 1.14 or later. OpenTofu does not support `query` yet.",
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

func (l *sessionLister) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	l.data = providerDataFrom(req.ProviderData, &resp.Diagnostics)
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
		// push never returns false at the limit, so the provider enforces it.
		left := req.Limit
		for session, err := range client.Sessions(ctx, pageSizeFor(req.Limit, filter)) {
			if err != nil {
				// An error must be a result: engines lose one that is set on the stream.
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

// pageSizeFor fetches no more than the limit; 0 is no limit. With a filter, pages
// stay large: it may select one session of a thousand, and small pages would cost
// many requests.
func pageSizeFor(limit int64, filter sessionFilter) int {
	if limit <= 0 || limit > palabra.DefaultPageSize || !filter.selectsAll() {
		return palabra.DefaultPageSize
	}
	return int(limit)
}

func (l *sessionLister) result(ctx context.Context, req list.ListRequest, session palabra.Session) list.ListResult {
	result := req.NewListResult(ctx)
	result.DisplayName = session.ID
	result.Diagnostics.Append(result.Identity.Set(ctx, sessionIdentityModel{SessionID: types.StringValue(session.ID)})...)
	if req.IncludeResource {
		result.Diagnostics.Append(result.Resource.Set(ctx, l.resource(session))...)
	}
	return result
}

// newListedLifetime has the values that an import of the session gets.
func newListedLifetime(session palabra.Session) lifetimeModel {
	m := lifetimeModel{ID: types.StringValue(session.ID), RenewTriggers: types.MapNull(types.StringType)}
	m.observe(session, sessionNote{})
	return m
}
