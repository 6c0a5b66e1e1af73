package provider

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// liveAccount is what "make testacc" tests, read before TestMain clears the
// environment; nil in every other run, which tests sandboxes.
var liveAccount = func() *palabra.Config {
	if os.Getenv("PALABRA_LIVE") == "" {
		return nil
	}
	return &palabra.Config{
		Endpoint: os.Getenv("PALABRA_API_URL"), ClientID: os.Getenv("PALABRA_CLIENT_ID"),
		ClientSecret: os.Getenv("PALABRA_CLIENT_SECRET"), APIKey: os.Getenv("PALABRA_API_KEY"), MaxRetries: 4,
	}
}()

// TestContract_SessionLivesAndEnds works on a session of its own and always deletes
// it. It asserts nothing about the rest of the account.
func TestContract_SessionLivesAndEnds(t *testing.T) {
	t.Parallel()
	account := palabra.Config{Endpoint: newFixture(t).url, ClientID: testClientID, ClientSecret: testClientSecret}
	if liveAccount != nil {
		account = *liveAccount
	}
	client, err := palabra.New(account)
	if err != nil {
		t.Fatal(err)
	}
	created, err := client.Create(t.Context(), palabra.CreateRequest{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		if err := client.Delete(context.WithoutCancel(t.Context()), created.ID); err != nil && !errors.Is(err, palabra.ErrNotFound) {
			t.Errorf("session %s is left behind: %v", palabra.ShortenID(created.ID), err)
		}
	})
	c := newCLI(t)
	configure := func(ttl int) {
		var arguments strings.Builder
		for name, value := range map[string]string{
			"endpoint": account.Endpoint, "client_id": account.ClientID, "client_secret": account.ClientSecret, "api_key": account.APIKey,
		} {
			if value != "" {
				fmt.Fprintf(&arguments, "  %s = %q\n", name, value)
			}
		}
		c.write(fmt.Sprintf("provider \"palabra\" {\n%s}\n", arguments.String()) + fmt.Sprintf(`
data "palabra_session" "one" { id = %[1]q }
data "palabra_sessions" "own" { id_prefix = %[1]q }
resource "palabra_session_expiry" "test" {
  session_id  = %[1]q
  ttl_seconds = %[2]d
}`, created.ID, ttl))
	}
	configure(3600)
	c.run("apply", "-auto-approve")
	if ids, _ := c.values("palabra_sessions.own")["ids"].([]any); len(ids) != 1 || ids[0] != created.ID {
		t.Errorf("the list by the whole id has %d sessions", len(ids))
	}
	for _, values := range []map[string]any{c.values("palabra_session.one"), c.values(expiryAddress)} {
		if text, _ := values["expires_at"].(string); !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`).MatchString(text) {
			t.Errorf("expires_at: %q", text)
		}
	}
	c.run("plan", "-detailed-exitcode") // It fails if anything is to change.
	configure(7200)
	if actions, _ := c.plan(); actions[expiryAddress] != "update" {
		t.Errorf("plan of another lifetime: %v", actions)
	}
	c.run("apply", "tfplan")
	c.run("state", "rm", expiryAddress)
	c.run("import", expiryAddress, created.ID)
	c.run("destroy", "-auto-approve")
	if _, err := client.Get(t.Context(), created.ID); !errors.Is(err, palabra.ErrNotFound) {
		t.Errorf("after the destroy: %v, want ErrNotFound", err)
	}
	wrong, err := palabra.New(palabra.Config{Endpoint: account.Endpoint, ClientID: "not-a-client", ClientSecret: "not-a-secret"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Get(t.Context(), created.ID); !errors.Is(err, palabra.ErrUnauthorized) {
		t.Errorf("with wrong credentials: %v, want ErrUnauthorized", err)
	}
}

// question is a request whose answer the documentation of the API leaves open.
type question struct {
	about, method, path, body string
	// keep names the id or the page token of the answer for later paths.
	keep string
	// wait is before the request: timestamps are whole seconds.
	wait  time.Duration
	wrong bool // credentials
}

func questions() []question {
	ttl := func(about, id, query, body string) question {
		q := question{about: about, method: http.MethodPost, path: "/sessions/" + id}
		if query != "" {
			q.path += "?ttl_seconds=" + query
		}
		if body != "" {
			q.body = `{"data":{"ttl_seconds":` + body + `}}`
		}
		return q
	}
	get := func(about, path string) question { return question{about: about, method: http.MethodGet, path: path} }
	del := func(about, id string) question {
		return question{about: about, method: http.MethodDelete, path: "/sessions/" + id}
	}
	all := []question{
		{about: "Create", method: http.MethodPost, path: "/session", body: `{"data":{}}`, keep: "{a}"},
		get("Read", "/sessions/{a}"),
		{about: "Create with two subscribers", method: http.MethodPost, path: "/session", body: `{"data":{"subscriber_count":2}}`, keep: "{b}"},
		get("List", "/sessions"),
		{about: "Page of 1", method: http.MethodGet, path: "/sessions?page_size=1", keep: "{next}"},
		get("Next page with a size", "/sessions?page_size=1&page_token={next}"),
		get("Next page without a size", "/sessions?page_token={next}"),
		get("Token of no list", "/sessions?page_token=not-a-token"),
		get("Page size of 0", "/sessions?page_size=0"),
		get("Page size of 101", "/sessions?page_size=101"),
		ttl("TTL in query and body", "{a}", "3600", "3600"),
		ttl("TTL in the query alone", "{a}", "3600", ""),
		ttl("TTL in the body alone", "{a}", "", "3600"),
	}
	all[10].wait = 2 * time.Second
	for _, seconds := range []string{"31536000", "2147483648", "1.5", "0", "-1", "1"} {
		all = append(all, ttl("TTL of "+seconds, "{b}", seconds, seconds))
	}
	ended := get("Read of an ended session", "/sessions/{b}")
	ended.wait = 3 * time.Second
	all = append(all, ended, get("List after the end", "/sessions"), ttl("TTL of an ended session", "{b}", "60", "60"), del("Delete of an ended session", "{b}"))
	for _, q := range []question{all[3], all[1], all[10], all[0], del("Delete", "{a}")} {
		q.about, q.wrong, q.keep = "Wrong credentials: "+q.about, true, "{wrong}"
		all = append(all, q)
	}
	return append(all, del("Delete", "{a}"), del("Second delete", "{a}"), get("Read of a deleted session", "/sessions/{a}"))
}

// interview asks an API without the client, which hides shapes, statuses and words.
type interview struct {
	t       *testing.T
	account palabra.Config
	wait    func(time.Duration)
	kept    map[string]string
}

// report is a line of Markdown for each question, without ids or secrets.
func (i *interview) report() string {
	i.t.Cleanup(func() {
		for _, name := range []string{"{a}", "{b}", "{wrong}"} {
			if status := i.send(question{method: http.MethodDelete, path: "/sessions/" + name}).StatusCode; i.kept[name] != "" && status != http.StatusNoContent && status != http.StatusNotFound {
				i.t.Errorf("session %s is left behind: HTTP %d", name, status)
			}
		}
	})
	var lines strings.Builder
	for _, q := range questions() {
		i.wait(q.wait)
		fmt.Fprintf(&lines, "- **%s:** %s", q.about, i.answer(q))
		if strings.Contains(q.about, "TTL") && !q.wrong {
			fmt.Fprintf(&lines, "; then %s", i.answer(question{method: http.MethodGet, path: "/sessions/" + q.path[len("/sessions/"):len("/sessions/{a}")]}))
		}
		lines.WriteString("\n")
	}
	return lines.String()
}

func (i *interview) answer(q question) string {
	resp := i.send(q)
	if resp.Body == nil {
		return resp.Status
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	var body any
	content, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if len(content) > 0 && json.Unmarshal(content, &body) != nil {
		body = "not JSON"
	}
	if found := find(body, "id", "next_page_token", "next"); q.keep != "" && resp.StatusCode < 300 {
		i.kept[q.keep] = found
	}
	line := fmt.Sprintf("HTTP %d at %s", resp.StatusCode, resp.Header.Get("Date"))
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		if regexp.MustCompile(`(?i)rate|retry|request-id|correlation`).MatchString(name) {
			line += ", `" + name + "`"
		}
	}
	if body != nil || err != nil {
		line += ", " + i.render("", body)
	}
	return line
}

// find returns the first string with one of the names.
func find(value any, names ...string) string {
	object, _ := value.(map[string]any)
	for _, name := range names {
		if text, _ := object[name].(string); text != "" {
			return text
		}
	}
	if data, ok := object["data"]; ok {
		return find(data, names...)
	}
	return ""
}

// send returns a response without a body if it gets none.
func (i *interview) send(q question) *http.Response {
	path := q.path
	for name, value := range i.kept {
		if value != "" {
			path = strings.ReplaceAll(path, name, url.QueryEscape(value))
		}
	}
	if strings.Contains(path, "{") {
		return &http.Response{Status: "not asked, for lack of " + q.path}
	}
	// Sessions are deleted after the test's own context has ended.
	req, err := http.NewRequestWithContext(context.WithoutCancel(i.t.Context()), q.method,
		strings.TrimRight(cmp.Or(i.account.Endpoint, palabra.DefaultEndpoint), "/")+"/session-storage"+path, strings.NewReader(q.body))
	if err != nil {
		i.t.Fatal(i.redact(err.Error()))
	}
	if q.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	suffix := ""
	if q.wrong {
		suffix = "-wrong"
	}
	if i.account.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+i.account.APIKey+suffix)
	} else {
		req.Header["ClientID"], req.Header["ClientSecret"] = []string{i.account.ClientID}, []string{i.account.ClientSecret + suffix}
	}
	client := http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req) // #nosec G704 -- the endpoint is the one that the tester chose
	if err != nil {
		return &http.Response{Status: "no answer"}
	}
	return resp
}

// spoken are the members of an error that hold words.
var spoken = []string{"title", "detail", "error", "message"}

// render shows numbers, timestamps and the words of errors. Of other texts it shows
// the lengths of their parts: an id is "12.8.8", a JWT "36.74.43".
func (i *interview) render(name string, value any) string {
	switch value := value.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, value); err == nil || slices.Contains(spoken, name) {
			return i.redact(value)
		}
		for known, id := range i.kept {
			if value == id {
				return known
			}
		}
		return regexp.MustCompile(`[\w-]+`).ReplaceAllStringFunc(value, func(part string) string { return strconv.Itoa(len(part)) })
	case []any:
		text := "list of " + strconv.Itoa(len(value))
		for at, item := range value {
			if id := i.render("", find(item, "id")); at == 0 {
				text += ": " + i.render("", item)
			} else if strings.HasPrefix(id, "{") {
				text += ", " + id
			}
		}
		return text
	case map[string]any:
		var members []string
		for _, name := range slices.Sorted(maps.Keys(value)) {
			members = append(members, "`"+name+"` "+i.render(name, value[name]))
		}
		return "{" + strings.Join(members, ", ") + "}"
	default:
		return fmt.Sprint(value)
	}
}

// redact shortens the words of an error and removes what is private.
func (i *interview) redact(text string) string {
	for _, secret := range []string{i.account.ClientSecret, i.account.ClientID, i.account.APIKey, i.kept["{a}"], i.kept["{b}"]} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	runes := []rune(strings.Join(strings.Fields(text), " "))
	return string(runes[:min(120, len(runes))])
}

// TestContract_ReportShowsHowTheAPIAnswers prints the report of a live account. In
// other runs it shows that the report tells versions of the API apart.
func TestContract_ReportShowsHowTheAPIAnswers(t *testing.T) {
	t.Parallel()
	if liveAccount != nil {
		report := (&interview{t: t, account: *liveAccount, wait: time.Sleep, kept: make(map[string]string)}).report()
		_, _ = fmt.Fprintf(os.Stdout, "### What the Session Storage API answers\n\n%s", report)
		return
	}
	for name, test := range map[string]struct {
		options func(*sandbox.Options)
		account palabra.Config
		want    []string // patterns of lines
	}{
		"as documented": {func(*sandbox.Options) {}, palabra.Config{ClientID: testClientID, ClientSecret: testClientSecret}, []string{
			"Create:.* HTTP 201 at .* 2031 .*`id` {a}, .*`publisher` \\d+\\.\\d+\\.\\d+, `subscriber` list of 0",
			"Read:.* HTTP 200 .*`created_at` 2031-03-14T09:26:53Z, `expires_at` 2031-04-13T09:26:53Z, `id` {a}",
			"Create with two subscribers:.*`subscriber` list of 2",
			"List:.* HTTP 200 .*list of 2: .*`id` {[ab]}.*, {[ab]}}",
			"Next page with a size:.* HTTP 200 .*list of 1",
			"Page of 1:.*`next_page_token` {next}",
			"Page size of 101:.* HTTP 422",
			"TTL in query and body:.* HTTP 204 .*; then HTTP 200 .*`expires_at` 2031-03-14T10:26:55Z",
			"TTL in the body alone:.* HTTP 400",
			"Read of an ended session:.* HTTP 404 .*Session not found",
			"List after the end:.*list of 1: .*`id` {a}",
			"Wrong credentials: Create:.* HTTP 401",
			"Second delete:.* HTTP 404",
		}},
		"another version": {func(o *sandbox.Options) {
			o.Envelope, o.BadCredentialsStatus, o.JWTIDs, o.MaxTTL = sandbox.EnvelopeItems, http.StatusNotFound, true, 10*time.Minute
		}, palabra.Config{APIKey: testAPIKey}, []string{
			"List:.*`items` list of 2",
			"TTL in the query alone:.*; then HTTP 200 .*`expires_at` 2031-03-14T09:36:55Z",
			"Wrong credentials: Read:.* HTTP 404",
		}},
		"refused": {func(o *sandbox.Options) { o.SessionLimit = 1 }, palabra.Config{ClientID: testClientID, ClientSecret: testClientSecret}, []string{
			"Create with two subscribers:.* HTTP 403", "TTL of 1:.* not asked", "Next page with a size:.* not asked",
		}},
		"repeating": {func(*sandbox.Options) {}, palabra.Config{ClientID: testClientID, ClientSecret: testClientSecret}, []string{
			"Create:.* HTTP 403 .*`detail` No balance for … of …, `error_code` 100050",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, test.options)
			if name == "repeating" {
				f.Inject(sandbox.Fault{Effect: sandbox.NotOK(http.StatusForbidden, "Forbidden resource", "No balance for "+testClientSecret+" of "+testClientID, 100050)})
			}
			i := &interview{t: t, account: test.account, wait: f.clock.Advance, kept: make(map[string]string)}
			i.account.Endpoint = f.url
			report := i.report()
			for _, want := range test.want {
				if !regexp.MustCompile(`(?m)^- \*\*` + want).MatchString(report) {
					t.Errorf("no line %q in:\n%s", want, report)
				}
			}
			for _, private := range []string{i.kept["{a}"], "sandbox-user", testClientID, testClientSecret, testAPIKey, "eyJ"} {
				if private != "" && strings.Contains(report, private) {
					t.Errorf("the report shows %q", private)
				}
			}
			if len(f.Sessions()) > 0 {
				t.Errorf("sessions left: %d", len(f.Sessions()))
			}
		})
	}
}
