package palabra

// How many reads become few requests:
//
//  1. The first three reads are single.
//  2. Then one page at a time is listed beside the reads, and each page in a row
//     that answers none of them makes the next one wait for three more reads.
//  3. A page answers reads for 30 seconds, except of what this process writes.
//  4. A read waits for the page in flight only with time that earlier answers from
//     pages have saved, and the waits for one page last about a second at most.
//  5. The walk over the pages keeps its token; it starts again after 30 seconds,
//     once it has ended or what it told of a wanted session is as old.
//
// So reads take at most that second longer than single ones would, whether the
// list fails, hangs, is slow or has holes.

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	pageLifetime = 30 * time.Second        // since the page was asked for
	longestWait  = 1100 * time.Millisecond // enough for pages that take a second
	readsPerPage = 3                       // cost about as much as one page
)

// reader answers single reads from list pages. Engines read resources one by one
// and do not say how many are to come.
type reader struct {
	client *Client
	now    func() time.Time

	mu       sync.Mutex
	own      map[string]bool // written by this process
	listed   map[string]listing
	pass     pass
	inFlight *pageCall
	newest   *pageCall // the last one that ended

	saved      time.Duration // by answers from pages, less the waits for pages
	singleTime time.Duration // of all single reads
	reading    int           // calls of Read and Prime under way
	idle       *time.Timer   // runs while there are none
	// pages were asked for, hits answered from them, misses took single reads.
	pages, hits, misses, logged int
}

// pass is one walk over the pages.
type pass struct {
	begun time.Time
	token string
	seen  *walk
	ended bool
	// useless is how many pages in a row answered nothing; reads came after the
	// last of them. A pass begins as if there had been a useless page before.
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
	r := &reader{client: c, now: elapsedClock, own: make(map[string]bool), listed: make(map[string]listing)}
	r.newPass()
	return r
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

// Prime lists the first page, unless that was done, and waits for it, about a second
// at most. It is for callers of Read who want to know of sessions that are likely to
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

// leave ends the page in flight unless another read comes within a second or so: engines
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
	if r.logged != r.pages {
		r.logged = r.pages
		r.client.config.Logger.LogAttrs(ctx, slog.LevelInfo, "bulk read",
			slog.Int("pages", r.pages), slog.Int("hits", r.hits), slog.Int("misses", r.misses))
	}
}

// fromPage returns what a page tells of the session, or false for a single read.
func (r *reader) fromPage(ctx context.Context, id string) (Session, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for waited := false; !r.own[id]; waited = true {
		found, known := r.listed[id]
		if known && r.now().Sub(found.page.asked) <= pageLifetime {
			r.hits++
			r.saved += r.singleTime / time.Duration(max(1, r.misses))
			r.pass.useless = 0
			if found.page == r.newest {
				r.list(ctx) // It is there before a read has to wait for it.
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

// wait waits for the page in flight, without the lock, and returns how long.
func (r *reader) wait(ctx context.Context) time.Duration {
	page, began := r.inFlight, r.now()
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
	return r.now().Sub(began)
}

func (r *reader) newPass() { r.pass = pass{begun: r.now(), seen: newWalk(), useless: 1} }

// restart begins another pass where the last one has nothing more to tell.
func (r *reader) restart(wantedIsOld bool) {
	if r.inFlight == nil && (r.pass.ended || wantedIsOld) && r.now().Sub(r.pass.begun) > pageLifetime {
		r.newPass()
	}
}

// list asks for the next page, unless one is in flight or there is none. The page
// is for every read, so none of them cancels it.
func (r *reader) list(ctx context.Context) {
	if r.inFlight != nil || r.pass.ended {
		return
	}
	call, token := &pageCall{asked: r.now()}, r.pass.token
	if token == "" {
		r.pass.begun = call.asked
	}
	ctx, call.cancel = context.WithTimeout(context.WithoutCancel(ctx), pageLifetime)
	call.done = ctx.Done()
	r.inFlight = call
	r.pages++
	go func() {
		defer call.cancel()
		got, answer, err := r.client.page(ctx, r.client.config.PageSize, token)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.inFlight, r.newest = nil, call
		r.pass.useless++
		r.pass.reads = 0
		if err == nil {
			err = r.client.guardPage(got, answer, r.pass.seen)
		} else if ctx.Err() != nil {
			return // Too late, or nobody reads: the same page comes next.
		}
		if err != nil {
			got = page{} // It fails no read: single ones go on and report what they meet.
		}
		r.pass.token, r.pass.ended = got.nextToken, got.nextToken == ""
		for _, session := range got.sessions {
			session.Listed = true
			r.listed[session.ID] = listing{session, call}
		}
	}()
}
