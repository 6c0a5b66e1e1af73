package provider

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// disguises returns the forms in which a secret may hide in a text: as it is,
// escaped, and in base64 wherever in a longer value it stands.
func disguises(secret string) map[string]string {
	asJSON, _ := json.Marshal(secret)
	forms := map[string]string{
		"plain":         secret,
		"JSON":          strings.Trim(string(asJSON), `"`),
		"quoted":        strings.Trim(fmt.Sprintf("%q", secret), `"`),
		"query-escaped": url.QueryEscape(secret),
		"path-escaped":  url.PathEscape(secret),
	}
	for before := range 3 {
		padded := append(make([]byte, before), secret...)
		// The characters at both ends depend on the neighbours.
		whole := padded[:len(padded)/3*3]
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.URLEncoding} {
			forms[fmt.Sprintf("%s at offset %d", name, before)] = encoding.EncodeToString(whole)[(before*8+5)/6:]
		}
	}
	return forms
}

func expectNoTrace(t *testing.T, where, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		for form, disguised := range disguises(secret) {
			if at := strings.Index(text, disguised); at >= 0 {
				t.Errorf("%s holds the secret %q (%s): …%s…", where, secret, form, text[max(0, at-200):min(len(text), at+len(disguised)+50)])
			}
		}
	}
}

func TestProviderSecrets_DisguisedOnesAreRecognised(t *testing.T) {
	t.Parallel()
	const secret = "sec/ret+&%=?-9f4e"
	for _, prefix := range []string{"", "a", "ab", "abc"} {
		for name, text := range map[string]string{
			"plain":  prefix + secret + "z",
			"std":    base64.StdEncoding.EncodeToString([]byte(prefix + secret + "z")),
			"url":    base64.RawURLEncoding.EncodeToString([]byte(prefix + secret + "z")),
			"query":  url.QueryEscape(prefix + secret),
			"path":   url.PathEscape(prefix + secret),
			"header": prefix + base64.StdEncoding.EncodeToString([]byte("id:"+secret)),
		} {
			found := slices.ContainsFunc(slices.Collect(maps.Values(disguises(secret))), func(form string) bool { return strings.Contains(text, form) })
			if !found {
				t.Errorf("%s with prefix %q: not found in %s", name, prefix, text)
			}
		}
	}
}

// issuedTokens remembers what creates answered, by intent: only the tokens of
// palabra_session belong in the state.
type issuedTokens struct {
	mu         sync.Mutex
	signatures map[string][]string
}

var (
	answeredIntent = regexp.MustCompile(`"intent":"(\w+)"`)
	// A token without its last part opens nothing.
	answeredSignature = regexp.MustCompile(`"eyJ[\w-]+\.[\w-]+\.([\w-]+)"`)
)

func (i *issuedTokens) watch(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/session-storage/session" {
			api.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, r)
		if intent := answeredIntent.FindStringSubmatch(answer.Body.String()); intent != nil {
			i.mu.Lock()
			for _, token := range answeredSignature.FindAllStringSubmatch(answer.Body.String(), -1) {
				i.signatures[intent[1]] = append(i.signatures[intent[1]], token[1])
			}
			i.mu.Unlock()
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func (i *issuedTokens) of(t *testing.T, intent string) []string {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.signatures[intent]) < 3 {
		t.Fatalf("tokens of sessions with intent %q: %q, want three or more", intent, i.signatures[intent])
	}
	return i.signatures[intent]
}
