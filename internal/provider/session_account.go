package provider

import (
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// rotatedAccounts holds the fingerprints of earlier credentials of the same
// account: the present credentials have found a session that they found last.
type rotatedAccounts struct{ fingerprints sync.Map }

func (r *rotatedAccounts) add(fingerprint string) { r.fingerprints.Store(fingerprint, true) }
func (r *rotatedAccounts) contains(fingerprint string) bool {
	_, ok := r.fingerprints.Load(fingerprint)
	return ok
}

// noteAccount notes that the present credentials have found the session.
func (d *providerData) noteAccount(note *sessionNote) {
	present := d.client.Fingerprint()
	if note.Account != "" && note.Account != present {
		d.rotated.add(note.Account)
	}
	note.Account = present
}

// sameAccount says whether the present credentials are those that last found the
// session, or are known to belong to the same account.
func (d *providerData) sameAccount(note sessionNote) bool {
	return note.Account == "" || note.Account == d.client.Fingerprint() || d.rotated.contains(note.Account)
}

// otherAccountError returns an error if a missing session may be alive in another
// account: other credentials found it last, and its latest known end is not past.
// Nothing is news of a session that is known to have ended.
func (d *providerData) otherAccountError(summary string, gone error, m lifetimeModel, note sessionNote) diag.Diagnostics {
	var apiErr *palabra.Error
	endIsPast := errors.As(gone, &apiErr) && !note.LatestEnd.IsZero() && !apiErr.ServerTime.Before(note.LatestEnd)
	if endIsPast || !m.isActive() || d.sameAccount(note) {
		return nil
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic(summary,
		fmt.Sprintf("Session %q is not found with the credentials from %s, and other credentials (%s) found it last; %s. "+
			"It may be alive in another account, so its state is kept.\n\n"+
			"If these credentials are wrong, run again with those of the session's account. "+
			"If they are new ones of the same account, run again: a run that first finds another session of the account goes on. "+
			"If the session has ended, remove it from the state only: "+
			"replace the resource by a removed block with lifecycle { destroy = false }, or run \"terraform state rm\".",
			m.ID.ValueString(), d.credentialSource, note.Account, m.whenItEnded(note)))}
}
