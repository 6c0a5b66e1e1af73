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

// AwaitWaiters returns once n readers share the single read of id.
func (c *Client) AwaitWaiters(id string, n int) {
	for {
		c.reader.mu.Lock()
		f := c.reader.flights[id]
		ok := f != nil && f.waiters >= n
		c.reader.mu.Unlock()
		if ok {
			return
		}
		runtime.Gosched()
	}
}

// SetReaderClock replaces the clock that the age of pages is measured with.
func (c *Client) SetReaderClock(now func() time.Time) { c.reader.now = now }

// AwaitPage returns once no page is in flight.
func (c *Client) AwaitPage() {
	c.reader.mu.Lock()
	done := c.reader.pass.pageDone
	c.reader.mu.Unlock()
	if done != nil {
		<-done
	}
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
