package provider

import (
	"bytes"
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
	c := newProcessCLI(t, "PALABRA_API_URL="+account.Endpoint, "PALABRA_CLIENT_ID="+account.ClientID,
		"PALABRA_CLIENT_SECRET="+account.ClientSecret, "PALABRA_API_KEY="+account.APIKey)
	configure := func(ttl int) {
		c.write(fmt.Sprintf(`
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
	account.ClientID, account.ClientSecret, account.APIKey = "not-a-client", "not-a-secret", ""
	wrong, err := palabra.New(account)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Get(t.Context(), created.ID); !errors.Is(err, palabra.ErrUnauthorized) {
		t.Errorf("with wrong credentials: %v, want ErrUnauthorized", err)
	}
}

// questions are requests whose answers the documentation of the API leaves open. What
// follows ">" stands for the id or the page token of the answer in later requests.
// Timestamps are whole seconds, so some questions wait.
const questions = `
POST /session {"data":{}} > {a}
GET /sessions/{a}
POST /session {"data":{"subscriber_count":2}} > {b}
GET /sessions
GET /sessions?page_size=1 > {next}
GET /sessions?page_size=1&page_token={next}
GET /sessions?page_token={next}
GET /sessions?page_token=not-a-token
GET /sessions?page_size=0
GET /sessions?page_size=101
wait 2s
POST /sessions/{a}?ttl_seconds=3600 {"data":{"ttl_seconds":3600}}
POST /sessions/{a}?ttl_seconds=3600
POST /sessions/{a} {"data":{"ttl_seconds":3600}}
POST /sessions/{b}?ttl_seconds=31536000
POST /sessions/{b}?ttl_seconds=2147483648
POST /sessions/{b}?ttl_seconds=1.5
POST /sessions/{b}?ttl_seconds=0
POST /sessions/{b}?ttl_seconds=-1
POST /sessions/{b}?ttl_seconds=1
wait 3s
GET /sessions/{b}
GET /sessions
POST /sessions/{b}?ttl_seconds=60
DELETE /sessions/{b}
wrong GET /sessions
wrong GET /sessions/{a}
wrong POST /sessions/{a}?ttl_seconds=3600
wrong POST /session {"data":{}} > {wrong}
wrong DELETE /sessions/{a}
DELETE /sessions/{a}
DELETE /sessions/{a}
GET /sessions/{a}`

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
			if said := i.ask("DELETE /sessions/" + name); !regexp.MustCompile("HTTP (204|404)|not asked").MatchString(said) {
				i.t.Errorf("session %s is left behind: %s", name, said)
			}
		}
	})
	var lines strings.Builder
	for question := range strings.SplitSeq(strings.TrimSpace(questions), "\n") {
		if pause, err := time.ParseDuration(strings.TrimPrefix(question, "wait ")); err == nil {
			i.wait(pause)
			continue
		}
		fmt.Fprintf(&lines, "- `%s`: %s", question, i.ask(question))
		if path, ok := strings.CutPrefix(question, "POST /sessions/"); ok { // The answer to a TTL says nothing.
			fmt.Fprintf(&lines, "; then %s", i.ask("GET /sessions/"+path[:len("{a}")]))
		}
		lines.WriteString("\n")
	}
	return lines.String()
}

func (i *interview) ask(question string) string {
	request, wrong := strings.CutPrefix(question, "wrong ")
	request, keep, _ := strings.Cut(request, " > ")
	for name, value := range i.kept {
		request = strings.ReplaceAll(request, name, url.QueryEscape(value))
	}
	method, path, _ := strings.Cut(request, " ")
	path, body, _ := strings.Cut(path, " ")
	if strings.Contains(path, "{") {
		return "not asked"
	}
	// Sessions are deleted after the test's own context has ended.
	req, err := http.NewRequestWithContext(context.WithoutCancel(i.t.Context()), method,
		strings.TrimRight(cmp.Or(i.account.Endpoint, palabra.DefaultEndpoint), "/")+"/session-storage"+path, strings.NewReader(body))
	if err != nil {
		i.t.Fatal(i.redact(err.Error()))
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	suffix := ""
	if wrong {
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
		return "no answer"
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	content, _ := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	member := "id"
	if keep == "{next}" {
		member = "next_page_token|next"
	}
	if found := regexp.MustCompile(`"(?:` + member + `)": ?"([^"]+)"`).FindSubmatch(content); keep != "" && found != nil {
		i.kept[keep] = string(found[1])
	}
	line := fmt.Sprintf("HTTP %d at %s", resp.StatusCode, resp.Header.Get("Date"))
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		if regexp.MustCompile(`(?i)rate|retry|request-id|correlation`).MatchString(name) {
			line += ", `" + name + "`"
		}
	}
	return strings.TrimSpace(line + " " + i.shape(content))
}

