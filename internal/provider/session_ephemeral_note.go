package provider

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const (
	ephemeralNoteKey = "session"
	// shortestRenewal is the least time between two attempts to renew.
	shortestRenewal = time.Second
)

// ephemeralNote is what Open stores in private data for Renew and Close.
type ephemeralNote struct {
	ID string `json:"id"`
	// TTLSeconds is what renewals ask for.
	TTLSeconds int64 `json:"ttl_seconds"`
	// ExpiresAt is when the session ends, by the server's clock.
	ExpiresAt time.Time `json:"expires_at"`
	// EndsAt is the same moment by the local clock, which the engine goes by.
	EndsAt time.Time `json:"ends_at"`
}

func (e *sessionEphemeral) loadNote(ctx context.Context, summary string, private privateStateReader, diags *diag.Diagnostics) (ephemeralNote, *palabra.Client) {
	var note ephemeralNote
	raw, getDiags := private.GetKey(ctx, ephemeralNoteKey)
	diags.Append(getDiags...)
	if diags.HasError() {
		return note, nil
	}
	if err := json.Unmarshal(raw, &note); err != nil {
		diags.AddError(summary, "The engine did not return the private data that opening the session stored: "+sentence(err.Error()))
		return note, nil
	}
	return note, e.data.configuredClient(summary, diags)
}

// until is the note after a write that was granted a lifetime.
func (n ephemeralNote) until(granted lifetime, now time.Time) ephemeralNote {
	n.ExpiresAt, n.EndsAt = granted.ExpiresAt, now.Add(granted.Granted)
	return n
}

func (n ephemeralNote) ttl() time.Duration { return time.Duration(n.TTLSeconds) * time.Second }

func (n ephemeralNote) expiry() string { return n.ExpiresAt.UTC().Format(time.RFC3339) }

// nextWait is half of the remaining time.
func (n ephemeralNote) nextWait(now time.Time) time.Duration {
	return max(n.EndsAt.Sub(now)/2, shortestRenewal)
}

func (n ephemeralNote) renewAt(now time.Time) time.Time { return now.Add(n.nextWait(now)) }
