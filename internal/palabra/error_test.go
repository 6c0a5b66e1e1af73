package palabra_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	htmlPage  = "<html>"
	jsonType  = "application/json"
	noBalance = `{"ok":false,"errors":[{"title":"Forbidden resource","detail":"Insufficient balance","status":403,"error_code":100050}]}`
)

var classes = map[string]error{
	"not found": palabra.ErrNotFound, "unauthorized": palabra.ErrUnauthorized, "no such endpoint": palabra.ErrNoSuchEndpoint,
	"balance": palabra.ErrInsufficientBalance, "session limit": palabra.ErrSessionLimit,
	"rate": palabra.ErrRateLimited, "maybe created": palabra.ErrMaybeCreated,
}

// classOf joins the names of all classes that err belongs to.
func classOf(err error) string {
	var names []string
	for name, class := range classes {
		if errors.Is(err, class) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, "+")
}

func problemBody(title, detail string) string {
	return fmt.Sprintf(`{"ok":false,"errors":[{"title":%q,"detail":%q}]}`, title, detail)
}

func TestError_ClassOfACreate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status     int
		kind, body string
		want       string
	}{
		"balance":                 {403, jsonType, noBalance, "balance"},
		"balance as 402":          {402, jsonType, noBalance, "balance"},
		"balance with ok false":   {200, jsonType, noBalance, "balance"},
		"limit 403":               {403, jsonType, problemBody("Forbidden resource", "The limit of active sessions is reached."), "session limit"},
		"limit 409":               {409, jsonType, problemBody("Conflict", "Too many sessions"), "session limit"},
		"limit 422":               {422, jsonType, `{"detail":"Maximum number of parallel sessions"}`, "session limit"},
		"limit 429":               {429, jsonType, problemBody("Too many requests", "Session quota exceeded"), "session limit"},
		"limit in the title":      {403, jsonType, problemBody("Session limit reached", "Delete one first"), "session limit"},
		"limit 400":               {400, jsonType, problemBody("Session limit reached", ""), ""},
		"rate limit":              {429, jsonType, problemBody("Too many requests", "Rate limit of session requests"), "rate"},
		"429 of a gateway":        {429, "text/html", htmlPage, "rate"},
		"limit of another field":  {422, jsonType, problemBody("Validation", "subscriber_count exceeds the maximum per session"), ""},
		"403 about credentials":   {403, jsonType, problemBody("Forbidden", "Invalid API key"), "unauthorized"},
		"403 without a reason":    {403, jsonType, `{"error":"Forbidden"}`, "unauthorized"},
		"403 with another reason": {403, jsonType, problemBody("Forbidden resource", "Not in your region"), ""},
		"403 of a gateway":        {403, "text/html", htmlPage, ""},
		"401":                     {401, "", "", "unauthorized"},
		"404 of the API":          {404, jsonType, problemBody("Not found", "User not found."), "unauthorized"},
		"404 of another API":      {404, jsonType, `{"detail":"Not Found"}`, "no such endpoint"},
		"404 about the path":      {404, jsonType, problemBody("Not found", "There is no such endpoint."), "no such endpoint"},
		"404 of a web server":     {404, "text/html", htmlPage, "no such endpoint"},
		"405":                     {405, "text/plain", "Method Not Allowed", "no such endpoint"},
		"500":                     {500, jsonType, problemBody("Internal error", ""), "maybe created"},
		"200 with a page":         {200, "text/html", htmlPage, "maybe created"},
		"200 with ok false":       {200, jsonType, `{"ok":false}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.Inject(sandbox.Fault{Effect: sandbox.Respond(test.status, test.kind, test.body)})
			_, err := newClient(t, s.url).Create(t.Context(), palabra.CreateRequest{})
			if got := classOf(err); err == nil || got != test.want {
				t.Errorf("class %q, want %q: %v", got, test.want, err)
			}
			expectCalls(t, s, "POST /session")
		})
	}
}

func TestError_ClassOfASessionCall(t *testing.T) {
	t.Parallel()
	const fresh, used = "fresh", "used"
	for name, test := range map[string]struct {
		client     string
		status     int
		kind, body string
		want       string
	}{
		"404 of the API":              {used, 404, jsonType, problemBody("Not found", "Session not found."), "not found"},
		"404 without a body":          {used, 404, "", "", "not found"},
		"404 of a gateway":            {used, 404, "text/html", htmlPage, ""},
		"404 in plain text":           {used, 404, "text/plain", "404 page not found", ""},
		"404 of a gateway at first":   {fresh, 404, "text/html", htmlPage, "no such endpoint"},
		"404 of a router":             {used, 404, jsonType, `{"message":"no Route matched with those values"}`, ""},
		"404 that a list confirms":    {fresh, 404, "", "", "not found"},
		"403 about the credentials":   {used, 403, jsonType, problemBody("Forbidden", "Credentials are disabled"), "unauthorized"},
		"403 without a reason":        {used, 403, "", "", "unauthorized"},
		"403 that says forbidden":     {used, 403, jsonType, problemBody("Forbidden", "Forbidden resource."), "unauthorized"},
		"403 with another reason":     {used, 403, jsonType, problemBody("Forbidden resource", "The session belongs to a team"), ""},
		"403 of a firewall":           {used, 403, "text/html", htmlPage, ""},
		"no balance":                  {used, 403, jsonType, noBalance, "balance"},
		"405":                         {used, 405, "text/html", htmlPage, ""},
		"200 with ok false":           {used, 200, jsonType, problemBody("Oops", "Session is busy"), ""},
		"ok false without any reason": {used, 200, jsonType, `{"ok":false}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for op, call := range map[string]func(*palabra.Client) error{
				"get":    func(c *palabra.Client) error { _, err := c.Get(t.Context(), id); return err },
				"expiry": func(c *palabra.Client) error { _, err := c.SetExpiry(t.Context(), id, 60); return err },
				"delete": func(c *palabra.Client) error { return c.Delete(t.Context(), id) },
			} {
				s := newServer(t)
				client := newClient(t, s.url)
				if test.client == used {
					if _, err := list(t, client); err != nil {
						t.Fatal(err)
					}
				}
				s.Inject(sandbox.Fault{Count: 1, Effect: sandbox.Respond(test.status, test.kind, test.body)})
				err := call(client)
				if got := classOf(err); err == nil || got != test.want {
					t.Errorf("%s: class %q, want %q: %v", op, got, test.want, err)
				}
			}
		})
	}
}