// shape shows the numbers, the timestamps and the words of errors. Of other texts it
// shows the lengths of their parts: an id is "12.8.8", a JWT "36.74.43".
func (i *interview) shape(body []byte) string {
	var compact bytes.Buffer
	if len(body) > 0 && json.Compact(&compact, body) != nil {
		return fmt.Sprintf("%d bytes that are not JSON", len(body))
	}
	member := ""
	return regexp.MustCompile(`"(?:[^"\\]|\\.)*":?`).ReplaceAllStringFunc(compact.String(), func(text string) string {
		value := strings.Trim(text, `"`)
		if name, ok := strings.CutSuffix(value, `":`); ok {
			member = name
			return text
		}
		if _, err := time.Parse(time.RFC3339, value); err == nil || slices.Contains([]string{"title", "detail", "error", "message"}, member) {
			return i.redact(value)
		}
		for name, id := range i.kept {
			if value == id {
				return name
			}
		}
		return regexp.MustCompile(`[\w-]+`).ReplaceAllStringFunc(value, func(part string) string { return strconv.Itoa(len(part)) })
	})
}

// redact shortens the words of an error and removes what is private.
func (i *interview) redact(text string) string {
	for _, secret := range []string{i.account.ClientSecret, i.account.ClientID, i.account.APIKey, i.kept["{a}"], i.kept["{b}"]} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return string([]rune(text)[:min(120, len([]rune(text)))])
}

// TestContract_ReportShowsHowTheAPIAnswers prints the report of a live account. Other
// runs show that it has the answers, and nothing private.
func TestContract_ReportShowsHowTheAPIAnswers(t *testing.T) {
	t.Parallel()
	if liveAccount != nil {
		report := (&interview{t: t, account: *liveAccount, wait: time.Sleep, kept: make(map[string]string)}).report()
		_, _ = fmt.Fprintf(os.Stdout, "### What the Session Storage API answers\n\n%s", report)
		return
	}
	type row struct {
		fault sandbox.Effect
		want  []string // patterns of lines
	}
	eachRow(t, map[string]row{
		"as documented": {nil, []string{
			`POST /session {"data":{}} > {a}.: HTTP 201 at .* 2031 .*"id":{a},.*"publisher":\d+\.\d+\.\d+,"subscriber":\[\],`,
			`GET /sessions/{a}.: HTTP 200 .*"created_at":2031-03-14T09:26:53Z,.*"expires_at":2031-04-13T09:26:53Z`,
			`POST .*"subscriber_count":2.*"subscriber":\[[\d.]+,[\d.]+\]`,
			`GET /sessions.: HTTP 200 .*"id":{[ab]},.*"id":{[ab]},`,
			`GET /sessions.page_size=1 > {next}.: .*"next_page_token":{next}`,
			`GET /sessions.page_size=1&page_token={next}.: HTTP 200 `,
			`GET /sessions.page_size=101.: HTTP 422`,
			`POST /sessions/{a}.ttl_seconds=3600.: HTTP 204 .*; then HTTP 200 .*"expires_at":2031-03-14T10:26:55Z`,
			`POST /sessions/{a} .*: HTTP 400`,
			`GET /sessions/{b}.: HTTP 404 .*Session not found`,
			`wrong POST /session .*: HTTP 401`,
			`DELETE /sessions/{a}.: HTTP 404`,
		}},
		"refusing": {sandbox.NotOK(http.StatusForbidden, "Forbidden", "No balance for "+testClientSecret+" of "+testClientID, 100050), []string{
			`POST /session .*: HTTP 403 .*"detail":No balance for … of …,"error_code":100050`,
			`POST /sessions/{b}.ttl_seconds=1.: not asked`,
		}},
	}, func(t *testing.T, test row) {
		f := newFixture(t)
		if test.fault != nil {
			f.Inject(sandbox.Fault{Effect: test.fault})
		}
		account := palabra.Config{Endpoint: f.url, ClientID: testClientID, ClientSecret: testClientSecret}
		i := &interview{t: t, account: account, wait: f.clock.Advance, kept: make(map[string]string)}
		report := i.report()
		for _, want := range test.want {
			if !regexp.MustCompile("(?m)^- `" + want).MatchString(report) {
				t.Errorf("no line %q in:\n%s", want, report)
			}
		}
		for _, private := range []string{i.kept["{a}"], "sandbox-user", testClientID, testClientSecret, "eyJ"} {
			if private != "" && strings.Contains(report, private) {
				t.Errorf("the report shows %q", private)
			}
		}
		if len(f.Sessions()) > 0 {
			t.Errorf("sessions left: %d", len(f.Sessions()))
		}
	})
}
