package provider

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

const (
	lifetimeNoteKey = "lifetime"
	successorKey    = "successor"
)

// lifetimeNote is stored in private state, so that a plan can decide without a
// clock and without a request.
type lifetimeNote struct {
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
func (n lifetimeNote) withInstance() lifetimeNote {
	if n.Instance == "" {
		n.Instance = newInstanceID()
	}
	return n
}

func (n lifetimeNote) granted() time.Duration { return time.Duration(n.GrantedSeconds) * time.Second }

// left is the remaining lifetime when the session was last seen; never negative.
func (n lifetimeNote) left() time.Duration { return max(0, n.ExpiresAt.Sub(n.ServerTime)) }

func (n lifetimeNote) observed() bool { return !n.ExpiresAt.IsZero() && !n.ServerTime.IsZero() }

// differs says whether a plan could decide differently with the newer note. A note
// that is only newer is not saved: engines report changed private state as drift.
func (n lifetimeNote) differs(newer lifetimeNote, m lifetimeModel) bool {
	switch {
	case n.Instance != newer.Instance, n.Account != newer.Account, n.Unsent != newer.Unsent, n.observed() != newer.observed():
		return true
	case m.due(n) != m.due(newer):
		return true
	}
	return newer.left() < n.left()*9/10
}

func loadLifetimeNote(ctx context.Context, private privateStateReader) (lifetimeNote, diag.Diagnostics) {
	return loadPrivate[lifetimeNote](ctx, private, lifetimeNoteKey)
}

func (n lifetimeNote) save(ctx context.Context, private privateStateWriter) diag.Diagnostics {
	return savePrivate(ctx, private, lifetimeNoteKey, n)
}

// successor is a message from the plan of a replacement's create half to its
// delete half: engines pass both the same private state. It is never stored in a
// state: create starts with empty private state, and a destroy plan removes it.
type successor struct {
	// SessionID is empty if it is known only after apply.
	SessionID string `json:"session_id"`
	// DeletedElsewhere says that a palabra_session of the same plan deletes the
	// old session.
	DeletedElsewhere bool `json:"deleted_elsewhere,omitempty"`
}
