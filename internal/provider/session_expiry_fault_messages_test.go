package provider_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// configWith is the fixture's configuration with settings of the provider added.
func (f *fixture) configWith(settings, body string) string {
	return strings.Replace(f.config(body), "provider \"palabra\" {", "provider \"palabra\" {\n  "+settings, 1)
}

// TestSessionExpiry_FaultIsAClearErrorAndTheStateIsKept: whatever the API answers to a
// plan, the message says what happened to which session and what to do, and the
// next plan finds everything as it was.
func TestSessionExpiry_FaultIsAClearErrorAndTheStateIsKept(t *testing.T) {
	t.Parallel()
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	t.Cleanup(elsewhere.Close)

	const again = "Nothing was removed from the state, and the command can be run again."
	f := newFixture(t)
	f.putSession(testSessionID, 30*24*time.Hour)
	c := newCLI(t)
	c.write(f.configWith(`max_retries = 0`, expiryConfig(3600, "")))
	c.run("apply", "-auto-approve")
	stored := c.values(expiryAddress)
	hurried := f.configWith("max_retries = 0\n  request_timeout = \"2s\"", expiryConfig(3600, ""))

	for _, test := range []struct {
		name   string
		effect sandbox.Effect
		want   []string
	}{
		{"gateway error", sandbox.HTMLError(http.StatusBadGateway), []string{"HTTP 502 Bad Gateway", "text/html", again}},
		{"rate limit", sandbox.RateLimited("1"), []string{"HTTP 429", "lower -parallelism, or raise max_retries"}},
		{"cut connection", sandbox.CutBefore(), []string{"EOF", again}},
		{"cut answer", sandbox.CutBody(), []string{"unexpected EOF", again}},
		{"truncated JSON", sandbox.Truncate(), []string{"not JSON, or cut off, at byte", again}},
		{"login page", sandbox.Replace(http.StatusOK, "text/html", "<html>Sign in</html>"), []string{"the answer (text/html) cannot be used", again}},
		{"no content", sandbox.Replace(http.StatusNoContent, "", ""), []string{"204 without a body", again}},
		{"null", sandbox.Replace(http.StatusOK, "application/json", `{"data":null}`), []string{"holds no session", again}},
		{"another session", sandbox.Replace(http.StatusOK, "application/json", `{"data":{"id":"somebody.else"}}`), []string{"it is for another session", again}},
		{"endless answer", sandbox.EndlessBody(), []string{"larger than the limit of 8388608 bytes", again}},
		{"compressed bomb", sandbox.GzipBomb(64 << 20), []string{"larger than the limit of 8388608 bytes", again}},
		{"deep JSON", sandbox.DeepJSON(100_000), []string{"it is not JSON", again}},
		{"redirect", sandbox.Redirect(elsewhere.URL), []string{"HTTP 307", "redirects are not followed because they would carry the credentials along"}},
		{"credentials refused with 401", sandbox.RefuseCredentials(401), []string{"refused the credentials from the client_id attribute", "Nothing was removed from the state."}},
		{"credentials refused with 404", sandbox.RefuseCredentials(404), []string{"refused the credentials from the client_id attribute", "Nothing was removed from the state."}},
		{"no answer in time", sandbox.Delay(time.Hour), []string{"no complete answer in time", again}},
	} {
		if test.name == "no answer in time" {
			c.write(hurried)
		}
		remove := f.Inject(sandbox.Fault{Effect: test.effect})
		said := c.fail("plan")
		remove()
		for _, want := range append(test.want, "Unable to read session", testSessionID) {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q is missing in: %s", test.name, want, said)
			}
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d requests followed the redirect", n)
	}
	c.write(f.config(expiryConfig(3600, "")))
	c.run("plan", "-detailed-exitcode")
	if now := c.values(expiryAddress); now["expires_at"] != stored["expires_at"] {
		t.Errorf("the state was %v, is %v", stored, now)
	}
}

func TestProviderConfig_CertificateThatDoesNotVerifyIsAClearError(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(server.Close)
	f := newFixture(t)
	f.url = server.URL
	c := newCLI(t)
	c.write(f.config(`data "palabra_sessions" "all" {}`))
	said := c.fail("plan")
	for _, want := range []string{"Unable to list sessions", "certificate", server.URL} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in: %s", want, said)
		}
	}
	if reached.Load() != 0 {
		t.Error("credentials were sent to a server that did not prove who it is")
	}
}
