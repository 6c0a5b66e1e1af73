package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// expiryTolerance is how much earlier than stored a live expiry may be before
// it is news: clocks are read in whole seconds, and answers take time.
const expiryTolerance = time.Minute

const expiryObservationKey = "observation"

// expiryObservation is what the last answer said, kept in private state, so
// that a plan can decide without a clock of its own.
type expiryObservation struct {
	// ServerTime is the API's present time when it answered.
	ServerTime time.Time `json:"server_time"`
	// ExpiresAt is the live expiry.
	ExpiresAt time.Time `json:"expires_at"`
	// GrantedSeconds is the lifetime that the last write was granted; 0 where
	// no write of this resource is known, as after an import.
	GrantedSeconds int64 `json:"granted_seconds,omitempty"`
}

type privateStateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateStateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// loadExpiryObservation returns the zero value where there is none, as in a
// state that was just imported.
func loadExpiryObservation(ctx context.Context, private privateStateReader) (expiryObservation, diag.Diagnostics) {
	var seen expiryObservation
	raw, diags := private.GetKey(ctx, expiryObservationKey)
	if len(raw) > 0 && json.Unmarshal(raw, &seen) != nil {
		// Only this provider writes it, and the next read writes it anew.
		seen = expiryObservation{}
	}
	return seen, diags
}

func (o expiryObservation) save(ctx context.Context, private privateStateWriter) diag.Diagnostics {
	raw, err := json.Marshal(o)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Unable to note the session's expiry", err.Error())}
	}
	return private.SetKey(ctx, expiryObservationKey, raw)
}

// observe updates the model to a session that was just read.
func (m *sessionExpiryModel) observe(session palabra.Session) diag.Diagnostics {
	var diags diag.Diagnostics
	m.ID = m.SessionID
	m.Expired = types.BoolValue(!session.ExpiresAt.IsZero() && !session.ServerTime.Before(session.ExpiresAt))
	if m.TTLSeconds.IsNull() {
		m.adopt(session)
		return diags
	}
	if !isEarlier(session.ExpiresAt, m.ExpiresAt) {
		return diags
	}
	diags.AddAttributeWarning(path.Root("expires_at"), "Session expires earlier than it was given",
		fmt.Sprintf("Session %q was to live until %s, and now expires at %s. Something else shortened it: a client that connected, or another tool. "+
			"It is renewed only if renew_before_seconds or another change asks for it.",
			m.SessionID.ValueString(), m.ExpiresAt.ValueString(), session.ExpiresAt.Format(time.RFC3339)))
	m.ExpiresAt = timestamp(session.ExpiresAt)
	return diags
}

// adopt fills in what an import does not name. The API does not report the
// lifetime that a session was given; the last change of the session is the
// closest to when it was.
func (m *sessionExpiryModel) adopt(session palabra.Session) {
	m.DeleteOnDestroy = types.BoolValue(true)
	m.ExpiresAt = timestamp(session.ExpiresAt)
	ttl := int64(1)
	for _, since := range []time.Time{session.UpdatedAt, session.CreatedAt, session.ServerTime} {
		if lifetime := session.ExpiresAt.Sub(since); !since.IsZero() && lifetime >= time.Second {
			ttl = int64(lifetime / time.Second)
			break
		}
	}
	m.TTLSeconds = types.Int64Value(ttl)
}

// isEarlier says whether a live expiry is so much earlier than the stored one
// that it is news.
func isEarlier(live time.Time, stored timetypes.RFC3339) bool {
	return !live.IsZero() && live.Before(timeOf(stored).Add(-expiryTolerance))
}

// timeOf is zero for a timestamp that is null or unknown.
func timeOf(value timetypes.RFC3339) time.Time {
	if value.IsNull() || value.IsUnknown() {
		return time.Time{}
	}
	t, _ := value.ValueRFC3339Time()
	return t
}

func (m *sessionExpiryModel) lastKnownExpiry(seen expiryObservation) time.Time {
	if !seen.ExpiresAt.IsZero() {
		return seen.ExpiresAt
	}
	return timeOf(m.ExpiresAt)
}

// endedNaturally decides what it means that the session is gone: whether its
// last known expiry had passed when the API said so.
func (m *sessionExpiryModel) endedNaturally(seen expiryObservation, gone error) bool {
	if m.Expired.ValueBool() {
		return true
	}
	var apiErr *palabra.Error
	end := m.lastKnownExpiry(seen)
	return errors.As(gone, &apiErr) && !end.IsZero() && !apiErr.ServerTime.Before(end)
}

func (m *sessionExpiryModel) deletedEarly() diag.Diagnostics {
	if m.TTLSeconds.IsNull() {
		// An import of a session that does not exist: the engine says so.
		return nil
	}
	return diag.Diagnostics{diag.NewWarningDiagnostic("Session was deleted by somebody else",
		fmt.Sprintf("Session %q was to live until %s and does not exist any more, so it leaves the state. "+
			"As long as the configuration names it, plans show a create, which fails at apply for this instance only. "+
			"Remove it from the configuration, or give it the id of a session that exists.",
			m.SessionID.ValueString(), m.ExpiresAt.ValueString()))}
}

// readableDuration is a duration without the zero units of its end: 41m, 720h.
func readableDuration(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
