package palabra

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	pageLifetime = 30 * time.Second // from the request for the page
	patience     = 1100 * time.Millisecond
)

// reader answers single reads from list pages. Engines read resources one by one
// and do not announce how many follow.
//
//  1. The first read asks for the first page, and reads wait for a page in flight.
//  2. Another page is asked for if the last one answered a read.
//  3. All waiting for pages that answered no waiting read is together about a second.
//     After that, or after a list that failed in whatever way, every read is single.
//  4. A page answers reads for 30 seconds, but not for a session that this process
//     has written.
type reader struct {
	client   *Client
	pageSize int

	mu       sync.Mutex
	own      map[string]bool // ids that this process has written
	listed   map[string]listing
	walk     *walk
	newest   *pageCall     // the last page that was asked for; nil before the first
	patience time.Duration // what is left of the waiting of rule 3
}

type listing struct {
	session Session
	page    *pageCall
}

// pageCall is a page in flight or arrived.
type pageCall struct {
	asked    time.Time
	inFlight bool
	arrived  chan struct{}
	wanted   []string // ids of the reads that wait
	answered bool     // a read
}

func (p *pageCall) isOld() bool { return elapsedClock().Sub(p.asked) > pageLifetime }

// Read reads one session like Get, but may answer from a list page requested
// within the last 30 seconds. Session.Listed reports that; the session may then
// lack what the list leaves out. A session that is on no page is read singly,
// because absence from a list proves nothing. Errors are those of Get.
func (c *Client) Read(ctx context.Context, id string) (Session, error) {
	for ctx.Err() == nil {
		found, page := c.reader.lookUp(ctx, id)
		if found != nil {
			return *found, nil
		}
		if page == nil {
			break
		}
		select {
		case <-page.arrived:
		case <-ctx.Done():
		}
	}
	return c.Get(ctx, id)
}

// written notes that this process writes the session.
func (r *reader) written(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own[id] = true
}

// lookUp returns the session, or the page to wait for before another look. Without
// either the session has to be read singly.
func (r *reader) lookUp(ctx context.Context, id string) (*Session, *pageCall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own[id] || !isSegment(id) {
		return nil, nil
	}
	if found, ok := r.listed[id]; ok && !found.page.isOld() {
		found.page.answered = true
		return &found.session, nil
	}
	switch {
	case r.newest != nil && r.newest.inFlight:
	case r.patience <= 0:
		return nil, nil
	case r.newest == nil || r.newest.isOld():
		r.walk, r.listed = newWalk(), make(map[string]listing)
		r.ask(ctx)
	case r.newest.answered && !r.walk.ended:
		r.ask(ctx)
	default:
		return nil, nil
	}
	r.newest.wanted = append(r.newest.wanted, id)
	return nil, r.newest
}

// ask asks for the next page. All reads share it, so none of them ends it; it ends
// when nobody would wait any longer.
func (r *reader) ask(ctx context.Context) {
	page := &pageCall{asked: elapsedClock(), inFlight: true, arrived: make(chan struct{})}
	r.newest = page
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.patience)
	go func() {
		defer cancel()
		sessions, err := r.client.nextPage(ctx, r.walk, r.pageSize, true)
		r.mu.Lock()
		defer r.mu.Unlock()
		defer close(page.arrived)
		page.inFlight = false
		for _, session := range sessions {
			session.Listed = true
			r.listed[session.ID] = listing{session, page}
			page.answered = page.answered || slices.Contains(page.wanted, session.ID)
		}
		if err != nil {
			r.patience = 0
		} else if !page.answered {
			r.patience -= elapsedClock().Sub(page.asked)
		}
		r.client.config.Logger.LogAttrs(ctx, slog.LevelInfo, "list page for many reads",
			slog.Int("sessions", len(sessions)), slog.Bool("answers", page.answered))
	}()
}