func TestError_OKFalseIsAnErrorOfEveryCall(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Inject(sandbox.Fault{Effect: sandbox.Respond(200, jsonType, `{"ok":false,"data":[],"errors":[{"detail":"Maintenance until noon"}]}`)})
	client := newClient(t, s.url)
	_, getErr := client.Get(t.Context(), id)
	_, setErr := client.SetExpiry(t.Context(), id, 60)
	_, listErr := list(t, client)
	_, createErr := client.Create(t.Context(), palabra.CreateRequest{})
	for _, err := range []error{getErr, setErr, listErr, createErr, client.Delete(t.Context(), id)} {
		if err == nil || !strings.Contains(err.Error(), "Maintenance until noon") {
			t.Errorf("error %v", err)
		}
	}
}

// An answer that was not understood proves nothing about the credentials, so a
// 404 after it has to be checked.
func TestNotFound_IsCheckedAfterAnswersThatWereNotUnderstood(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sandbox.Effect{
		"captive portal": sandbox.Respond(200, "text/html", htmlPage),
		"other JSON":     sandbox.Respond(200, jsonType, `{"status":"up"}`),
		"empty 204":      sandbox.Respond(204, "", ""),
	} {
		s := newServer(t)
		client := newClient(t, s.url)
		s.Inject(sandbox.Fault{Count: 2, Effect: effect})
		_, _ = client.Get(t.Context(), id)
		_ = client.Delete(t.Context(), id)
		s.ResetRequests()
		if _, err := client.Get(t.Context(), id); !errors.Is(err, palabra.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		expectCalls(t, s, "GET /sessions/"+id, "GET /sessions?page_size=1")
	}
}

func TestNotFound_ParallelCallsShareOneCheck(t *testing.T) {
	t.Parallel()
	const calls = 10
	s := newServer(t)
	var missing sync.WaitGroup
	missing.Add(calls)
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		missing.Wait()
		api.ServeHTTP(w, r)
	}})
	s.Inject(sandbox.Fault{Operation: sandbox.OperationGet, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		missing.Done()
		api.ServeHTTP(w, r)
	}})
	client := newClient(t, s.url)
	var group sync.WaitGroup
	for range calls {
		group.Go(func() {
			if _, err := client.Get(t.Context(), id); !errors.Is(err, palabra.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := len(s.calls()); got != calls+1 {
		t.Errorf("%d requests, want %d and one check", got, calls)
	}
}

func TestNotFound_InterruptEndsTheWaitForTheCheckOfOneCallOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	checking, release := make(chan struct{}), make(chan struct{})
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		close(checking)
		<-release
		api.ServeHTTP(w, r)
	}})
	client := newClient(t, s.url)
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := client.Get(ctx, id); !errors.Is(err, context.Canceled) || errors.Is(err, palabra.ErrNotFound) {
			t.Errorf("interrupted call: %v", err)
		}
	})
	<-checking
	other := make(chan error, 1)
	go func() { _, err := client.Get(t.Context(), id); other <- err }()
	cancel()
	group.Wait()
	close(release)
	if err := <-other; !errors.Is(err, palabra.ErrNotFound) {
		t.Errorf("other call: %v", err)
	}
}

