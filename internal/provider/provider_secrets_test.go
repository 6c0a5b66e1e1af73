package provider

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const (
	awkwardSecret = "c1ient-secret/+&%=?<9f4e2a>"
	awkwardKey    = "plbr_k3y/+&%=?<77aa01>"
	wrongSecret   = "wr0ng-secret/+&%=?<55bb>"
	wrongKey      = "plbr_wr0ng/+&%=?<66cc>"
	// jwtSessionID has the form that a live probe has seen.
	jwtSessionID = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0LXVzZXIiLCJzaWQiOiJmZWM2YjhmYSJ9.c2lnbmF0dXJlLW9mLXRoZS1zZXNzaW9uLWlk"
)

// secretsConfig has every kind of object that this engine knows.
func secretsConfig(providerArguments string, ttl int, extra string) string {
	if testEngine.Has(ephemeralResources) {
		extra += `
variable "api_key" {
  type      = string
  default   = null
  ephemeral = true
  sensitive = true
}
ephemeral "palabra_session" "short" {
  intent           = "captions"
  subscriber_count = 2
  ttl_seconds      = 600
}
`
	}
	return fmt.Sprintf(`
provider "palabra" {
  max_retries = 1
  %s
}
resource "palabra_session" "managed" {
  intent           = "event"
  subscriber_count = 2
  ttl_seconds      = %d
}
resource "palabra_session_expiry" "given" {
  session_id  = %q
  ttl_seconds = %d
}
data "palabra_session" "one" { id = palabra_session_expiry.given.id }
data "palabra_sessions" "all" {}
%s`, providerArguments, ttl, jwtSessionID, ttl, extra)
}

// pairEnv and keyEnv are the environment with credentials of one user: the key comes
// from an ephemeral variable where the engine knows those.
func pairEnv(secret string) []string {
	return []string{"PALABRA_CLIENT_ID=" + testClientID, "PALABRA_CLIENT_SECRET=" + secret}
}

func keyEnv(key string) []string {
	if testEngine.Has(ephemeralResources) {
		return []string{"TF_VAR_api_key=" + key}
	}
	return []string{"PALABRA_API_KEY=" + key}
}

// tokenMembers are the members of a plan as JSON that may hold tokens.
var tokenMembers = regexp.MustCompile(`"(publisher_token|subscriber_tokens)":("[^"]*"|\[[^]]*\])`)

func TestProviderSecrets_StayOutOfEverythingThatIsWritten(t *testing.T) {
	t.Parallel()
	api := sandbox.New(sandbox.Options{ClientID: testClientID, ClientSecret: awkwardSecret, APIKey: awkwardKey})
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	for _, id := range []string{jwtSessionID, testSessionID} {
		api.Put(sandbox.Session{ID: id})
	}
	w := &mainPath{api: api, cli: newProcessCLI(t,
		"PALABRA_API_URL="+server.URL, "TF_LOG=TRACE", "TF_LOG_SDK=TRACE", "TF_LOG_SDK_PROTO=TRACE", "TF_LOG_PATH=trace.log")}
	w.walk()

	log := w.read("trace.log")
	expectNoSecrets(t, "the log", log, "")
	expectNoSecrets(t, "what the engine printed", w.printed.String(), "")
	expectNoSecrets(t, "the state", w.read("terraform.tfstate")+w.read("terraform.tfstate.backup"), w.managed)
	expectNoSecrets(t, "a plan file", w.plans, w.managed)
	for _, plan := range w.planJSON {
		expectNoSecrets(t, "a plan as JSON", plan, w.managed)
		expectNoSecrets(t, "the plan beside the tokens", tokenMembers.ReplaceAllString(plan, ""), "")
	}
	expectDebugLines(t, log)
}

// mainPath runs the commands of a user, errors included, and collects the printed
// texts, the contents of the plan files, and the plans as JSON.
type mainPath struct {
	*cli
	api      *sandbox.Sandbox
	printed  strings.Builder
	plans    string
	planJSON []string
	// managed is the id of the palabra_session.
	managed string
}

func (w *mainPath) apply(args ...string) {
	w.t.Helper()
	w.printed.WriteString(w.run(append([]string{"plan", "-out=saved.tfplan"}, args...)...))
	w.plans += w.unzip("saved.tfplan")
	w.planJSON = append(w.planJSON, w.run("show", "-json", "saved.tfplan"))
	w.printed.WriteString(w.run("apply", "saved.tfplan"))
}

// unzip returns the contents of all files in a plan file.
func (c *cli) unzip(name string) string {
	c.t.Helper()
	archive := must(zip.OpenReader(filepath.Join(c.Dir, name)))
	defer func() { _ = archive.Close() }()
	var all strings.Builder
	for _, file := range archive.File {
		must(io.Copy(&all, must(file.Open()))) // #nosec G110 -- a plan file of our own making
	}
	return all.String()
}

