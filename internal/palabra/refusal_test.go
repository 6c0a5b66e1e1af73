package palabra

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	htmlPage  = "<html>"
	noBalance = `{"ok":false,"errors":[{"title":"Forbidden resource","detail":"Insufficient balance","status":403,"error_code":100050}]}`
)

// classOf joins the names of all classes that err belongs to.
func classOf(err error) string {
	var names []string
	for name, class := range map[string]error{
		"not found": ErrNotFound, "unauthorized": ErrUnauthorized, "no such endpoint": ErrNoSuchEndpoint, "balance": ErrInsufficientBalance,
		"session limit": ErrSessionLimit, "rate": ErrRateLimited, "maybe created": ErrMaybeCreated, "not the API": ErrNotTheAPI,
		"still listed": ErrStillListed, "unconfirmed": ErrUnconfirmed, "proxy": ErrProxy,
	} {
		if errors.Is(err, class) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, "+")
}

// typeOf is the content type that a server gives a body.
func typeOf(body string) string {
	switch {
	case body == "" || body == ";":
		return body
	case strings.HasPrefix(body, "<"):
		return "text/html"
	case strings.HasPrefix(body, "{"):
		return jsonType
	default:
		return "text/plain"
	}
}

func problemBody(title, detail string) string {
	return fmt.Sprintf(`{"ok":false,"errors":[{"title":%q,"detail":%q}]}`, title, detail)
}

func TestRefusal_HasAClass(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		// create and session are the classes of a create, and of a call about a session.
		create, session string
	}{
		"balance":                 {403, noBalance, "balance", "balance"},
		"balance as 402":          {402, noBalance, "balance", "balance"},
		"balance with ok false":   {200, noBalance, "balance", "balance"},
		"limit 403":               {403, problemBody("Forbidden resource", "The limit of active sessions is reached."), "session limit", ""},
		"limit 409":               {409, problemBody("Conflict", "Too many sessions"), "session limit", ""},
		"limit 422":               {422, `{"detail":"Maximum number of parallel sessions"}`, "session limit", ""},
		"limit 429":               {429, problemBody("Too many requests", "Session quota exceeded"), "session limit", "rate"},
		"limit with ok false":     {200, problemBody("Conflict", "Session limit reached"), "session limit", ""},
		"limit in the title":      {403, problemBody("Session limit reached", "Delete one first"), "session limit", ""},
		"limit of something else": {403, problemBody("Forbidden resource", "The monthly quota is exceeded"), "", ""},
		"limit of another field":  {422, problemBody("Validation", "subscriber_count exceeds the maximum per session"), "", ""},
		"limit 400":               {400, problemBody("Session limit reached", ""), "", ""},
		"limit 500":               {500, problemBody("Session limit reached", ""), "maybe created", ""},
		"rate limit":              {429, problemBody("Too many requests", "Rate limit of session requests"), "rate", "rate"},
		"429 of a gateway":        {429, htmlPage, "rate", "rate"},
		"401":                     {401, "", "unauthorized", "unauthorized"},
		"403 titled unauthorized": {403, problemBody("Unauthorized", "Invalid API key"), "unauthorized", "unauthorized"},
		"403 without a reason":    {403, `{"error":"Forbidden"}`, "unauthorized", "unauthorized"},
		"403 without a body":      {403, "", "unauthorized", "unauthorized"},
		"403 with another reason": {403, problemBody("Forbidden resource", "Not in your region"), "", ""},
		"403 of a gateway":        {403, htmlPage, "not the API", "not the API"},
		"404 of the API":          {404, problemBody("Not found", "User not found."), "unauthorized", "unconfirmed"},
		"404 about the account":   {404, `{"detail":"User not found."}`, "unauthorized", "unconfirmed"},
		"404 of another API":      {404, `{"detail":"Not Found"}`, "no such endpoint", "unconfirmed"},
		"404 about the path":      {404, problemBody("Not found", "There is no such endpoint."), "no such endpoint", "unconfirmed"},
		"404 of a web server":     {404, htmlPage, "no such endpoint", "no such endpoint"},
		"405":                     {405, "Method Not Allowed", "no such endpoint", "not the API"},
		"405 of the API":          {405, problemBody("Method not allowed", ""), "", ""},
		"500":                     {500, problemBody("Internal error", ""), "maybe created", ""},
		"101":                     {101, "", "not the API", "not the API"},
		"200 with a page":         {200, htmlPage, "maybe created", "none"},
		"200 with ok false":       {200, `{"ok":false}`, "", ""},
	} {
		for _, call := range append(ofASession, "create") {
			client := offline(t, func(req *http.Request) (*http.Response, error) {
				if req.URL.Path == sessionsPath {
					return respond(http.StatusBadRequest, ""), nil // The second witness says nothing.
				}
				return answers(test.status, test.body)(req)
			}, withRetries(0))
			err, want := calls(t.Context(), client.Client, testID)[call](), test.session
			if call == "create" {
				want = test.create
			}
			if got := classOf(err); err == nil || got != strings.TrimPrefix(want, "none") {
				t.Errorf("%s, %s: class %q, want %q: %v", name, call, got, want, err)
			}
		}
	}
}

func TestRefusal_OKFalseIsAnErrorOfEveryCall(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"ok":false,"data":[],"errors":[{"detail":"Maintenance until noon"}]}`: "Maintenance until noon",
		`{"ok":false,"data":[]}`: "gives no reason",
	} {
		for _, call := range calls(t.Context(), offline(t, answers(http.StatusOK, body)).Client, testID) {
			expectError(t, call(), want)
		}
	}
}

// Credentials that have never worked and are refused once are refused for every
// call. A 403 can be about one session.
func TestRefusal_OfNewCredentialsEndsTheOtherCalls(t *testing.T) {
	t.Parallel()
	const get, check = "GET /sessions/" + testID, "GET /sessions?page_size=100"
	for status, want := range map[int][]string{
		http.StatusUnauthorized: {get},
		http.StatusForbidden:    {get, "DELETE /sessions/" + testID, "POST /session"},
		http.StatusNotFound:     {get, check},
	} {
		s := newServer(t, func(o *sandbox.Options) { o.BadCredentialsStatus = status })
		client := s.client(t, func(c *Config) { c.ClientSecret = "wrong" })
		for i, call := range []string{"get", "delete", "create"} {
			err := calls(t.Context(), client, testID)[call]()
			if got := classOf(err); !strings.Contains(got, "unauthorized") || errors.Is(err, ErrRefusedBefore) != (i > 0 && status != http.StatusForbidden) {
				t.Errorf("%d, %s: class %q, %v", status, call, got, err)
			}
		}
		s.expectCalls(t, want...)
	}
}

func TestRefusal_OfOneCallLeavesTheOthers(t *testing.T) {
	t.Parallel()
	for status, worked := range map[int]bool{http.StatusUnauthorized: true, http.StatusForbidden: false} {
		s := newServer(t)
		s.Put(sandbox.Session{ID: testID})
		s.Inject(sandbox.Fault{Skip: map[bool]int{true: 1}[worked], Count: 1, Effect: sandbox.RefuseCredentials(status)})
		client := s.client(t)
		if worked {
			if _, err := client.Get(t.Context(), testID); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := client.Get(t.Context(), testID); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("%d: %v, want ErrUnauthorized", status, err)
		}
		if _, err := client.Get(t.Context(), testID); err != nil {
			t.Errorf("%d, the next call: %v", status, err)
		}
	}
}
