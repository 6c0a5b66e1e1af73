package provider

import (
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// knownAccounts holds the fingerprints that are known to be of the account of the
// present credentials, because those have found a session that was noted under them.
// The empty fingerprint stands for instances that have none noted: their credentials
// are the present ones once those have found any session of a state.
type knownAccounts struct{ pairs sync.Map }

type accountPair struct{ present, noted string }

// noteAccount notes that the present credentials have found the session.
func (d *providerData) noteAccount(note *sessionNote) {
	present := d.client.Fingerprint()
	d.accounts.pairs.Store(accountPair{present, note.Account}, true)
	d.accounts.pairs.Store(accountPair{present, ""}, true)
	note.Account = present
}

// sameAccount says whether the present credentials are those that last found the
// session, or are known to belong to the same account.
func (d *providerData) sameAccount(note sessionNote) bool {
	present := d.client.Fingerprint()
	_, known := d.accounts.pairs.Load(accountPair{present, note.Account})
	return note.Account == present || known
}

// otherAccountError returns an error if a missing session may be alive in another
// account: other or unknown credentials found it last, and its latest known end is not
// past. Nothing is news of a session that is known to have ended.
func (d *providerData) otherAccountError(summary string, gone error, m lifetimeModel, note sessionNote) diag.Diagnostics {
	if !m.isActive() || d.sameAccount(note) || m.ranOut(note, answeredAt(gone)) {
		return nil
	}
	finder := "other credentials (" + note.Account + ") found it last"
	if note.Account == "" {
		finder = "the state does not say which credentials found it last"
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic(summary,
		fmt.Sprintf("Session %q is not found with the credentials from %s, and %s; %s. "+
			"It may be alive in another account, so its state is kept.\n\n"+
			"If these credentials are wrong, run again with those of the session's account. "+
			"If they are new ones of the same account, run again: a run that first finds another session of the account goes on. "+
			"If the session has ended, remove it from the state only: "+
			"replace the resource by a removed block with lifecycle { destroy = false }, or run \"terraform state rm\".",
			m.ID.ValueString(), d.credentialSource, finder, m.whenItEnded(note)))}
}
