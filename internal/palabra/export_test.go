package palabra

import (
	"net/url"
	"runtime"
	"time"
)

// RetryAtOnce takes the waiting out of retries: tests count them.
func (c *Client) RetryAtOnce() {
	c.transport.http.RetryWaitMin, c.transport.http.RetryWaitMax = 0, 0
	c.transport.waitMin, c.transport.waitMax = time.Nanosecond, time.Microsecond
	c.transport.retryWait = time.Microsecond
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
