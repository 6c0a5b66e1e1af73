package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

var (
	_ action.ActionWithConfigure      = (*pruneSessionsAction)(nil)
	_ action.ActionWithValidateConfig = (*pruneSessionsAction)(nil)
	_ action.ActionWithModifyPlan     = (*pruneSessionsAction)(nil)
)

type pruneSessionsAction struct {
	configuredAction
}

type pruneSessionsModel struct {
	IDPrefix      types.String      `tfsdk:"id_prefix"`
	CreatedBefore timetypes.RFC3339 `tfsdk:"created_before"`
	ExpiresBefore timetypes.RFC3339 `tfsdk:"expires_before"`
	ExcludeIDs    types.Set         `tfsdk:"exclude_ids"`
	MaxDeletions  types.Int64       `tfsdk:"max_deletions"`
}

func newPruneSessionsAction() action.Action { return &pruneSessionsAction{} }

func (a *pruneSessionsAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_prune_sessions"
}

func (a *pruneSessionsAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Deletes every session that all given filters select; at least one filter is required. Deleting a session ends a live connection to it. " +
			"Each deletion is reported as progress. A session that is gone meanwhile is fine; the first refusal of the credentials stops the action.",
		Attributes: map[string]schema.Attribute{
			"id_prefix": schema.StringAttribute{
				MarkdownDescription: "Delete only sessions whose id starts with this.",
				Optional:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"created_before": schema.StringAttribute{
				MarkdownDescription: "Delete only sessions created before this RFC 3339 timestamp.",
				CustomType:          timetypes.RFC3339Type{},
				Optional:            true,
			},
			"expires_before": schema.StringAttribute{
				MarkdownDescription: "Delete only sessions that expire before this RFC 3339 timestamp.",
				CustomType:          timetypes.RFC3339Type{},
				Optional:            true,
			},
			"exclude_ids": schema.SetAttribute{
				MarkdownDescription: "Ids of sessions to keep whatever the filters say, such as those that Terraform manages. It is no filter by itself.",
				ElementType:         types.StringType,
				Optional:            true,
			},
			"max_deletions": schema.Int64Attribute{
				MarkdownDescription: "Stop after this many deletions, at least 1. Default: no limit.",
				Optional:            true,
				Validators:          []validator.Int64{int64validator.AtLeast(1)},
			},
		},
	}
}

func (a *pruneSessionsAction) ValidateConfig(ctx context.Context, req action.ValidateConfigRequest, resp *action.ValidateConfigResponse) {
	var config pruneSessionsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(config.requireFilter()...)
	}
}

// ModifyPlan checks again what validation may have met as unknown.
func (a *pruneSessionsAction) ModifyPlan(ctx context.Context, req action.ModifyPlanRequest, resp *action.ModifyPlanResponse) {
	var config pruneSessionsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(config.requireFilter()...)
	}
}

// requireFilter keeps an empty configuration from deleting everything. An empty
// prefix is none: every id starts with it, and a variable may turn out as empty
// after validation has passed it as unknown.
func (m pruneSessionsModel) requireFilter() diag.Diagnostics {
	var diags diag.Diagnostics
	noPrefix := !m.IDPrefix.IsUnknown() && m.IDPrefix.ValueString() == ""
	if noPrefix && m.CreatedBefore.IsNull() && m.ExpiresBefore.IsNull() {
		diags.AddError("No filter",
			"Set at least one of id_prefix, created_before and expires_before. Without a filter every session of the account would be deleted, those of other tools included.")
	}
	return diags
}

func (a *pruneSessionsAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var config pruneSessionsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	var excluded []string
	if !config.ExcludeIDs.IsNull() {
		resp.Diagnostics.Append(config.ExcludeIDs.ElementsAs(ctx, &excluded, false)...)
	}
	filter, diags := sessionFilterModel{IDPrefix: config.IDPrefix, CreatedBefore: config.CreatedBefore, ExpiresBefore: config.ExpiresBefore}.filter()
	resp.Diagnostics.Append(diags...)
	// A filter that only apply knows may turn out as null.
	resp.Diagnostics.Append(config.requireFilter()...)
	if resp.Diagnostics.HasError() {
		return
	}
	const summary = "Unable to prune sessions"
	client := a.data.configuredClient(summary, &resp.Diagnostics)
	if client == nil {
		return
	}

	selected, err := selectSessions(ctx, client, filter, excluded)
	if err != nil {
		resp.Diagnostics.Append(a.data.apiError(summary, err))
		return
	}
	limit := len(selected)
	if !config.MaxDeletions.IsNull() {
		limit = int(min(int64(limit), config.MaxDeletions.ValueInt64()))
	}
	deleted, failed := 0, 0
	for _, id := range selected {
		if deleted == limit {
			break
		}
		switch err := client.Delete(ctx, id); {
		case err == nil:
			deleted++
			resp.SendProgress(action.InvokeProgressEvent{Message: fmt.Sprintf("Deleted session %s (%d of %d)", id, deleted, limit)})
		case errors.Is(err, palabra.ErrNotFound):
			resp.SendProgress(action.InvokeProgressEvent{Message: "Session " + id + " was already gone"})
		case errors.Is(err, palabra.ErrUnauthorized), ctx.Err() != nil:
			resp.Diagnostics.Append(a.data.apiError(fmt.Sprintf("Stopped pruning after %d deletions", deleted), err))
			return
		default:
			failed++
			resp.Diagnostics.Append(a.data.apiError("Unable to delete session", err))
		}
	}
	resp.SendProgress(action.InvokeProgressEvent{
		Message: fmt.Sprintf("%d sessions deleted, %d selected, %d failed", deleted, len(selected), failed),
	})
}

// selectSessions lists to the end before anything is deleted: page tokens need
// not survive the deletion of what they point at.
func selectSessions(ctx context.Context, client *palabra.Client, filter sessionFilter, excluded []string) ([]string, error) {
	keep := make(map[string]bool, len(excluded))
	for _, id := range excluded {
		keep[id] = true
	}
	var selected []string
	for session, err := range client.Sessions(ctx) {
		if err != nil {
			return nil, err
		}
		if filter.matches(session) && !keep[session.ID] {
			selected = append(selected, session.ID)
		}
	}
	return selected, nil
}
