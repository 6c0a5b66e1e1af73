package provider

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// providerData is what Configure hands to every object. One lives as long as
// one phase (plan, apply) of one provider configuration.
type providerData struct {
	// client is nil while a provider attribute is unknown.
	client           *palabra.Client
	unknownAttribute string
	credentialSource string
	// renewOnly says that nothing may be sent but reads and renewals.
	renewOnly bool
	// sessions are those that nothing else would delete if serving ended now.
	sessions *openSessions

	timing timing
	guard  sessionGuard
	// accounts outlives this configuration, because bridges configure the provider anew
	// for each call.
	accounts *knownAccounts
	// refusalTold and limitTold say that the long form of an error has been shown.
	// Many instances may get the same error.
	refusalTold, silenceTold, limitTold, clocksTold atomic.Bool
	// readRefused says that refused credentials have failed the read of a managed
	// resource, and so the run.
	readRefused atomic.Bool
}

// timing is what depends on the local clock. Tests replace it.
type timing struct {
	// now is used only for the renewal of ephemeral resources, because engines
	// schedule renewals by the local clock.
	now func() time.Time
	// pause waits, unless ctx ends first.
	pause func(ctx context.Context, wait time.Duration)
	// stopWait bounds the wait for actions and queries after an interrupt. Their
	// requests are cancelled before, so the wait is usually shorter.
	stopWait time.Duration
	// closeWait bounds the clean-up after serving has ended. Engines kill the
	// process 2 seconds after the end (go-plugin, Client.Kill).
	closeWait time.Duration
}

func realTiming() timing {
	return timing{now: time.Now, pause: pause, stopWait: 5 * time.Second, closeWait: 2 * time.Second} //nolint:forbidigo // the default of an injected clock
}

func newProviderData(timing timing, sessions *openSessions, accounts *knownAccounts) *providerData {
	return &providerData{timing: timing, sessions: sessions, accounts: accounts}
}

func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// providerDataFrom returns what the provider's Configure has set. It returns nil
// before that.
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

// configuredClient returns the client. If a provider attribute is not known yet, it
// adds an error and returns nil.
func (d *providerData) configuredClient(summary string, diags *diag.Diagnostics) *palabra.Client {
	if d.client == nil {
		diags.AddError(summary, fmt.Sprintf("The provider attribute %s is known only after apply, so no request can be sent yet. "+
			"First apply what it depends on (-target), or set a value that is known at plan time.", d.unknownAttribute))
	}
	return d.client
}

// clientForApply is configuredClient for what creates, updates or deletes a managed
// resource.
func (d *providerData) clientForApply(summary string, diags *diag.Diagnostics) *palabra.Client {
	client := d.configuredClient(summary, diags)
	if client != nil {
		d.guard.beginApply()
	}
	return client
}

// noteOrLastRead returns the note of an instance, or what this process has last read
// if there is none: the bridges of Pulumi and Crossplane pass no private state on.
func (d *providerData) noteOrLastRead(note sessionNote, sessionID string) sessionNote {
	if read, ok := d.guard.lastRead(sessionID); ok && note == (sessionNote{}) {
		read.Instance = "" // Another instance of the session may have read it.
		return read
	}
	return note
}

// notRefreshed is what a read says while the provider is not configured.
func (d *providerData) notRefreshed(sessionID string) diag.Diagnostic {
	return diag.NewWarningDiagnostic("Session not refreshed",
		fmt.Sprintf("The provider attribute %s is known only after apply, so session %q was not read, and its state is kept.",
			d.unknownAttribute, sessionID))
}
