package palabra

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// snapshotLifetime is how long a listed session may answer reads.
	snapshotLifetime = 30 * time.Second
	// readsPerPage is how many reads have to be seen before the first page is
	// worth a request: three pages read singly cost what three sessions do.
	readsPerPage = 3
	// singlesBesidePage is how many single reads may start while one page is in
	// flight: what an engine by default has under way at once. When a page takes
	// so long that these are not enough, more of them would only add load.
	singlesBesidePage = 10
)

// reader answers many single reads from few list pages. Terraform reads
// resources one by one and does not say how many are to come, so the reader
// learns it: it starts with single reads, and asks for a page beside them once
// there were readsPerPage of them. Each page that answers nothing makes the next
// one wait for more reads, so that an account much larger than the configuration
// is not listed.
//
// A read waits for a page on credit: every answer from a page has saved a
// request's time, and every wait spends at most one. Together the reads are thus
// not slower than single ones. Without credit, it waits only when a page is
// slower than many single reads.
type reader struct {
	client *Client
	now    func() time.Time

	mu      sync.Mutex
	own     map[string]bool    // written by this process: always read singly
	listed  map[string]listing // from pages, newer ones overwrite
	flights map[string]*flight
	wanted  map[string]bool // every id asked for in this pass
	pass    pass
	stats   ReaderStats
	active  int
	logged  int
}

// pass is one walk over the list's pages.
type pass struct {
	begun    time.Time
	token    string
	seen     *walk
	pageDone chan struct{} // not nil while a page is in flight
	ended    bool          // at the last page, or after an error
	pages    int
	reads    int
	// nextPageAt is how many reads the next page waits for.
	nextPageAt int
	// useless counts the pages in a row that held nothing that was wanted.
	useless int
	// pageLength is how many sessions the last page had, and pageHits the answers
	// from pages since.
	pageLength, pageHits int
	// credit is answers from pages less waits for pages.
	credit int
	// singles were started since the page in flight was asked for.
	singles int
}

type listing struct {
	session Session
	at      time.Time
}

// flight is a single read that any number of readers wait for.
type flight struct {
	done    chan struct{}
	session Session
	err     error
	waiters int
	cancel  context.CancelFunc
}

// ReaderStats counts what Read has done.
type ReaderStats struct {
	// Pages were listed; Hits were answered from them; Misses took a single read.
	Pages, Hits, Misses int
}

func newReader(c *Client) *reader {
	return &reader{
		client: c,
		// Elapsed time only, by a clock that nobody sets.
		now:     elapsedClock,
		own:     make(map[string]bool),
		listed:  make(map[string]listing),
		flights: make(map[string]*flight),
		wanted:  make(map[string]bool),
	}
}

// Read reads one session, like Get, from a page listed within the last 30
// seconds where that saves a request. What this process has written is never
// answered from a page, and what is not on a page is asked for singly: a list is
// no proof of absence. Errors are those of Get.
func (c *Client) Read(ctx context.Context, id string) (Session, error) {
	if !c.config.BulkRead || checkID(id) != nil {
		return c.Get(ctx, id)
	}
	return c.reader.read(ctx, id)
}

// Prime lists the first page, unless that was done, and returns when it is there.
// It is for callers of Read who want to know of sessions which exist in all
// likelihood: one page answers a hundred of them. It reports no errors; Read
// does.
func (c *Client) Prime(ctx context.Context) {
	if !c.config.BulkRead {
		return
	}
	r := c.reader
	r.mu.Lock()
	r.renewPass()
	if r.pass.pages == 0 {
		r.pass.nextPageAt = 0
		r.startPage(ctx)
	}
	pageDone := r.pass.pageDone
	r.mu.Unlock()
	if pageDone == nil {
		return
	}
	select {
	case <-pageDone:
	case <-ctx.Done():
	}
}

// ReaderStats returns the counts of Read so far.
func (c *Client) ReaderStats() ReaderStats {
	c.reader.mu.Lock()
	defer c.reader.mu.Unlock()
	return c.reader.stats
}

// written says that this process writes, or has written, the session.
func (r *reader) written(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own[id] = true
	delete(r.listed, id)
	// A single read that is under way may have seen the old session; those who
	// wait for it asked before the write, those who come now start another.
	delete(r.flights, id)
}

