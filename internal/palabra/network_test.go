package palabra_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// serveTLS serves api with a certificate for example.com and 127.0.0.1.
func serveTLS(t *testing.T, api http.Handler) *httptest.Server {
	t.Helper()
	listener := httptest.NewUnstartedServer(api)
	listener.Config.ErrorLog = log.New(io.Discard, "", 0)
	listener.StartTLS()
	t.Cleanup(listener.Close)
	return listener
}

// tunnel is a proxy that connects every CONNECT to one server, or refuses it
// with a status.
func tunnel(t *testing.T, to string, refuse int) (proxyURL *url.URL, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	}))
	t.Cleanup(proxy.Close)
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	return proxyURL, asked
}

func TestCreate_WithoutAConnectionWasNotSent(t *testing.T) {
	t.Parallel()
	refusing, _ := tunnel(t, "", http.StatusForbidden)
	closed := httptest.NewServer(nil)
	closed.Close()
	unreachable, err := url.Parse(closed.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		timeout  time.Duration
		adjust   func(*http.Transport)
		want     string
		attempts int32 // 0 where a dial may begin after its attempt has ended
	}{
		"unverifiable certificate": {time.Minute, func(*http.Transport) {}, "certificate", 1},
		"unreachable proxy":        {time.Minute, func(base *http.Transport) { base.Proxy = http.ProxyURL(unreachable) }, "proxyconnect", 3},
		"refused CONNECT":          {time.Minute, func(base *http.Transport) { base.Proxy = http.ProxyURL(refusing) }, "Forbidden", 3},
		"dropped SYN": {50 * time.Millisecond, func(base *http.Transport) {
			// net/http lets a dial go on when its request has ended.
			base.DialContext = func(context.Context, string, string) (net.Conn, error) {
				<-t.Context().Done()
				return nil, t.Context().Err()
			}
		}, "in time", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			client := newClient(t, serveTLS(t, s).URL, withRetries(2), func(c *palabra.Config) { c.RequestTimeout = test.timeout })
			base := client.HTTPTransport()
			test.adjust(base)
			var attempts atomic.Int32
			dial := base.DialContext
			base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				attempts.Add(1)
				return dial(ctx, network, address)
			}
			_, err := client.Create(t.Context(), palabra.CreateRequest{})
			if err == nil || errors.Is(err, palabra.ErrMaybeCreated) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q and not that a session may exist", err, test.want)
			}
			if got := attempts.Load(); test.attempts != 0 && got != test.attempts {
				t.Errorf("%d attempts, want %d", got, test.attempts)
			}
			expectCalls(t, s)
		})
	}
}

// The server answers nobody before all have arrived, so a request that waited
// for another's connection would never arrive.
func TestCreate_DoesNotQueueForConnections(t *testing.T) {
	t.Parallel()
	const creates = 96
	var arrived sync.WaitGroup
	arrived.Add(creates)
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait()
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"ok":true,"data":{"id":"a.b"}}`))
	}))
	t.Cleanup(listener.Close)
	client := newClient(t, listener.URL)
	var group sync.WaitGroup
	for range creates {
		group.Go(func() {
			if _, err := client.Create(t.Context(), palabra.CreateRequest{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestCreate_ThatOnlyQueuedWasNotSent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	refused := make(chan struct{}, 1)
	s.Inject(sandbox.Fault{Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		sandbox.RateLimited("3600")(w, r, api)
		refused <- struct{}{}
	}})
	client := newClient(t, s.url, withRetries(1))
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	create := func() {
		if _, err := client.Create(ctx, palabra.CreateRequest{}); !errors.Is(err, context.Canceled) || errors.Is(err, palabra.ErrMaybeCreated) {
			t.Errorf("error %v", err)
		}
	}
	group.Go(create)
	<-refused
	client.AwaitPause()
	for range 95 {
		group.Go(create)
	}
	cancel()
	group.Wait()
	expectCalls(t, s, "POST /session")
}

// The standard library reads these variables once per process, so they are
// tested in processes of their own.
const envChild = "PALABRA_TEST_CHILD_ENDPOINT"

func TestEnvironment_ProxyAndCertificateFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("SSL_CERT_FILE is not used on " + runtime.GOOS + ": its certificate store is")
	}
	s := newServer(t)
	s.Put(sandbox.Session{ID: id})
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
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEnvironmentChild$") // #nosec G204 -- this test
		cmd.Env = append(cmd.Env, envChild+"="+test.endpoint)
		cmd.Env = append(cmd.Env, test.env...)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v, want output that says %q:\n%s", name, err, test.want, out)
		}
		if got := asked.Load() - before; got != test.asked {
			t.Errorf("%s: the proxy was asked %d times, want %d", name, got, test.asked)
		}
	}
}

// TestEnvironmentChild is the process that TestEnvironment starts.
func TestEnvironmentChild(t *testing.T) { //nolint:paralleltest // alone in its process
	endpoint := os.Getenv(envChild)
	if endpoint == "" {
		return
	}
	client := newClient(t, endpoint)
	if os.Getenv("NO_PROXY") != "" {
		// Nothing answers at an address for documentation.
		client = newClient(t, endpoint, func(c *palabra.Config) { c.RequestTimeout = 100 * time.Millisecond })
	}
	t.Cleanup(client.HTTPTransport().CloseIdleConnections)
	if _, err := client.Get(t.Context(), id); err != nil {
		_, _ = os.Stdout.WriteString("error " + err.Error() + "\n")
		return
	}
	_, _ = os.Stdout.WriteString("found\n")
}

// Where a connection is kept, or shared by HTTP/2, it is not made for the
// create, which may nevertheless have arrived.
func TestCreate_LostOnAKeptConnectionMayHaveBeenSent(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var created, connections atomic.Int32
			listener := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					created.Add(1)
					panic(http.ErrAbortHandler)
				}
				_, _ = w.Write([]byte(`{"data":[]}`))
			}))
			listener.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			listener.EnableHTTP2 = http2
			listener.StartTLS()
			t.Cleanup(listener.Close)
			roots := x509.NewCertPool()
			roots.AddCert(listener.Certificate())
			client := newClient(t, listener.URL, withRetries(3), func(c *palabra.Config) { c.RootCAs = roots })
			if _, err := list(t, client); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Create(t.Context(), palabra.CreateRequest{}); !errors.Is(err, palabra.ErrMaybeCreated) {
				t.Errorf("error %v, want ErrMaybeCreated", err)
			}
			if created.Load() != 1 || connections.Load() != 1 {
				t.Errorf("%d creates on %d connections, want one on one", created.Load(), connections.Load())
			}
		})
	}
}
