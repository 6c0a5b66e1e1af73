package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// output is a buffer that a running command writes and a test reads.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
	// written gets a value after each write.
	written chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	n, err := o.buf.Write(p)
	o.mu.Unlock()
	o.written <- struct{}{}
	return n, err
}

func (o *output) await(t *testing.T, pattern string) []string {
	t.Helper()
	for range 100 {
		o.mu.Lock()
		found := regexp.MustCompile(pattern).FindStringSubmatch(o.buf.String())
		o.mu.Unlock()
		if found != nil {
			return found
		}
		<-o.written
	}
	t.Fatalf("the output never contains %q", pattern)
	return nil
}

func TestRun_ServesTheSeedAndLogsRequests(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out := &output{written: make(chan struct{}, 1000)}
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--addr", "127.0.0.1:0", "--seed", "../../../examples/sandbox/sessions.json", "--api-key", "key", "--client-id", "me", "--client-secret", "mine", "--rate-limit", "1000", "--latency", "1ns", "--envelope", "items"}, out)
	}()
	url := out.await(t, `export PALABRA_API_URL=(http://127\.0\.0\.1:\d+)\nexport PALABRA_API_KEY=key\n(?s:.*)export PALABRA_CLIENT_ID=me PALABRA_CLIENT_SECRET=mine\n`)[1]

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/session-storage/sessions?page_size=5", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("ClientID", "me")
	req.Header.Set("ClientSecret", "mine")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(body), `{"data":{"items":[`) {
		t.Errorf("--envelope: %s", body)
	}
	for _, id := range []string{"test-user.fec6b8fa.af4d2d22", "test-user.30d7f63e.9e77c70e", "58347ae0-8a5d-41cf-96d9-166b550b3335.b0327ccf.3c0742bc"} {
		if !strings.Contains(string(body), id) {
			t.Errorf("the seed's session %s is not listed", id)
		}
	}
	// No fault is named, because the API itself has answered.
	out.await(t, `GET    /session-storage/sessions\?page_size=5  200  \S+\n`)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRun_RefusesWrongArguments(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`{"sessions":[{}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--seed", bad}, {"--seed", "missing.json"}, {"--addr", "256.0.0.1:1"}, {"--unknown"}, {"seed.json"}, {"--envelope", "other"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// What the sandbox would take for something else is refused by its flag's name.
func TestRun_RefusesOptionsThatCannotHold(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{
		"--clock-speed=0", "--clock-speed=-1", "--clock-speed=NaN", "--clock-speed=Inf",
		"--bad-credentials-status=99", "--bad-credentials-status=500", "--session-limit-status=200", "--session-limit=0",
		"--max-ttl=500ms", "--max-ttl=-1s", "--latency=-1s", "--rate-limit=-1",
	} {
		name, _, _ := strings.Cut(arg, "=")
		if err := run(t.Context(), []string{arg, "--version"}, io.Discard); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v, want that %s is refused", arg, err, name)
		}
	}
	for _, arg := range []string{"--clock-speed=0.5", "--bad-credentials-status=404", "--session-limit-status=429", "--max-ttl=0", "--max-ttl=90m", "--host=sandbox.example"} {
		if err := run(t.Context(), []string{arg, "--version"}, io.Discard); err != nil {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

func TestServer_LimitsTheTimeForARequestsHead(t *testing.T) {
	t.Parallel()
	if newServer(nil).ReadHeaderTimeout <= 0 {
		t.Error("a client that sends nothing keeps its connection for ever")
	}
}

func TestRun_PortInUseIsNamedWithAnAlternative(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // a test's
	taken := listener.Addr().String()
	err = run(t.Context(), []string{"--addr", taken}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), taken+" is in use") || !strings.Contains(err.Error(), "--addr 127.0.0.1:0") {
		t.Error(err)
	}
}

func TestRun_PrintsItsVersion(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--version"}, &out); err != nil || !strings.HasPrefix(out.String(), "palabra-sandbox ") {
		t.Errorf("%v: %s", err, &out)
	}
	if got := versionOf("1.2.3"); got != "1.2.3" {
		t.Error(got)
	}
}

func TestIntroduce_PrintsAUsableAddress(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{
		"127.0.0.1": "export PALABRA_API_URL=http://127.0.0.1:80\n",
		"0.0.0.0":   "export PALABRA_API_URL=http://127.0.0.1:80\n",
		"::":        "PALABRA_API_URL=http://HOST:80 PALABRA_ALLOW_INSECURE_ENDPOINT=true\n",
		"::1":       "export PALABRA_API_URL=http://[::1]:80\n",
	} {
		var out bytes.Buffer
		introduce(&out, settings{}, &net.TCPAddr{IP: net.ParseIP(ip), Port: 80}, 0)
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: %s", ip, &out)
		}
	}
}

func TestDockerfile_StartsWithFlagsThatExist(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var args []string
	for _, lines := range regexp.MustCompile(`(?m)^(?:ENTRYPOINT|CMD) (.*)$`).FindAllSubmatch(content, -1) {
		var words []string
		if err := json.Unmarshal(lines[1], &words); err != nil {
			t.Fatal(err)
		}
		args = append(args, words...)
	}
	if len(args) < 2 || args[0] != "/palabra-sandbox" {
		t.Fatalf("the image starts %q", args)
	}
	if o, err := parse(args[1:]); err != nil || !o.Control || !strings.HasPrefix(o.addr, "0.0.0.0:") {
		t.Errorf("%v, %+v", err, o)
	}
}
