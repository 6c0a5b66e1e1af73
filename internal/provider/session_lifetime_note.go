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

// lifetimeNote is what private state keeps of an instance, so that a plan can
// decide without a clock and without a request.
type lifetimeNote struct {
	// Instance tells instances apart: a provider is not told their addresses.
	// It is random, and set by create or by the first read.
	Instance string `json:"instance,omitempty"`
	// Account is the fingerprint of the credentials that last found the session.
	Account string `json:"account,omitempty"`
	// ServerTime is the API's present time when it told ExpiresAt.
	ServerTime time.Time `json:"server_time"`
	// ExpiresAt is the live expiry, which may be later than the stored one.
	ExpiresAt time.Time `json:"expires_at"`
	// LatestEnd is the latest expiry that the session is known to have had since
	// it was last written. A client that connects moves ExpiresAt to the present.
	LatestEnd time.Time `json:"latest_end"`
	// GrantedSeconds is the lifetime that the last write was granted, where that
	// was less than it asked for; 0 otherwise.
	GrantedSeconds int64 `json:"granted_seconds,omitempty"`
	// Unsent says that arguments have changed which the API was not told: the
	// session had ended, or the write after its creation failed.
	Unsent bool `json:"unsent,omitempty"`
}

// newInstanceID is random; its alphabet is that of base32.
func newInstanceID() string { return rand.Text() }

func (n lifetimeNote) granted() time.Duration { return time.Duration(n.GrantedSeconds) * time.Second }

// left is what was left of the session when it was last seen; never negative.
func (n lifetimeNote) left() time.Duration { return max(0, n.ExpiresAt.Sub(n.ServerTime)) }

func (n lifetimeNote) observed() bool { return !n.ExpiresAt.IsZero() && !n.ServerTime.IsZero() }

// differs says whether a plan could decide differently by the newer note. What
// has merely aged is not saved: engines report changed private state as drift.
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

// successor is what the plan of a replacement's create half tells its delete
// half, which engines hand the same private state. It never reaches a state:
// create starts with empty private state, and a destroy plan removes it.
type successor struct {
	// SessionID is empty where only apply knows it.
	SessionID string `json:"session_id"`
	// DeletedElsewhere says that a palabra_session of the same plan deletes the
	// old session.
	DeletedElsewhere bool `json:"deleted_elsewhere,omitempty"`
}