func (r *reader) read(ctx context.Context, id string) (Session, error) {
	r.mu.Lock()
	r.active++
	defer r.leave(ctx)
	r.renewPass()
	r.pass.reads++
	r.wanted[id] = true
	for {
		if session, ok := r.lookup(id); ok {
			r.stats.Hits++
			r.pass.credit++
			r.pass.pageHits++
			if 2*r.pass.pageHits > r.pass.pageLength {
				// Where most of a page was wanted, the next one will be, too, and it
				// is there before anybody has to wait for it.
				r.startPage(ctx)
			}
			return session, nil
		}
		r.startPage(ctx)
		if r.own[id] || r.pass.pageDone == nil || r.pass.credit <= 0 && r.pass.singles < singlesBesidePage {
			break
		}
		r.pass.credit--
		pageDone := r.pass.pageDone
		r.mu.Unlock()
		select {
		case <-pageDone:
		case <-ctx.Done():
			r.mu.Lock()
			return Session{}, ctx.Err()
		}
		r.mu.Lock()
	}
	r.stats.Misses++
	r.pass.singles++
	f := r.join(ctx, id)
	r.mu.Unlock()
	select {
	case <-f.done:
		r.mu.Lock()
		return f.session, f.err
	case <-ctx.Done():
		r.mu.Lock()
		if f.waiters--; f.waiters == 0 {
			f.cancel()
			r.land(id, f)
		}
		return Session{}, ctx.Err()
	}
}

// leave ends a read; the caller holds the lock.
func (r *reader) leave(ctx context.Context) {
	r.active--
	stats, idle := r.stats, r.active == 0 && r.logged != r.stats.Pages
	if idle {
		r.logged = r.stats.Pages
	}
	r.mu.Unlock()
	if idle {
		r.client.config.Logger.LogAttrs(ctx, slog.LevelInfo, "bulk read",
			slog.Int("pages", stats.Pages), slog.Int("hits", stats.Hits), slog.Int("misses", stats.Misses))
	}
}

// renewPass begins a new walk when the first page of the last one is too old.
func (r *reader) renewPass() {
	now := r.now()
	if !r.pass.begun.IsZero() && now.Sub(r.pass.begun) <= snapshotLifetime || r.pass.pageDone != nil {
		return
	}
	r.pass = pass{begun: now, seen: newWalk(), nextPageAt: readsPerPage}
	clear(r.listed)
	clear(r.wanted)
}

func (r *reader) lookup(id string) (Session, bool) {
	found, ok := r.listed[id]
	if !ok || r.own[id] || r.now().Sub(found.at) > snapshotLifetime {
		return Session{}, false
	}
	return found.session, true
}

// startPage asks for the next page when enough reads speak for it.
func (r *reader) startPage(ctx context.Context) {
	if r.pass.ended || r.pass.pageDone != nil || r.pass.reads < r.pass.nextPageAt {
		return
	}
	done, token := make(chan struct{}), r.pass.token
	r.pass.pageDone = done
	r.pass.singles = 0
	r.pass.pages++
	r.stats.Pages++
	// The page is for every reader, so none of them may cancel it.
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer close(done)
		asked := r.now()
		got, answer, err := r.client.page(ctx, r.client.config.PageSize, token)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.pass.pageDone = nil
		if err == nil {
			err = r.client.guardPage(got, answer, r.pass.seen)
		}
		if err != nil {
			// Nobody fails of it: single reads go on, and report what they meet.
			r.pass.ended = true
			return
		}
		r.take(got, asked)
	}()
}

func (r *reader) take(got page, asked time.Time) {
	useful := false
	for _, session := range got.sessions {
		useful = useful || r.wanted[session.ID]
		if !r.own[session.ID] {
			r.listed[session.ID] = listing{session: session, at: asked}
		}
	}
	if useful {
		r.pass.useless = 0
	} else {
		r.pass.useless++
	}
	r.pass.pageLength, r.pass.pageHits = len(got.sessions), 0
	r.pass.token = got.nextToken
	r.pass.ended = got.nextToken == ""
	// A page that was listed before any read counts as the one that the first
	// reads would have asked for.
	r.pass.nextPageAt = max(r.pass.reads, readsPerPage) + readsPerPage*r.pass.useless
}

// join returns the single read of id that is under way, or starts one. It ends
// when nobody waits for it any more.
func (r *reader) join(ctx context.Context, id string) *flight {
	if f, ok := r.flights[id]; ok {
		f.waiters++
		return f
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight{done: make(chan struct{}), waiters: 1, cancel: cancel}
	r.flights[id] = f
	go func() {
		defer close(f.done)
		defer cancel()
		f.session, f.err = r.client.Get(ctx, id)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.land(id, f)
	}()
	return f
}

// land keeps later readers from joining f; the caller holds the lock.
func (r *reader) land(id string, f *flight) {
	if r.flights[id] == f {
		delete(r.flights, id)
	}
}
