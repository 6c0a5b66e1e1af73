package palabra

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestTransport_RefusesRedirectsWithoutSendingCredentials(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed, with %v", r.Header)
	}))
	s := newServer(t)
	s.Inject(sandbox.Fault{Effect: sandbox.Redirect(elsewhere)})
	for _, call := range calls(t.Context(), s.client(t), testID) {
		expectError(t, call(), "HTTP 307 Temporary Redirect: the server redirects elsewhere, and redirects are not followed")
	}
}

func TestTransport_DoesNotLimitConnectionsOrKeepThemFor60Seconds(t *testing.T) {
	t.Parallel()
	base, ok := newClient(t, "").transport.base.(*http.Transport)
	if !ok || base.MaxConnsPerHost != 0 || base.IdleConnTimeout <= 0 || base.IdleConnTimeout >= time.Minute || base.MaxIdleConnsPerHost < 10 {
		t.Errorf("transport %+v", base)
	}
}

// tunnel is a proxy that connects every CONNECT to one server, or refuses it
// with a status.
func tunnel(t *testing.T, to string, refuse int) (proxy *url.URL, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	proxy, err := url.Parse(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method != http.MethodConnect || refuse != 0 {
			w.WriteHeader(refuse)
			return
		}
		server, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", to)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		client, received, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = server.Close()
			return
		}
		_, _ = client.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		go func() { _, _ = io.Copy(server, received); _ = server.Close() }()
		go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
	})))
	if err != nil {
		t.Fatal(err)
	}
	return proxy, asked
}

// The standard library reads these variables once per process, so each case has a
// process of its own.
const envChild = "PALABRA_TEST_CHILD_ENDPOINT"

func TestTransport_UsesTheEnvironmentsProxyAndCertificateFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("SSL_CERT_FILE is not used on " + runtime.GOOS + ": its certificate store is")
	}
	s := newServer(t)
	s.Put(sandbox.Session{ID: testID})
	listener := serveTLS(t, s)
	proxy, asked := tunnel(t, listener.Listener.Addr().String(), 0)
	certificate := filepath.Join(t.TempDir(), "ca.pem")
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: listener.Certificate().Raw})
	if err := os.WriteFile(certificate, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	proxied := "HTTPS_PROXY=" + proxy.String()
	for name, test := range map[string]struct {
		endpoint string
		env      []string
		want     string
		asked    int32
	}{
		"proxy and certificate": {"https://example.com", []string{proxied, "SSL_CERT_FILE=" + certificate}, "found", 1},
		"no certificate":        {"https://example.com", []string{proxied}, "certificate", 1},
		"no proxy for the host": {"https://192.0.2.1", []string{proxied, "NO_PROXY=192.0.2.0/24"}, "error", 0},
	} {
		before := asked.Load()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTransport_ChildOfTheEnvironmentTest$") // #nosec G204 -- this test
		cmd.Env = append(append(cmd.Env, envChild+"="+test.endpoint), test.env...)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v, want output that says %q:\n%s", name, err, test.want, out)
		}
		if got := asked.Load() - before; got != test.asked {
			t.Errorf("%s: the proxy was asked %d times, want %d", name, got, test.asked)
		}
	}
}

// TestTransport_ChildOfTheEnvironmentTest runs in the processes that the test above
// starts.
func TestTransport_ChildOfTheEnvironmentTest(t *testing.T) { //nolint:paralleltest // alone in its process
	endpoint := os.Getenv(envChild)
	if endpoint == "" {
		return
	}
	client := newClient(t, endpoint, func(c *Config) {
		if os.Getenv("NO_PROXY") != "" {
			c.RequestTimeout = 100 * time.Millisecond // Nothing answers at an address for documentation.
		}
	})
	base, _ := client.transport.base.(*http.Transport)
	t.Cleanup(base.CloseIdleConnections)
	if _, err := client.Get(t.Context(), testID); err != nil {
		_, _ = os.Stdout.WriteString("error " + err.Error() + "\n")
		return
	}
	_, _ = os.Stdout.WriteString("found\n")
}
