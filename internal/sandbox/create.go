package sandbox

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
)

// maxSubscribers is that of the create reference.
const maxSubscribers = 10

// create answers 201 with everything that the vendor's SDKs read, non-empty.
// Unknown fields are accepted, and {"data": {}} is enough.
func (s *Sandbox) create(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Data *struct {
			SubscriberCount int    `json:"subscriber_count"`
			Intent          string `json:"intent"`
			AggregationID   string `json:"aggregation_id"`
		} `json:"data"`
	}
	body, ok := s.readJSON(w, r)
	if !ok {
		return
	}
	if json.Unmarshal(body, &request) != nil || request.Data == nil {
		writeProblem(w, r, http.StatusBadRequest, "Bad request", "The body must be a JSON object with a data object.", 100400)
		return
	}
	if n := request.Data.SubscriberCount; n < 0 || n > maxSubscribers {
		writeProblem(w, r, http.StatusUnprocessableEntity, "Validation error", "subscriber_count must be from 0 to 10.", 100422)
		return
	}
	now := s.now()
	if s.store.count(now) >= s.options.SessionLimit {
		refuseOverLimit(w, r, s.options.SessionLimitStatus)
		return
	}
	session := Session{
		ID:        s.newID(),
		CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(s.options.DefaultTTL),
		Intent: cmp.Or(request.Data.Intent, "api"), AggregationID: request.Data.AggregationID, Organization: s.options.Organization,
	}
	s.beforeChange(now)
	s.store.put(session)

	subscribers := make([]string, request.Data.SubscriberCount)
	for i := range subscribers {
		subscribers[i] = token(session.ID, "subscriber")
	}
	writeJSON(w, http.StatusCreated, map[string]any{
		"ok": true,
		"data": map[string]any{
			"id":               session.ID,
			"publisher":        token(session.ID, "publisher"),
			"subscriber":       subscribers,
			"webrtc_room_name": randomHex(4),
			"webrtc_url":       "https://streaming-0.palabra.example/livekit/",
			"ws_url":           "wss://streaming.palabra.example/streaming-api/" + randomHex(4) + "/v1/speech-to-speech/stream",
			"intent":           session.Intent,
			"organization":     session.Organization,
		},
	})
}

// newID has either form in which ids have been seen.
func (s *Sandbox) newID() string {
	if s.options.JWTIDs {
		return token("sandbox-user."+randomHex(4), "session")
	}
	return "sandbox-user." + randomHex(4) + "." + randomHex(4)
}

// token has the form of a JWT, so that tests find a leaked one.
func token(sessionID, role string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		encode(fmt.Appendf(nil, `{"sub":%q,"role":%q,"jti":%q}`, sessionID, role, randomHex(8))) + "." +
		encode(randomBytes(32))
}

func randomHex(n int) string { return hex.EncodeToString(randomBytes(n)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // Never fails.
	return b
}