func (w *mainPath) walk() {
	w.t.Helper()
	env, keyArgument := w.Env, ""
	if testEngine.Has(ephemeralResources) {
		keyArgument = "api_key = var.api_key"
	}
	w.Env = slices.Concat(env, pairEnv(awkwardSecret))
	w.write(secretsConfig("", 3600, ""))
	w.apply()
	w.apply("-refresh-only")
	w.managed, _ = w.values("palabra_session.managed")["id"].(string)
	if tokens := issuedToken.FindAllString(w.read("terraform.tfstate"), -1); len(tokens) < 3 {
		w.t.Errorf("%d tokens in the state, want those of the managed session", len(tokens))
	}
	w.printed.WriteString(w.run("show"))
	w.fails(slices.Concat(env, pairEnv(wrongSecret)), sandbox.CutAfter())

	w.Env = slices.Concat(env, keyEnv(awkwardKey))
	w.write(secretsConfig(keyArgument, 7200, fmt.Sprintf(`
import {
  to = palabra_session_expiry.imported
  id = %[1]q
}
resource "palabra_session_expiry" "imported" {
  session_id  = %[1]q
  ttl_seconds = 7200
}`, testSessionID)))
	w.apply()
	w.fails(slices.Concat(env, keyEnv(wrongKey)), sandbox.Truncate())
	w.apply("-destroy")
}

// fails plans against an API that repeats what it was sent, one that loses a
// creation, and with wrong credentials.
func (w *mainPath) fails(wrong []string, lost sandbox.Effect) {
	w.t.Helper()
	plan := func(faults ...sandbox.Fault) {
		for _, fault := range faults {
			defer w.api.Inject(fault)()
		}
		w.printed.WriteString(w.fail("plan"))
	}
	// Apart: after a list refused, the client sends nothing else with these credentials.
	for _, echo := range []sandbox.Effect{
		echoRequest("text/html", http.StatusBadGateway, "<html>%s</html>"),
		echoRequest("application/json", http.StatusForbidden, `{"ok":false,"errors":[{"title":"Forbidden","detail":%q}]}`),
	} {
		plan(sandbox.Fault{Operation: sandbox.OperationGet, Effect: echo}, sandbox.Fault{Operation: sandbox.OperationList, Effect: echo})
	}
	if testEngine.Has(ephemeralResources) { // No other plan creates a session.
		plan(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: lost})
	}
	right := w.Env
	w.Env = wrong
	plan()
	w.Env = right
}

// echoRequest answers with everything that the request said, as debug pages of
// gateways do.
func echoRequest(contentType string, status int, format string) sandbox.Effect {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		var said bytes.Buffer
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			fmt.Fprintf(&said, "%s: %s ", name, strings.Join(r.Header[name], " "))
		}
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, format, said.String())
	}
}

// expectDebugLines expects useful lines in the log, with shortened session ids.
func expectDebugLines(t *testing.T, log string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "palabra_api") {
			lines = append(lines, line)
		}
	}
	if !strings.Contains(log, "sdk.proto") || !strings.Contains(log, "terraform-provider-palabra") {
		t.Error("the log lacks the lines of the SDK or of the engine, so what they leak would not show")
	}
	all := strings.Join(lines, "")
	for _, want := range []string{"[DEBUG]", "method=GET", "method=POST", "method=DELETE", "status=200", "status=204", "status=502", "duration=", "retry=0", "retry=1", "/session-storage/sessions/eyJhbG"} {
		if !strings.Contains(all, want) {
			t.Errorf("the API's lines in the log lack %q", want)
		}
	}
	for _, id := range []string{jwtSessionID, testSessionID} {
		if strings.Contains(all, id) {
			t.Errorf("the API's lines in the log hold the whole session id %s", id)
		}
	}
}

// issuedToken is a token that a create has answered. Its second part names the session.
var issuedToken = regexp.MustCompile(`eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]+`)

// expectNoSecrets expects neither credentials nor tokens, but those of a session that
// belong there.
func expectNoSecrets(t *testing.T, where, text, session string) {
	t.Helper()
	for _, secret := range []string{awkwardSecret, awkwardKey, wrongSecret, wrongKey} {
		asJSON, _ := json.Marshal(secret)
		quoted := strings.Trim(strconv.Quote(secret), `"`)
		for _, disguised := range []string{secret, strings.Trim(string(asJSON), `"`), quoted, url.QueryEscape(secret), url.PathEscape(secret)} {
			if at := strings.Index(text, disguised); at >= 0 {
				t.Errorf("%s holds the secret %q: …%s…", where, secret, text[max(0, at-200):min(len(text), at+len(disguised)+50)])
			}
		}
	}
	// In a plan file, the byte after the id may be one of a token.
	for _, token := range issuedToken.FindAllStringSubmatch(strings.ReplaceAll(text, jwtSessionID, ""), -1) {
		payload, _ := base64.RawURLEncoding.DecodeString(token[1])
		if session == "" || !strings.Contains(string(payload), session) {
			t.Errorf("%s holds the token %s of %s", where, token[0], payload)
		}
	}
}
