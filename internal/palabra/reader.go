package palabra

// How many reads become few requests:
//
//  1. The first three reads are single.
//  2. Then one page at a time is listed beside the reads, and each page in a row
//     that answers none of them makes the next one wait for three more reads.
//  3. A page answers reads for 30 seconds, except of sessions that this process
//     writes.
//  4. A read waits for the page in flight only with time that earlier answers from
//     pages have saved, and the waits for one page last a second at most.
//  5. The walk over the pages keeps its token; it starts again after 30 seconds,
//     once it has ended or what it told of a wanted session is as old.
//
// So the list costs no read more than that second, whether it fails, hangs, lags
// or has holes.

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// pageLifetime counts from when the page was asked for.
	pageLifetime = 30 * time.Second
	// readsPerPage is how many single reads cost about as much as one page.
	readsPerPage = 3
	longestWait  = time.Second
)

// reader answers single reads from list pages. Engines read resources one by one
// and do not say how many are to come.
type reader struct {
	client *Client
	now    func() time.Time

	mu     sync.Mutex
	own    map[string]bool // written by this process
	listed map[string]listing
	pass   pass
	// inFlight is nil while no page is asked for; newest is the last to arrive.
	inFlight, newest *pageCall
	// saved is the time that answers from pages saved, less the waits for pages;
	// singleTime is what all single reads took.
	saved, singleTime time.Duration
	reading           int         // calls of Read and Prime under way
	idle              *time.Timer // runs while there are none
	stats             ReaderStats
	logged            int
}

// pass is one walk over the pages.
type pass struct {
	begun time.Time
	token string
	seen  *walk
	ended bool
	// useless is how many pages in a row answered nothing, reads is how many reads
	// came after the last page. Before the first page there is one useless page.
	useless, reads int
}

// pageCall is one list call.
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

// ReaderStats counts what Read has done.
type ReaderStats struct {
	// Pages were asked for; Hits were answered from them; Misses took a single read.
	Pages, Hits, Misses int
}

func newReader(c *Client) *reader {
	return &reader{
		client: c, now: elapsedClock,
		own: make(map[string]bool), listed: make(map[string]listing), pass: newPass(),
	}
}

// Read reads one session like Get, but answers from a list page asked for within
// the last 30 seconds where it can; Session.Listed tells, and then the session may
// lack what the list leaves out. What this process has written is never answered
// from a page, and what is not on a page is asked for singly: a list is no proof
// of absence. Errors are those of Get.
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
	began := r.now()
	session, err := c.Get(ctx, id)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.singleTime += r.now().Sub(began)
	return session, err
}

// Prime lists the first page, unless that was done, and waits for it, a second at
// most. It is for callers of Read who want to know of sessions that are likely to
// exist: one page answers a hundred of them. It reports no errors; Read does.
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

// ReaderStats returns the counts of Read so far.
func (c *Client) ReaderStats() ReaderStats {
	c.reader.mu.Lock()
	defer c.reader.mu.Unlock()
	return c.reader.stats
}

// written says that this process writes the session.
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

// leave ends the page in flight unless another read comes within a second: engines
// that read one by one leave gaps.
func (r *reader) leave(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reading--; r.reading > 0 {
		return
	}
	if r.inFlight != nil {
		r.idle = time.AfterFunc(longestWait, r.inFlight.cancel)
	}
	if stats := r.stats; r.logged != stats.Pages {
		r.logged = stats.Pages
		r.client.config.Logger.LogAttrs(ctx, slog.LevelInfo, "bulk read",
			slog.Int("pages", stats.Pages), slog.Int("hits", stats.Hits), slog.Int("misses", stats.Misses))
	}
}

// fromPage returns what a page tells of the session, or false for a single read.
func (r *reader) fromPage(ctx context.Context, id string) (Session, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pass.reads++
	for waited := false; !r.own[id]; waited = true {
		found, known := r.listed[id]
		if known && r.now().Sub(found.page.asked) <= pageLifetime {
			r.stats.Hits++
			r.saved += r.singleTime / time.Duration(max(1, r.stats.Misses))
			r.pass.useless = 0
			if found.page == r.newest {
				r.list(ctx) // It is there before a read has to wait for it.
			}
			return found.session, true
		}
		r.restart(known)
		if r.pass.reads > readsPerPage*r.pass.useless {
			r.list(ctx)
		}
		if waited || r.inFlight == nil || r.saved <= 0 {
			break
		}
		r.saved -= r.wait(ctx)
	}
	r.stats.Misses++
	return Session{}, false
}

// wait waits for the page in flight, without the lock, and returns how long.
func (r *reader) wait(ctx context.Context) time.Duration {
	page, began := r.inFlight, r.now()
	if page.waitUntil.IsZero() {
		page.waitUntil = began.Add(longestWait)
	}
	timer := time.NewTimer(page.waitUntil.Sub(began))
	defer timer.Stop()
	r.mu.Unlock()
	select {
	case <-page.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	r.mu.Lock()
	return r.now().Sub(began)
}

func newPass() pass { return pass{seen: newWalk(), useless: 1} }

func (r *reader) restart(wantedIsOld bool) {
	begun := r.pass.begun
	if r.inFlight == nil && (r.pass.ended || wantedIsOld) && !begun.IsZero() && r.now().Sub(begun) > pageLifetime {
		r.pass = newPass()
		r.pass.reads++
	}
}

// list asks for the next page, unless one is in flight or there is none. The page
// is for every read, so none of them cancels it.
func (r *reader) list(ctx context.Context) {
	if r.inFlight != nil || r.pass.ended {
		return
	}
	call, token := &pageCall{asked: r.now()}, r.pass.token
	ctx, call.cancel = context.WithTimeout(context.WithoutCancel(ctx), pageLifetime)
	call.done = ctx.Done()
	if r.pass.begun.IsZero() {
		r.pass.begun = call.asked
	}
	r.inFlight = call
	r.stats.Pages++
	go func() {
		defer call.cancel()
		got, answer, err := r.client.page(ctx, r.client.config.PageSize, token)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.inFlight = nil
		r.pass.useless++
		r.pass.reads = 0
		if err == nil {
			err = r.client.guardPage(got, answer, r.pass.seen)
		} else if ctx.Err() != nil {
			return // Too late, or nobody reads: the next one is asked for again.
		}
		if err != nil {
			got = page{} // It fails no read: single ones go on and report what they meet.
		}
		r.newest, r.pass.token, r.pass.ended = call, got.nextToken, got.nextToken == ""
		for _, session := range got.sessions {
			session.Listed = true
			r.listed[session.ID] = listing{session, call}
		}
	}()
}
