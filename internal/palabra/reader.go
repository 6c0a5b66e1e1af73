package palabra

// How many reads become few requests:
//
//  1. The first three reads are single.
//  2. Then pages are listed in parallel to the reads, one at a time. Each page in a
//     row that answers no read makes the next page wait for three more reads.
//  3. A page answers reads for 30 seconds. It never answers for a session that this
//     process has written.
//  4. Reads wait for the page in flight only while pages have saved more time than
//     waiting has cost, and for one page about a second at most.
//  5. The walk over the pages keeps its token. It starts again after 30 seconds if
//     it has ended or if a read wants a session whose listing is too old.
//
// So reads together take at most about a second longer than single reads would,
// even if the list fails, hangs, is slow or has holes.

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	pageLifetime = 30 * time.Second        // from the request for the page
	longestWait  = 1100 * time.Millisecond // enough for pages that take a second
	readsPerPage = 3                       // take about as long as one page
)

// reader answers single reads from list pages. Engines read resources one by one
// and do not announce how many follow.
type reader struct {
	client   *Client
	pageSize int

	mu       sync.Mutex
	own      map[string]bool // ids that this process has written
	listed   map[string]listing
	pass     pass
	inFlight *pageCall
	newest   *pageCall // the last page that arrived or failed

	saved      time.Duration // time saved by pages, less the waits for pages
	singleTime time.Duration // sum over all single reads
	reading    int           // calls of Read and Prime in progress
	idle       *time.Timer   // runs while there are none, and ends the page in flight
	// pages counts list calls, hits the reads answered from a page, misses single
	// reads. logged is pages at the last log record.
	pages, hits, misses, logged int
}

// pass is one walk over the pages.
type pass struct {
	begun time.Time
	token string
	seen  *walk
	ended bool
	// useless counts the pages in a row that answered no read, and reads the reads
	// since the last page. A pass begins with one useless page, so that its first
	// three reads are single.
	useless, reads int
}

type pageCall struct {
	asked     time.Time
	done      <-chan struct{}
	cancel    context.CancelFunc
	waitUntil time.Time // set by the first read that waits
}

type listing struct {
	session Session
	page    *pageCall
}

func newReader(c *Client) *reader {
	r := &reader{client: c, pageSize: DefaultPageSize, own: make(map[string]bool), listed: make(map[string]listing)}
	r.newPass()
	return r
}

// Read reads one session like Get, but may answer from a list page requested
// within the last 30 seconds. Session.Listed reports that; the session may then
// lack what the list leaves out. A session that this process has written is never
// answered from a page. A session that is on no page is read singly, because
// absence from a list proves nothing. Errors are those of Get.
func (c *Client) Read(ctx context.Context, id string) (Session, error) {
	if !c.config.BulkRead {
		return c.Get(ctx, id)
	}
	r := c.reader
	r.enter()
	defer r.leave(ctx)
	if session, ok := r.fromPage(ctx, id); ok {
		return session, nil
	}
	began := elapsedClock()
	session, err := c.Get(ctx, id)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.singleTime += elapsedClock().Sub(began)
	return session, err
}

// Prime lists the first page unless that has been done, and waits for it, about a
// second at most. Call it before Read for sessions that are likely to exist: one
// page answers a hundred reads. Prime returns no error; Read does.
func (c *Client) Prime(ctx context.Context) {
	if !c.config.BulkRead {
		return
	}
	r := c.reader
	r.enter()
	defer r.leave(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restart(false)
	if r.pass.token == "" && !r.pass.ended {
		r.list(ctx)
		r.wait(ctx)
	}
}

// written notes that this process writes the session.
func (r *reader) written(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own[id] = true
}

func (r *reader) enter() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reading++
	if r.idle != nil {
		r.idle.Stop()
	}
}

// leave ends the page in flight unless another read begins within about a second:
// engines that read one by one leave gaps.
func (r *reader) leave(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reading--; r.reading > 0 {
		return
	}
	if r.inFlight != nil {
		r.idle = time.AfterFunc(longestWait, r.inFlight.cancel)
	}
	if r.logged != r.pages {
		r.logged = r.pages
		r.client.config.Logger.LogAttrs(ctx, slog.LevelInfo, "bulk read",
			slog.Int("pages", r.pages), slog.Int("hits", r.hits), slog.Int("misses", r.misses))
	}
}

// fromPage returns the session from a page, or false if it has to be read singly.
func (r *reader) fromPage(ctx context.Context, id string) (Session, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for waited := false; !r.own[id]; waited = true {
		found, known := r.listed[id]
		if known && elapsedClock().Sub(found.page.asked) <= pageLifetime {
			r.hits++
			r.saved += r.singleTime / time.Duration(max(1, r.misses))
			r.pass.useless = 0
			if found.page == r.newest {
				r.list(ctx) // Prefetch, so that no read has to wait.
			}
			return found.session, true
		}
		r.restart(known)
		if r.pass.reads++; r.pass.reads > readsPerPage*r.pass.useless {
			r.list(ctx)
		}
		if waited || r.inFlight == nil || r.saved <= 0 {
			break
		}
		r.saved -= r.wait(ctx)
	}
	r.misses++
	return Session{}, false
}

// wait waits for the page in flight without holding the lock, and returns how long.
func (r *reader) wait(ctx context.Context) time.Duration {
	page, began := r.inFlight, elapsedClock()
	if page.waitUntil.IsZero() {
		page.waitUntil = began.Add(longestWait)
	}
	ctx, cancel := context.WithTimeout(ctx, page.waitUntil.Sub(began))
	defer cancel()
	r.mu.Unlock()
	select {
	case <-page.done:
	case <-ctx.Done():
	}
	r.mu.Lock()
	return elapsedClock().Sub(began)
}

func (r *reader) newPass() { r.pass = pass{begun: elapsedClock(), seen: newWalk(), useless: 1} }

// restart begins another pass if the last one cannot answer any more.
func (r *reader) restart(wantedIsOld bool) {
	if r.inFlight == nil && (r.pass.ended || wantedIsOld) && elapsedClock().Sub(r.pass.begun) > pageLifetime {
		r.newPass()
	}
}

// list requests the next page unless one is in flight or the pass has ended. All
// reads share the page, so none of them cancels it.
func (r *reader) list(ctx context.Context) {
	if r.inFlight != nil || r.pass.ended {
		return
	}
	call, token := &pageCall{asked: elapsedClock()}, r.pass.token
	if token == "" {
		r.pass.begun = call.asked
	}
	ctx, call.cancel = context.WithTimeout(context.WithoutCancel(ctx), pageLifetime)
	call.done = ctx.Done()
	r.inFlight = call
	r.pages++
	go func() {
		defer call.cancel()
		got, answer, err := r.client.page(ctx, r.pageSize, token)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.inFlight, r.newest = nil, call
		r.pass.useless++
		r.pass.reads = 0
		if err == nil {
			err = r.client.guardPage(got, answer, r.pass.seen)
		} else if ctx.Err() != nil {
			return // Timed out or not wanted: the next list asks for the same page.
		}
		if err != nil {
			got = page{} // Ends the pass. Single reads go on and report their own errors.
		}
		r.pass.token, r.pass.ended = got.nextToken, got.nextToken == ""
		for _, session := range got.sessions {
			session.Listed = true
			r.listed[session.ID] = listing{session, call}
		}
	}()
}
