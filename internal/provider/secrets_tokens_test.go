package provider_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// issuedTokens remembers what creates answered, by intent: the tokens of
// palabra_session belong in the state, all others nowhere.
type issuedTokens struct {
	mu       sync.Mutex
	byIntent map[string][]string
}

func (i *issuedTokens) watch(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/session-storage/session" {
			api.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, r)
		var created struct {
			Data struct {
				Intent     string   `json:"intent"`
				Publisher  string   `json:"publisher"`
				Subscriber []string `json:"subscriber"`
			} `json:"data"`
		}
		if json.Unmarshal(answer.Body.Bytes(), &created) == nil {
			i.mu.Lock()
			i.byIntent[created.Data.Intent] = append(i.byIntent[created.Data.Intent], append(created.Data.Subscriber, created.Data.Publisher)...)
			i.mu.Unlock()
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// signatures returns the last parts of the tokens: whoever leaks a token leaks
// this, and a part without it opens nothing.
func (i *issuedTokens) signatures(t *testing.T, intent string) []string {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	var parts []string
	for _, token := range i.byIntent[intent] {
		parts = append(parts, token[strings.LastIndex(token, ".")+1:])
	}
	if len(parts) == 0 {
		t.Fatalf("no session with intent %q was created, so nothing could leak", intent)
	}
	return parts
}
