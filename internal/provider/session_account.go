package provider

import (
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// rotatedAccounts holds the fingerprints of former credentials whose sessions
// the present ones have found: those belong to the same account.
type rotatedAccounts struct{ fingerprints sync.Map }

func (r *rotatedAccounts) add(fingerprint string) { r.fingerprints.Store(fingerprint, true) }
func (r *rotatedAccounts) contains(fingerprint string) bool {
	_, ok := r.fingerprints.Load(fingerprint)
	return ok
}

// found notes that the present credentials find the session.
func (d *providerData) found(note *lifetimeNote) {
	present := d.client.Fingerprint()
	if note.Account != "" && note.Account != present {
		d.rotated.add(note.Account)
	}
	note.Account = present
}

// sameAccount says whether the present credentials are, or are known to belong
// to the account of, those that last found the session.
func (d *providerData) sameAccount(note lifetimeNote) bool {
	return note.Account == "" || note.Account == d.client.Fingerprint() || d.rotated.contains(note.Account)
}

// maybeOtherAccount returns an error when a session is missing for other
// credentials than found it last, before the latest end that it is known to have
// had: then it may well live, in another account.
func (d *providerData) maybeOtherAccount(summary string, gone error, m lifetimeModel, note lifetimeNote) diag.Diagnostics {
	var apiErr *palabra.Error
	end := note.LatestEnd
	if d.sameAccount(note) || end.IsZero() || !errors.As(gone, &apiErr) || !apiErr.ServerTime.Before(end) {
		return nil
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic(summary,
		fmt.Sprintf("Session %q is not found with the credentials from %s, and other credentials (%s) found it last; %s. "+
			"It may be alive in another account, so its state is kept.\n\n"+
			"If these are the wrong credentials, run again with those of the account that the session belongs to. "+
			"If the credentials were rotated and the session has really ended, remove it from the state only: "+
			"replace the resource by a removed block with lifecycle { destroy = false }, or run \"terraform state rm\".",
			m.SessionID.ValueString(), d.credentialSource, note.Account, m.whenItEnded(note)))}
}
