package provider

import (
	"context"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const (
	envRenewOnly    = "PALABRA_RENEW_ONLY"
	anAction        = "invoke an action"
	notARenewal     = "More than a renewal"
	renewOnlyAdvice = "The provider runs with renew_only (" + envRenewOnly + "): it renews sessions and refuses everything else. Nothing was sent for this change. " +
		"Take the change back, or have a person apply it without renew_only."
)

var renewOnlyAttribute = schema.BoolAttribute{
	MarkdownDescription: "Whether this provider may only renew sessions, and every other change is an error. Default `false`; `true` in either place counts. Environment: `" + envRenewOnly + "`.",
	Optional:            true,
}

// renewOnly is true if either source says so: a gate that the runner sets must not
// be opened by the configuration that passes through it.
func renewOnly(configured types.Bool, getenv func(string) string, diags *diag.Diagnostics) bool {
	return configured.ValueBool() || enabled("renew_only", types.BoolNull(), envRenewOnly, getenv, diags)
}

// keptArguments are those that only a person may change: with another value, a
// session could end earlier, be deleted, or be another one.
var keptArguments = []string{"session_id", "ttl_seconds", "renew_before_seconds", "delete_on_destroy", "intent", "aggregation_id", "subscriber_count"}

// refusePlan fails the plan of an instance that does more than renew its session.
// It is deferred, so that it sees what the plan has become.
func (d *providerData) refusePlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if d == nil || !d.renewOnly || resp.Diagnostics.HasError() {
		return
	}
	note, diags := loadSessionNote(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(d.refuse(req.State.Raw, resp.Plan.Raw, note)...)
}

// refuse returns an error if the change from prior to planned is more than a
// renewal. An apply asks again before it sends a request, because its plan may be
// from a process that may do more.
func (d *providerData) refuse(prior, planned tftypes.Value, note sessionNote) diag.Diagnostics {
	if !d.renewOnly {
		return nil
	}
	before, after := rawAttributes(prior), rawAttributes(planned)
	var change string
	switch {
	case prior.IsNull() && note.Instance != "":
		change = "replace it"
	case prior.IsNull():
		change = "create it"
	case planned.IsNull() && rawText(before["active"]) != "false":
		change = "remove it although its session lives"
	case planned.IsNull() && rawText(before["delete_on_destroy"]) != "false" && d.client != nil && !d.sameAccount(note):
		change = "delete its session, which other credentials found last"
	case planned.IsNull():
		return nil
	default:
		var changes []string
		for _, name := range keptArguments {
			old, changed := before[name], after[name]
			if unknown := !changed.IsKnown(); unknown && name != "session_id" || changed.Equal(old) {
				// The apply looks at an unknown value once it is known.
				continue
			}
			changes = append(changes, fmt.Sprintf("%s from %s to %s", name, rawText(old), rawText(changed)))
		}
		if len(changes) == 0 {
			return nil
		}
		change = "change " + strings.Join(changes, ", ")
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic(notARenewal,
		fmt.Sprintf("The plan would %s (session %s). %s", change, rawSession(before, after), renewOnlyAdvice))}
}

// refuseCreate asks again before a create sends a request.
func (d *providerData) refuseCreate(req resource.CreateRequest) diag.Diagnostics {
	return d.refuse(tftypes.Value{}, req.Plan.Raw, sessionNote{})
}

// refuseDelete asks again before a destroy sends a request.
func (d *providerData) refuseDelete(req resource.DeleteRequest, note sessionNote) diag.Diagnostics {
	return d.refuse(req.State.Raw, tftypes.Value{}, note)
}

// refuseToSend is refuse for objects that are never a renewal.
func (d *providerData) refuseToSend(what string) diag.Diagnostics {
	if d == nil || !d.renewOnly {
		return nil
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic(notARenewal, fmt.Sprintf("The plan would %s. %s", what, renewOnlyAdvice))}
}

// ModifyPlan refuses every action.
func (a *configuredAction) ModifyPlan(_ context.Context, _ action.ModifyPlanRequest, resp *action.ModifyPlanResponse) {
	resp.Diagnostics.Append(a.data.refuseToSend(anAction)...)
}

func rawAttributes(object tftypes.Value) map[string]tftypes.Value {
	attributes := make(map[string]tftypes.Value)
	_ = object.As(&attributes) // A null object has none.
	return attributes
}

// rawText renders a string, a number or a bool. A missing one is null.
func rawText(value tftypes.Value) string {
	var (
		text   string
		number big.Float
		truth  bool
	)
	switch {
	case value.IsNull():
		return "null"
	case !value.IsKnown():
		return "a value known after apply"
	case value.As(&text) == nil:
		return strconv.Quote(text)
	case value.As(&number) == nil:
		return number.Text('f', -1)
	}
	_ = value.As(&truth)
	return strconv.FormatBool(truth)
}

// rawSession is the id of an instance's session: the prior one, if there is one.
func rawSession(before, after map[string]tftypes.Value) string {
	for _, attributes := range []map[string]tftypes.Value{before, after} {
		for _, name := range []string{"session_id", "id"} {
			if id := attributes[name]; !id.IsNull() {
				return rawText(id)
			}
		}
	}
	return "null"
}
