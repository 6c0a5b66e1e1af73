package palabra

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testID     = "test-user.fec6b8fa.af4d2d22"
	testSecret = "a-client-secret-to-look-for"

	jsonType  = "application/json"
	foundBody = `{"data":{"id":"a.b"}}`
)

var start = time.Date(2031, time.March, 14, 9, 26, 53, 0, time.UTC)

// newClient returns a client that retries at once, if it retries.
func newClient(t rapid.TB, endpoint string, adjust ...func(*Config)) *Client {
	t.Helper()
	config := Config{Endpoint: endpoint, ClientID: "client", ClientSecret: testSecret, UserAgent: "test", RequestTimeout: time.Minute}
	for _, f := range adjust {
		f(&config)
	}
	client, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	client.transport.waitMin, client.transport.waitMax = time.Nanosecond, time.Microsecond
	return client
}

func withRetries(n int) func(*Config) { return func(c *Config) { c.MaxRetries = n } }

// withKey replaces the pair of credentials by a key.
func withKey(key string) func(*Config) {
	return func(c *Config) { c.ClientID, c.ClientSecret, c.APIKey = "", "", key }
}

// roundTrip is a server without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// offlineClient counts its requests.
type offlineClient struct {
	*Client
	sent atomic.Int32
}

// offline returns a client with the usual retries and waits, whose requests go to base.
func offline(t *testing.T, base roundTrip, adjust ...func(*Config)) *offlineClient {
	t.Helper()
	client := &offlineClient{Client: newClient(t, "https://api.example.com", append([]func(*Config){withRetries(4)}, adjust...)...)}
	client.transport.waitMin, client.transport.waitMax = shortestRetryWait, longestRetryWait
	client.transport.base = roundTrip(func(req *http.Request) (*http.Response, error) {
		client.sent.Add(1)
		return base(req)
	})
	return client
}

// answers answers every request alike; for headers see respond.
func answers(status int, body string, headers ...string) roundTrip {
	return func(*http.Request) (*http.Response, error) {
		return respond(status, body, append([]string{"Content-Type", typeOf(body)}, headers...)...), nil
	}
}

// fails gives no request an answer.
func fails(err error) roundTrip {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// respond makes an answer; headers are given as name, value, ….
func respond(status int, body string, headers ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i < len(headers); i += 2 {
		resp.Header.Set(headers[i], headers[i+1])
	}
	return resp
}

// connect tells the operation that the request has a connection.
func connect(req *http.Request) {
	httptrace.ContextClientTrace(req.Context()).GotConn(httptrace.GotConnInfo{})
}

// after returns once d has passed or the request has ended.
func after(req *http.Request, d time.Duration) error {
	select {
	case <-req.Context().Done():
		return req.Context().Err()
	case <-time.After(d):
		return nil
	}
}

// calls are all calls, by name; those about one session are about id.
func calls(ctx context.Context, c *Client, id string) map[string]func() error {
	return map[string]func() error{
		"get":    func() error { _, err := c.Get(ctx, id); return err },
		"read":   func() error { _, err := c.Read(ctx, id); return err },
		"expiry": func() error { _, err := c.SetExpiry(ctx, id, 60); return err },
		"delete": func() error { return c.Delete(ctx, id) },
		"create": func() error { _, err := c.Create(ctx, CreateRequest{}); return err },
		"list":   func() error { _, err := list(ctx, c); return err },
	}
}

// ofASession are the names of the calls about one session that are never answered
// from a page.
var ofASession = []string{"get", "expiry", "delete"}

func list(ctx context.Context, client *Client) (ids []string, err error) {
	for session, err := range client.Sessions(ctx, DefaultPageSize) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, session.ID)
	}
	return ids, nil
}

// singleReader never reads from a page.
type singleReader struct{ *Client }

func (r singleReader) Read(ctx context.Context, id string) (Session, error) { return r.Get(ctx, id) }

// read reads sessions as an engine does, so many at a time, and returns how long it
// takes in a bubble.
func read(t *testing.T, client interface {
	Read(context.Context, string) (Session, error)
}, parallel int, ids []string) time.Duration {
	t.Helper()
	began := elapsedClock()
	inParallel(parallel, len(ids), func(i int) {
		if session, err := client.Read(t.Context(), ids[i]); err != nil || session.ID != ids[i] {
			t.Errorf("read %s: %+v, %v", ids[i], session, err)
		}
	})
	return elapsedClock().Sub(began)
}

// inParallel calls f n times, so many at a time.
func inParallel(parallel, n int, f func(i int)) {
	queue := make(chan int)
	var group sync.WaitGroup
	for range parallel {
		group.Go(func() {
			for i := range queue {
				f(i)
			}
		})
	}
	for i := range n {
		queue <- i
	}
	close(queue)
	group.Wait()
}

// shuffled returns ids in random order, as engines read them that walk a graph.
func shuffled(ids []string) []string {
	ids = slices.Clone(ids)
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] }) //nolint:gosec // not a secret
	return ids
}

// expectError checks that the error says all of want.
func expectError(t *testing.T, err error, want ...string) {
	t.Helper()
	for _, text := range want {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one that says %q", err, text)
		}
	}
}
