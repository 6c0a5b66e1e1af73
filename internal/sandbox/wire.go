package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
)

type wireSession struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Intent    string    `json:"intent,omitempty"`
}

func wireOf(s Session) wireSession {
	return wireSession{ID: s.ID, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, ExpiresAt: s.ExpiresAt, Intent: s.Intent}
}

func listBody(envelope Envelope, sessions []Session, token string) map[string]any {
	items := make([]wireSession, 0, len(sessions))
	for _, session := range sessions {
		items = append(items, wireOf(session))
	}
	tokenName := "next_page_token"
	if envelope == EnvelopeNext || envelope == EnvelopeSessionsNext {
		tokenName = "next"
	}
	switch envelope {
	case EnvelopeSessions, EnvelopeSessionsNext:
		inner := map[string]any{"sessions": items}
		if len(items) == 0 {
			inner["sessions"] = nil
		}
		if token != "" {
			inner[tokenName] = token
		}
		return map[string]any{"ok": true, "data": inner}
	case EnvelopeTopLevel:
		body := map[string]any{"sessions": items}
		if token != "" {
			body[tokenName] = token
		}
		return body
	case EnvelopeData, EnvelopeNext:
	}
	body := map[string]any{"data": items}
	if token != "" {
		body[tokenName] = token
	}
	return body
}

// tokenKey has the form of the API's tokens: the key of the last item.
type tokenKey struct {
	Key struct {
		CreatedAt time.Time `json:"created_at"`
		ID        string    `json:"id"`
	} `json:"key"`
}

func encodeToken(last Session) string {
	var key tokenKey
	key.Key.CreatedAt, key.Key.ID = last.CreatedAt, last.ID
	raw, err := json.Marshal(key)
	if err != nil {
		panic(err) // Strings and times always marshal.
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func decodeToken(token string) (*Session, bool) {
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return nil, false
	}
	var key tokenKey
	if json.Unmarshal(raw, &key) != nil || key.Key.ID == "" {
		return nil, false
	}
	return &Session{ID: key.Key.ID, CreatedAt: key.Key.CreatedAt}, true
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // A client that went away.
}

// writeProblem answers in the error body that production has been seen to send.
func writeProblem(w http.ResponseWriter, r *http.Request, status int, title, detail string, code int) {
	writeJSON(w, status, map[string]any{
		"ok": false,
		"errors": []map[string]any{{
			"type":       "https://docs.palabra.ai/docs/error_codes",
			"title":      title,
			"detail":     detail,
			"instance":   r.URL.EscapedPath(),
			"status":     status,
			"error_code": code,
		}},
	})
}

func writeNotFound(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, r, http.StatusNotFound, "Not found", "Session not found.", 100404)
}

func refuseCredentials(w http.ResponseWriter, r *http.Request, status int) {
	title, detail := "Unauthorized", "Unauthorized access is denied due to invalid credentials."
	if status == http.StatusNotFound {
		title, detail = "Not found", "User not found."
	}
	writeProblem(w, r, status, title, detail, 100000+status)
}
