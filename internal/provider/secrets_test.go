package provider_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
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

// secretsConfig has every kind of object that this engine knows on its main
// path.
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

func TestSecrets_StayOutOfEverythingThatIsWritten(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		providerArguments string
		env, wrong        []string
	}{
		"a pair from the environment": {
			env:   []string{"PALABRA_CLIENT_ID=" + testClientID, "PALABRA_CLIENT_SECRET=" + awkwardSecret},
			wrong: []string{"PALABRA_CLIENT_SECRET=" + wrongSecret},
		},
		"a key from an ephemeral variable": {
			providerArguments: "api_key = var.api_key",
			env:               []string{"TF_VAR_api_key=" + awkwardKey},
			wrong:             []string{"TF_VAR_api_key=" + wrongKey},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.providerArguments != "" {
				needs(t, ephemeralResources)
			}
			tokens := &issuedTokens{byIntent: make(map[string][]string)}
			api := sandbox.New(sandbox.Options{ClientID: testClientID, ClientSecret: awkwardSecret, APIKey: awkwardKey})
			server := httptest.NewServer(tokens.watch(api))
			t.Cleanup(server.Close)
			for _, id := range []string{jwtSessionID, testSessionID} {
				api.Put(sandbox.Session{ID: id})
			}

			w := newProcessCLI(t, append(test.env,
				"PALABRA_API_URL="+server.URL, "TF_LOG=TRACE", "TF_LOG_SDK=TRACE", "TF_LOG_SDK_PROTO=TRACE", "TF_LOG_PATH=trace.log")...)
			printed, plans, planJSON := walkMainPath(w, api, test.providerArguments, test.wrong)

			credentials := []string{awkwardSecret, awkwardKey, wrongSecret, wrongKey}
			unstored := credentials
			if testEngine.Has(ephemeralResources) {
				unstored = append(unstored, tokens.signatures(t, "captions")...)
			}
			stored := tokens.signatures(t, "event")
			log := w.read("trace.log")
			expectNoTrace(t, "the log", log, append(unstored, stored...)...)
			expectNoTrace(t, "what the engine printed", printed, append(unstored, stored...)...)
			state := w.read("terraform.tfstate") + w.read("terraform.tfstate.backup")
			expectNoTrace(t, "the state", state, unstored...)
			expectNoTrace(t, "a plan file", plans, unstored...)
			expectNoTrace(t, "a plan as JSON", strings.Join(planJSON, "\n"), unstored...)
			for _, plan := range planJSON {
				expectTokensOnlyWhereSensitive(t, plan, stored)
			}
			expectDebugLines(t, log)
		})
	}
}

// walkMainPath runs everything that a user runs, errors included, and returns
// what was printed, the contents of the plan files, and the plans as JSON.
func walkMainPath(w *cli, api *sandbox.Sandbox, arguments string, wrong []string) (printed, plans string, planJSON []string) {
	var out strings.Builder
	say := func(text string) { out.WriteString(text) }
	plan := func(args ...string) {
		say(w.run(append([]string{"plan", "-out=saved.tfplan"}, args...)...))
		plans += w.unzip("saved.tfplan")
		planJSON = append(planJSON, w.run("show", "-json", "saved.tfplan"))
	}
	apply := func(args ...string) {
		plan(args...)
		say(w.run("apply", "saved.tfplan"))
	}

	w.write(secretsConfig(arguments, 3600, ""))
	apply()
	apply("-refresh-only")
	say(w.run("show"))
	imported := fmt.Sprintf("import {\n  to = palabra_session_expiry.imported\n  id = %q\n}\nresource \"palabra_session_expiry\" \"imported\" {\n  session_id = %q\n  ttl_seconds = 7200\n}\n", testSessionID, testSessionID)
	w.write(secretsConfig(arguments, 7200, imported))
	apply()

	for _, fault := range []sandbox.Effect{
		echoRequest("text/html", http.StatusBadGateway, "<html>%s</html>"),
		echoRequest("application/json", http.StatusForbidden, `{"ok":false,"errors":[{"title":"Forbidden","detail":%q}]}`),
	} {
		remove := api.Inject(sandbox.Fault{Effect: fault})
		say(w.fail("plan"))
		remove()
	}
	for _, effect := range []sandbox.Effect{sandbox.CutAfter(), sandbox.Truncate()} {
		if !testEngine.Has(ephemeralResources) {
			break // No other plan creates a session.
		}
		remove := api.Inject(sandbox.Fault{Operation: sandbox.OperationCreate, Effect: effect})
		say(w.fail("plan"))
		remove()
	}
	good := w.Env
	w.Env = append(slices.Clone(good), wrong...)
	say(w.fail("plan"))
	w.Env = good
	apply("-destroy")
	return out.String(), plans, planJSON
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

// expectTokensOnlyWhereSensitive looks at every string of a plan: one that holds
// a token must be a token attribute, in an object that is marked as sensitive.
func expectTokensOnlyWhereSensitive(t *testing.T, plan string, signatures []string) {
	t.Helper()
	var document any
	if err := json.Unmarshal([]byte(plan), &document); err != nil {
		t.Fatal(err)
	}
	var visit func(path string, value any)
	visit = func(path string, value any) {
		switch value := value.(type) {
		case map[string]any:
			for name, member := range value {
				visit(path+"."+name, member)
			}
		case []any:
			for _, member := range value {
				visit(path, member)
			}
		case string:
			isToken := strings.HasSuffix(path, ".publisher_token") || strings.HasSuffix(path, ".subscriber_tokens")
			if !isToken {
				expectNoTrace(t, "the plan's "+path, value, signatures...)
			}
		}
	}
	visit("plan", document)

	var typed struct {
		ResourceChanges []struct {
			Type   string `json:"type"`
			Change struct {
				Before          map[string]any `json:"before"`
				After           map[string]any `json:"after"`
				BeforeSensitive any            `json:"before_sensitive"`
				AfterSensitive  any            `json:"after_sensitive"`
			} `json:"change"`
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(plan), &typed); err != nil {
		t.Fatal(err)
	}
	for _, change := range typed.ResourceChanges {
		if change.Type != "palabra_session" {
			continue
		}
		expectMarked(t, change.Change.Before, change.Change.BeforeSensitive)
		expectMarked(t, change.Change.After, change.Change.AfterSensitive)
	}
}

// expectMarked checks the tokens that are known.
func expectMarked(t *testing.T, values map[string]any, marks any) {
	t.Helper()
	marked, _ := marks.(map[string]any)
	for _, attribute := range []string{"publisher_token", "subscriber_tokens"} {
		if values[attribute] != nil && marked[attribute] != true {
			t.Errorf("the plan does not mark %s as sensitive: %v", attribute, marks)
		}
	}
}

// expectDebugLines checks that the log is of use, and shortens session ids.
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
