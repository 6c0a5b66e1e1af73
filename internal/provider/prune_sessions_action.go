package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var (
	_ action.ActionWithConfigure      = (*pruneSessionsAction)(nil)
	_ action.ActionWithValidateConfig = (*pruneSessionsAction)(nil)
	_ action.ActionWithModifyPlan     = (*pruneSessionsAction)(nil)
)

type pruneSessionsAction struct {
	configuredAction
}

func newPruneSessionsAction() action.Action { return &pruneSessionsAction{} }

type pruneSessionsModel struct {
	IDPrefix      types.String      `tfsdk:"id_prefix"`
	CreatedBefore timetypes.RFC3339 `tfsdk:"created_before"`
	CreatedAfter  timetypes.RFC3339 `tfsdk:"created_after"`
	ExpiresBefore timetypes.RFC3339 `tfsdk:"expires_before"`
	ExcludeIDs    types.Set         `tfsdk:"exclude_ids"`
	MaxDeletions  types.Int64       `tfsdk:"max_deletions"`
	AllowPartial  types.Bool        `tfsdk:"allow_partial"`
	DryRun        types.Bool        `tfsdk:"dry_run"`
}

func (a *pruneSessionsAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_prune_sessions"
}

func (a *pruneSessionsAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Deletes the sessions that match all filters, oldest first.\n\n" +
			"~> **Deletes sessions even while a client is connected**, and so ends live conversations. Invoke it with `dry_run = true` first.\n\n" + needsActions +
			"\n\nAt least one filter is required; a filter that is null does not filter. " +
			"The action reports what it selects, keeps and deletes. It keeps the sessions that a resource of the same run has created or extended, and open ephemeral ones. " +
			"It stops if the credentials are refused, and after three consecutive failures that do not depend on the session.",
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
			"created_after": schema.StringAttribute{
				MarkdownDescription: "Delete only sessions created after this RFC 3339 timestamp.",
				CustomType:          timetypes.RFC3339Type{},
				Optional:            true,
			},
			"expires_before": schema.StringAttribute{
				MarkdownDescription: "Delete only sessions that expire before this RFC 3339 timestamp.",
				CustomType:          timetypes.RFC3339Type{},
				Optional:            true,
			},
			"exclude_ids": schema.SetAttribute{
				MarkdownDescription: "Ids of sessions to keep even if they match the filters, such as those that Terraform manages. Does not count as a filter.",
				ElementType:         types.StringType,
				Optional:            true,
				Validators:          []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))},
			},
			"max_deletions": schema.Int64Attribute{
				CustomType:          wholeNumberType{},
				MarkdownDescription: "How many sessions may be deleted. If more match, the action fails and deletes none, unless `allow_partial` is true. Default: no limit.",
				Optional:            true,
				Validators:          []validator.Int64{int64validator.AtLeast(1)},
			},
			"allow_partial": schema.BoolAttribute{
				MarkdownDescription: "Whether to delete the oldest `max_deletions` sessions if more match. Default `false`.",
				Optional:            true,
			},
			"dry_run": schema.BoolAttribute{
				MarkdownDescription: "Whether to only report, and delete nothing. Default `false`.",
				Optional:            true,
			},
		},
	}
}

func (a *pruneSessionsAction) ValidateConfig(ctx context.Context, req action.ValidateConfigRequest, resp *action.ValidateConfigResponse) {
	var config pruneSessionsModel
	resp.Diagnostics.Append(config.load(ctx, req.Config)...)
}

// ModifyPlan repeats the check for values that were unknown during validation.
func (a *pruneSessionsAction) ModifyPlan(ctx context.Context, req action.ModifyPlanRequest, resp *action.ModifyPlanResponse) {
	a.configuredAction.ModifyPlan(ctx, req, resp)
	var config pruneSessionsModel
	resp.Diagnostics.Append(config.load(ctx, req.Config)...)
}

// load reads a configuration, and reports arguments that would prune the wrong
// sessions. It does so in validation, plan and apply, because an unknown value may
// become null.
func (m *pruneSessionsModel) load(ctx context.Context, config valueGetter) diag.Diagnostics {
	diags := config.Get(ctx, m)
	if diags.HasError() { // The model has no filters.
		return diags
	}
	// Every id starts with an empty prefix.
	noPrefix := !m.IDPrefix.IsUnknown() && m.IDPrefix.ValueString() == ""
	if noPrefix && m.CreatedBefore.IsNull() && m.CreatedAfter.IsNull() && m.ExpiresBefore.IsNull() {
		diags.AddError("No filter",
			"Set at least one of id_prefix, created_before, created_after and expires_before. Without a filter, the action would delete every session of the account, also those of other tools.")
	}
	for _, id := range m.ExcludeIDs.Elements() {
		if id.IsNull() {
			diags.AddAttributeError(path.Root("exclude_ids"), "Null in exclude_ids",
				"An element of exclude_ids is null, so a session to keep may be missing from it. Remove the element, or find out why it is null.")
			break
		}
	}
	return diags
}

func (m *pruneSessionsModel) filter() (sessionFilter, diag.Diagnostics) {
	return sessionFilterModel{
		IDPrefix: m.IDPrefix, CreatedBefore: m.CreatedBefore, CreatedAfter: m.CreatedAfter, ExpiresBefore: m.ExpiresBefore,
	}.filter()
}

func (a *pruneSessionsAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	// Engines send only known values. An unknown filter would select every session.
	if !req.Config.Raw.IsFullyKnown() {
		resp.Diagnostics.AddError(pruneSummary, "An argument is still unknown, so the action might delete the wrong sessions. "+
			"Nothing was deleted. This is a bug in Terraform or in the provider; please report it to the provider.")
		return
	}
	var config pruneSessionsModel
	resp.Diagnostics.Append(config.load(ctx, req.Config)...)
	filter, diags := config.filter()
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(a.data.refuseToSend(anAction)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var excluded []string
	resp.Diagnostics.Append(config.ExcludeIDs.ElementsAs(ctx, &excluded, false)...)
	client := a.data.configuredClient(pruneSummary, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	run := pruning{data: a.data, client: client, filter: filter, config: config, excluded: excluded, report: func(format string, arguments ...any) {
		// After an interrupt, engines stop reading at the next progress message and
		// miss the error at the end.
		if ctx.Err() == nil {
			resp.SendProgress(action.InvokeProgressEvent{Message: fmt.Sprintf(format, arguments...)})
		}
	}}
	resp.Diagnostics.Append(run.prune(ctx)...)
}
