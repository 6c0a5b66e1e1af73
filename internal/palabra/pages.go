package palabra

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

const (
	// maxEmptyPages is how many empty pages in a row are followed. A server that
	// filters a page after reading it sends empty pages.
	maxEmptyPages = 100
	// The bounds of one list. An account holds about ten sessions.
	maxPages     = 2_000
	maxListed    = 100_000
	maxListBytes = 64 << 20
)

// Sessions iterates over every active session, page by page, in the API's
// order, which is by creation. The first error ends it; errors are those of Get.
// (GET /session-storage/sessions, session management page.)
func (c *Client) Sessions(ctx context.Context) iter.Seq2[Session, error] {
	return c.SessionsPageSize(ctx, DefaultPageSize)
}

// SessionsPageSize is Sessions with a page size of its own, for callers that
// need only a few.
func (c *Client) SessionsPageSize(ctx context.Context, pageSize int) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		walk := newWalk()
		for {
			sessions, err := c.nextPage(ctx, walk, pageSize, false)
			if err != nil {
				yield(Session{}, err)
				return
			}
			for _, session := range sessions {
				if !yield(session, nil) {
					return
				}
			}
			if walk.ended {
				return
			}
		}
	}
}

// page is one answer of the list call.
type page struct {
	sessions  []Session
	nextToken string
}

// walk is one pass over the pages. It keeps hashes of what it has seen, because an
// account may have many sessions with long ids.
type walk struct {
	token       string
	ended       bool
	seed        maphash.Seed
	tokens, ids map[uint64]struct{}
	// empty counts the empty pages in a row, pages, listed and bytes everything.
	empty, pages, listed, bytes int
}

func newWalk() *walk {
	return &walk{seed: maphash.MakeSeed(), tokens: make(map[uint64]struct{}), ids: make(map[uint64]struct{})}
}

// isNew adds text to the set and reports whether it was missing.
func (w *walk) isNew(set map[uint64]struct{}, text string) bool {
	hash := maphash.String(w.seed, text)
	_, ok := set[hash]
	set[hash] = struct{}{}
	return !ok
}

// nextPage fetches the next page of a walk. optional is that of request.
func (c *Client) nextPage(ctx context.Context, w *walk, pageSize int, optional bool) ([]Session, error) {
	got, answer, err := c.page(ctx, pageSize, w.token, optional)
	if err != nil {
		return nil, err
	}
	w.token, w.ended = got.nextToken, got.nextToken == ""
	if problem := w.add(got, len(answer.body)); problem != "" && !w.ended {
		return nil, c.badAnswer(answer, errors.New(problem))
	}
	return got.sessions, nil
}

// add notes a page, and says why the list does not end if the page shows that.
func (w *walk) add(got page, size int) string {
	added := 0
	for _, session := range got.sessions {
		if w.isNew(w.ids, session.ID) {
			added++
		}
	}
	w.pages++
	w.listed += len(got.sessions)
	w.bytes += size
	if w.empty++; len(got.sessions) > 0 {
		w.empty = 0
	}
	switch {
	case !w.isNew(w.tokens, got.nextToken):
		return "the page names a next page that was read already"
	case w.empty > maxEmptyPages:
		return fmt.Sprintf("%d pages in a row are empty and name a next page", w.empty)
	case w.empty == 0 && added == 0:
		return "the page holds only sessions of earlier pages and names a next page"
	case w.pages >= maxPages || w.listed >= maxListed || w.bytes >= maxListBytes:
		return fmt.Sprintf("the list does not end: %d pages with %d sessions in %d bytes were read, and there is a next page", w.pages, w.listed, w.bytes)
	}
	return ""
}

// page fetches one page. If the server refuses the page size, page asks again
// without one: the maximum is not documented, and a token may exclude a size.
func (c *Client) page(ctx context.Context, pageSize int, token string, optional bool) (page, answer, error) {
	var got page
	query := url.Values{}
	if token != "" {
		query.Set("page_token", token)
	}
	sized := !c.pageSizeRefused.Load()
	if sized {
		query.Set("page_size", strconv.Itoa(pageSize))
	}
	r := request{
		op: "list sessions", method: http.MethodGet, path: sessionsPath, query: query, optional: optional,
		decode: func(body []byte) (err error) { got, err = decodePage(body); return err },
	}
	answer, err := c.call(ctx, r)
	if sized && (answer.status == http.StatusBadRequest || answer.status == http.StatusUnprocessableEntity) {
		r.query.Del("page_size")
		if answer, err = c.call(ctx, r); err == nil {
			c.pageSizeRefused.Store(true)
		}
	}
	if err != nil {
		return page{}, answer, err
	}
	for i := range got.sessions {
		got.sessions[i].ServerTime, got.sessions[i].LocalTime = answer.serverTime, answer.localTime
	}
	return got, answer, nil
}

// witness answers whether sessions are listed. Callers share lists.
type witness struct {
	mu sync.Mutex
	// next is the list that has not begun, last the end of the newest one.
	next *testimony
	last <-chan struct{}
}

// testimony is one list, of which only the wanted ids are kept.
type testimony struct {
	listed map[string]bool
	err    error
	done   chan struct{}
}

// lists reports whether a list that is read from now on, whole, holds the session.
// No caller ends the list for the others.
func (w *witness) lists(ctx context.Context, c *Client, id string) (bool, error) {
	w.mu.Lock()
	said := w.next
	if said == nil {
		said = &testimony{listed: make(map[string]bool), done: make(chan struct{})}
		go w.read(context.WithoutCancel(ctx), c, said, w.last)
		w.next, w.last = said, said.done
	}
	said.listed[id] = false
	w.mu.Unlock()
	select {
	case <-said.done:
		return said.listed[id], said.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (w *witness) read(ctx context.Context, c *Client, said *testimony, before <-chan struct{}) {
	defer close(said.done)
	if before != nil {
		<-before
	}
	w.mu.Lock()
	w.next = nil // A later caller needs a later list.
	w.mu.Unlock()
	for session, err := range c.Sessions(ctx) {
		if err != nil {
			said.err = err
			return
		}
		if _, wanted := said.listed[session.ID]; wanted {
			said.listed[session.ID] = true
		}
	}
}
