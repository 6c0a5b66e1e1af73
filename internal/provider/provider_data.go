package provider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// providerData is what Configure hands to every object. One lives as long as
// one phase (plan, apply) of one provider configuration.
type providerData struct {
	// client is nil while a provider attribute is unknown.
	client           *palabra.Client
	unknownAttribute string
	credentialSource string
	// now is the local clock, which only the renewal of ephemeral resources
	// goes by: engines wait by it.
	now func() time.Time

	// applying is set by the first write: from then on the phase is an apply,
	// and checks that only serve the reader of a plan are not worth a request.
	applying atomic.Bool
	// gone holds ids that a read of this phase found gone and warned about.
	gone   sync.Map
	claims claims
}

func newProviderData() *providerData {
	return &providerData{now: time.Now} //nolint:forbidigo // the default of an injected clock
}

// providerDataFrom is the Configure method of every object. Before the provider
// itself is configured, data is nil and so is the result.
func providerDataFrom(data any, diags *diag.Diagnostics) *providerData {
	if data == nil {
		return nil
	}
	d, ok := data.(*providerData)
	if !ok {
		diags.AddError("Unexpected provider data",
			fmt.Sprintf("Expected *provider.providerData, got %T. This is a bug in the provider; please report it.", data))
	}
	return d
}

// configuredClient returns the client, or nil after an error that says which
// provider attribute is not known yet.
func (d *providerData) configuredClient(summary string, diags *diag.Diagnostics) *palabra.Client {
	if d.client == nil {
		diags.AddError(summary, fmt.Sprintf("The provider attribute %s is known only after apply, so the API cannot be asked yet. "+
			"Apply what it depends on first (-target), or give it a value that is known at plan time.", d.unknownAttribute))
	}
	return d.client
}

// notRefreshed is what a read says while the provider is not configured.
func (d *providerData) notRefreshed(sessionID string) diag.Diagnostic {
	return diag.NewWarningDiagnostic("Session not refreshed",
		fmt.Sprintf("The provider attribute %s is known only after apply, so session %q was not read and its state is as it was.",
			d.unknownAttribute, sessionID))
}

// deleteSession deletes a session for a destroy; one that is gone is done.
func (d *providerData) deleteSession(ctx context.Context, id string) diag.Diagnostics {
	var diags diag.Diagnostics
	const summary = "Unable to delete session"
	client := d.configuredClient(summary, &diags)
	if client == nil {
		return diags
	}
	d.applying.Store(true)
	if err := client.Delete(ctx, id); err != nil && !errors.Is(err, palabra.ErrNotFound) {
		diags.Append(d.apiError(summary, err))
	}
	return diags
}

// claimSession warns when another instance of the same configuration manages
// the lifetime of the same session: each apply would undo the other's.
func (d *providerData) claimSession(sessionID types.String, attribute path.Path, describe func() string, prior bool) diag.Diagnostics {
	if d == nil || sessionID.IsUnknown() {
		return nil
	}
	other, ok := d.claims.add(sessionID.ValueString(), claim{describe: describe, prior: prior})
	if !ok {
		return nil
	}
	return diag.Diagnostics{diag.NewAttributeWarningDiagnostic(attribute, "Two resources manage one session",
		fmt.Sprintf("The lifetime of session %q is managed by this resource (%s) and by another one (%s). "+
			"The last one applied decides when it expires, and destroying either deletes it for both. Keep one.",
			sessionID.ValueString(), describe(), other.describe()))}
}

// claims remembers which instances of a phase manage which session.
type claims struct {
	mu       sync.Mutex
	sessions map[string][]claim
}

// claim is one instance's hold on a session. A provider is not told resource
// addresses, so what describe returns is how an instance can be recognised.
type claim struct {
	describe func() string
	// prior says that the instance is already in state. An engine plans a
	// forced replacement twice, with and without the prior state, so two equal
	// descriptions that differ in prior may be one instance.
	prior bool
}

// add records c and returns the claim that another instance made on the same
// session earlier, if there is one.
func (c *claims) add(sessionID string, added claim) (other claim, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions == nil {
		c.sessions = make(map[string][]claim)
	}
	for _, earlier := range c.sessions[sessionID] {
		if earlier.prior == added.prior || earlier.describe() != added.describe() {
			other, ok = earlier, true
			break
		}
	}
	c.sessions[sessionID] = append(c.sessions[sessionID], added)
	return other, ok
}
