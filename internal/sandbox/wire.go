package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
)

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
	raw, _ := json.Marshal(key) // Strings and times always marshal.
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