func TestNotFound_IsNotBelievedWhenTheCheckIsNotAList(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.Respond(200, jsonType, `{"status":"up"}`)})
	if _, err := newClient(t, s.url).Get(t.Context(), id); err == nil || errors.Is(err, palabra.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestError_KeepsWhatDecodes(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"errors":[{"title":"Refused","detail":"ttl","error_code":"100051"}]}`: "Refused: ttl (error_code 100051)",
		`{"errors":[{"detail":"ttl","error_code":"E_TTL"}]}`:                    "ttl; error_code E_TTL",
		`{"errors":["first","second"]}`:                                         "first; second",
		`{"errors":[{"title":5,"detail":"ttl"}]}`:                               "ttl",
		`{"detail":"ttl too long"}`:                                             "ttl too long",
		`{"detail":[{"loc":["query"],"msg":"not an integer"}]}`:                 "not an integer",
		`{"message":"no route"}`:                                                "no route",
		`{"error":{"message":"ttl"}}`:                                           "ttl",
		`{"error":{"errors":[{"detail":"deep"}]}}`:                              "deep",
		`{"error":null,"message":"m"}`:                                          "m",
	} {
		s := newServer(t)
		s.Inject(sandbox.Fault{Effect: sandbox.Respond(400, jsonType, body)})
		_, err := newClient(t, s.url).Get(t.Context(), id)
		if want := fmt.Sprintf("get session %q at %s: HTTP 400 Bad Request: %s", id, s.url, want); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", body, err, want)
		}
	}
}

func TestError_SaysEachThingOnce(t *testing.T) {
	t.Parallel()
	const endpoint = "https://api.example.com"
	for want, err := range map[string]*palabra.Error{
		"HTTP 404: Session not found (error_code 5)":                        {StatusCode: 404, Title: "Not found", Detail: "Session not found.", Code: 5, Err: palabra.ErrNotFound},
		"HTTP 404: session not found":                                       {StatusCode: 404, Title: "Not found", Err: palabra.ErrNotFound},
		"HTTP 401: Unauthorized access is denied: credentials refused":      {StatusCode: 401, Title: "Unauthorized", Detail: "Unauthorized access is denied", Err: palabra.ErrUnauthorized},
		"HTTP 429 Too Many Requests: The rate limit is exceeded":            {StatusCode: 429, Title: "Too many requests", Detail: "The rate limit is exceeded.", Err: palabra.ErrRateLimited},
		"HTTP 502 Bad Gateway: a session may have been created":             {StatusCode: 502, Err: palabra.ErrMaybeCreated},
		"HTTP 403: Forbidden resource: Insufficient balance (error_code 7)": {StatusCode: 403, Title: "Forbidden resource", Detail: "Insufficient balance", Code: 7, Err: palabra.ErrInsufficientBalance},
		"EOF; a session may have been created":                              {Err: errors.Join(errors.New("EOF"), palabra.ErrMaybeCreated)},
	} {
		err.Op, err.SessionID, err.Endpoint = "get session", "a.b", endpoint
		if want := `get session "a.b" at ` + endpoint + ": " + want; err.Error() != want {
			t.Errorf("\n got %s\nwant %s", err, want)
		}
	}
}

// A server can put anything into what net/http reports.
func TestError_TextOfNetHTTPIsRedactedAndBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3000)
	for name, answer := range map[string]string{
		"header line":  "HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n",
		"status line":  "HTTP/1.1 2x0 " + secret + "\r\n\r\n",
		"long":         "HTTP/1.1 200 OK\r\n" + long + "\r\n\r\n",
		"protocol":     secret + "\r\n\r\n",
		"content type": "HTTP/1.1 200 OK\r\nContent-Type: text/" + secret + "\r\nContent-Length: 1\r\n\r\n<",
		"long type":    "HTTP/1.1 200 OK\r\nContent-Type: text/" + long + "\r\nContent-Length: 1\r\n\r\n<",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serveRaw(t, answer)
			_, err := newClient(t, url).Get(t.Context(), id)
			if err == nil {
				t.Fatal("no error")
			}
			var apiErr *palabra.Error
			if !errors.As(err, &apiErr) || apiErr.Err == nil {
				t.Fatalf("error %#v", err)
			}
			for _, text := range []string{err.Error(), apiErr.Err.Error()} {
				if strings.Contains(text, secret) || strings.ContainsAny(text, "\r\n") || len(text) > 1000 {
					t.Errorf("not fit to be shown: %q", text)
				}
			}
		})
	}
}

// serveRaw answers every request with the same bytes.
func serveRaw(t *testing.T, answer string) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = conn.Write([]byte(answer))
			}
			_ = conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestFingerprint_IsStableAndNotASecret(t *testing.T) {
	t.Parallel()
	pair := newClient(t, "https://example.com")
	if got := pair.Fingerprint(); got != "client_id:client" {
		t.Errorf("pair: %q", got)
	}
	byKey := func(key string) string {
		return newClient(t, "https://example.com", func(c *palabra.Config) { c.ClientID, c.ClientSecret, c.APIKey = "", "", key }).Fingerprint()
	}
	// A literal, because states of earlier versions hold it.
	if got, want := byKey("plbr_key"), "api_key:003cbbf6d3fc"; got != want {
		t.Errorf("key: %q, want %q", got, want)
	}
	if byKey("plbr_key") == byKey("plbr_kez") {
		t.Error("two keys have the same fingerprint")
	}
}

func TestSession_OptionalFieldsOfTheNewestReference(t *testing.T) {
	t.Parallel()
	var sent string
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			line, _ := bufio.NewReader(r.Body).ReadString('\n')
			sent = line
		}
		_, _ = w.Write([]byte(`{"ok":true,"data":{"id":"` + id + `","intent":"event","aggregation_id":"team-a","organization":"acme"}}`))
	}))
	t.Cleanup(listener.Close)
	client := newClient(t, listener.URL)
	created, err := client.Create(t.Context(), palabra.CreateRequest{AggregationID: "team-a"})
	if err != nil || created.Organization != "acme" || sent != `{"data":{"aggregation_id":"team-a"}}` {
		t.Errorf("created %+v, %v; sent %s", created, err, sent)
	}
	got, err := client.Get(t.Context(), id)
	if err != nil || got.Intent != "event" || got.AggregationID != "team-a" || got.Organization != "acme" || got.Listed {
		t.Errorf("got %+v, %v", got, err)
	}
}
