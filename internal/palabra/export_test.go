package palabra

import (
	"net/http"
	"net/url"
	"runtime"
	"time"
)

// RetryAtOnce takes the waiting out of retries: tests count them.
func (c *Client) RetryAtOnce() {
	c.transport.waitMin, c.transport.waitMax = time.Nanosecond, time.Microsecond
}

// HTTPTransport is what makes the connections.
func (c *Client) HTTPTransport() *http.Transport {
	base, _ := c.transport.base.(*http.Transport)
	return base
}

// SetTransport replaces the network.
func (c *Client) SetTransport(network http.RoundTripper) { c.transport.base = network }

// ReaderStats counts what Read has done.
type ReaderStats struct{ Pages, Hits, Misses int }

// ReaderStats returns the counts so far.
func (c *Client) ReaderStats() ReaderStats {
	c.reader.mu.Lock()
	defer c.reader.mu.Unlock()
	return ReaderStats{c.reader.pages, c.reader.hits, c.reader.misses}
}

// TokenAsSent is what a server finds in the query for a page token.
func TokenAsSent(token string) string {
	c := &Client{endpoint: &url.URL{Scheme: "https", Host: "example.com"}}
	sent, err := url.Parse(c.resolve(request{path: sessionsPath, query: url.Values{"page_token": {token}}}).String())
	if err != nil {
		return err.Error()
	}
	return sent.Query().Get("page_token")
}

// AwaitPause returns once a refusal makes the calls of the client wait.
func (c *Client) AwaitPause() {
	for {
		c.transport.pacer.mu.Lock()
		paused := !c.transport.pacer.until.IsZero() && c.transport.pacer.resume.Equal(c.transport.pacer.until)
		c.transport.pacer.mu.Unlock()
		if paused {
			return
		}
		runtime.Gosched()
	}
}
