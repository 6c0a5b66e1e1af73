package provider

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// sessionNoteKey is the key of the note in private state.
const sessionNoteKey = "lifetime"

// sessionNote is what is remembered of an instance between runs, in private state:
// a plan decides from it without a clock and without a request.
type sessionNote struct {
	// Instance is a random id, set by create or by the first read. It tells
	// instances apart, because engines do not tell providers the address.
	Instance string `json:"instance,omitempty"`
	// Account is the fingerprint of the credentials that last found the session.
	Account string `json:"account,omitempty"`
	// ServerTime is the server's time when the API returned ExpiresAt.
	ServerTime time.Time `json:"server_time"`
	// ExpiresAt is the live expiry, which may be later than the stored one.
	ExpiresAt time.Time `json:"expires_at"`
	// LatestEnd is the latest expiry seen since the last write. ExpiresAt can be
	// earlier: the API resets it to the present when a client connects.
	LatestEnd time.Time `json:"latest_end"`
	// GrantedSeconds is the lifetime that the last write was granted, if the API
	// capped it; 0 otherwise.
	GrantedSeconds int64 `json:"granted_seconds,omitempty"`
	// Unsent says that changed arguments have not been sent to the API: the
	// session had ended, or the write after its creation failed.
	Unsent bool `json:"unsent,omitempty"`
}

func newInstanceID() string { return rand.Text() }

// withInstance gives an instance an id if it has none.
func (n sessionNote) withInstance() sessionNote {
	if n.Instance == "" {
		n.Instance = newInstanceID()
	}
	return n
}

// seen is the note after the session was read.
func (n sessionNote) seen(session palabra.Session) sessionNote {
	n.ServerTime = cautiousTime(session)
	if !session.ExpiresAt.IsZero() {
		n.ExpiresAt = session.ExpiresAt
		if session.ExpiresAt.After(n.LatestEnd) {
			n.LatestEnd = session.ExpiresAt
		}
	}
	return n
}

// longestLead is the longest lead time after a capped write: a tenth of what was
// granted stays without renewal. It is 0 if nothing was capped.
func (n sessionNote) longestLead() time.Duration {
	// Divided first: a lifetime of a century times nine would overflow.
	return (time.Duration(n.GrantedSeconds) * time.Second / 10 * 9).Truncate(time.Second)
}

// left is the remaining lifetime when the session was last seen; never negative.
func (n sessionNote) left() time.Duration { return max(0, n.ExpiresAt.Sub(n.ServerTime)) }

func (n sessionNote) observed() bool { return !n.ExpiresAt.IsZero() && !n.ServerTime.IsZero() }

// differs says whether the newer note is saved: when the session has become due, and
// when something other than time has changed it. A note that is only newer is not
// saved, because engines report changed private state as drift.
func (n sessionNote) differs(newer sessionNote, m lifetimeModel) bool {
	switch {
	case n.Instance != newer.Instance, n.Account != newer.Account, n.Unsent != newer.Unsent, n.observed() != newer.observed():
		return true
	case m.due(n) != m.due(newer):
		return true
	}
	return newer.ExpiresAt.Sub(n.ExpiresAt).Abs() > expiryTolerance
}

func loadSessionNote(ctx context.Context, private privateStateReader) (sessionNote, diag.Diagnostics) {
	return loadPrivate[sessionNote](ctx, private, sessionNoteKey)
}

func (n sessionNote) save(ctx context.Context, private privateStateWriter) diag.Diagnostics {
	return savePrivate(ctx, private, sessionNoteKey, n)
}

type privateStateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateStateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// loadPrivate returns the zero value if nothing is stored, as after an import or a
// move.
func loadPrivate[T any](ctx context.Context, private privateStateReader, key string) (T, diag.Diagnostics) {
	var value T
	raw, diags := private.GetKey(ctx, key)
	if len(raw) > 0 && json.Unmarshal(raw, &value) != nil {
		// Only this provider writes it, and the next read writes it again.
		var zero T
		return zero, diags
	}
	return value, diags
}

func savePrivate(ctx context.Context, private privateStateWriter, key string, value any) diag.Diagnostics {
	raw, err := json.Marshal(value)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Unable to save private state", err.Error())}
	}
	return private.SetKey(ctx, key, raw)
}

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
	missingAt := answeredAt(gone).Add(-expiryTolerance) // A later end is noted from there on.
	if !m.isActive() || d.sameAccount(note) || m.ranOut(note, missingAt) {
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
