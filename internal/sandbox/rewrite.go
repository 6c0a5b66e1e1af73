package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"
)

// EditSessions does what was asked for and hands each session of the answer, of
// get or of list in any envelope, to edit, which may change its members. Those
// for which it returns false are left out of lists.
func EditSessions(edit func(session map[string]any) (keep bool)) Effect {
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		var decoded any
		if operation, _ := route(r); answer.Code == http.StatusOK && (operation == OperationGet || operation == OperationList) && json.Unmarshal(body, &decoded) == nil {
			body, _ = json.Marshal(editAnswer(decoded, edit)) // It was JSON before.
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(bytes.TrimSpace(body))
	}
}

// editAnswer walks down to the sessions, which are the objects with an id.
func editAnswer(value any, edit func(map[string]any) bool) any {
	switch value := value.(type) {
	case []any:
		return slices.DeleteFunc(value, func(item any) bool {
			session, ok := item.(map[string]any)
			return ok && !edit(session)
		})
	case map[string]any:
		if _, isSession := value["id"]; isSession {
			edit(value)
			return value
		}
		for name, member := range value {
			value[name] = editAnswer(member, edit)
		}
	}
	return value
}

// HideFromLists leaves sessions out of lists, although they exist: pages come
// with holes, or empty, and name their next page all the same.
func HideFromLists(ids ...string) Effect {
	return EditSessions(func(session map[string]any) bool {
		id, _ := session["id"].(string)
		return !slices.Contains(ids, id)
	})
}

// WithoutExpiry leaves expires_at out of answers; every member is optional in the
// reference.
func WithoutExpiry() Effect {
	return EditSessions(func(session map[string]any) bool {
		delete(session, "expires_at")
		return true
	})
}

// PastExpiry answers with an expiry that was so long before the answer's Date, as
// for a session that has just been connected.
func PastExpiry(by time.Duration) Effect {
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		date, err := http.ParseTime(w.Header().Get("Date"))
		EditSessions(func(session map[string]any) bool {
			if err == nil {
				session["expires_at"] = date.Add(-by).UTC().Format(time.RFC3339)
			}
			return true
		})(w, r, api)
	}
}
