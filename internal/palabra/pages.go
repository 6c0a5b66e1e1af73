package palabra

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
)

// The bounds of one list. An account holds about ten sessions.
const (
	// maxEmptyPages is how many empty pages in a row are followed. A server that
	// filters a page after reading it sends empty pages.
	maxEmptyPages = 100
	maxPages      = 2_000
	maxListed     = 100_000
	maxListBytes  = 64 << 20
)

// Sessions iterates over every active session, in pages of that size, in the API's
// order, which is by creation. The first error ends it; errors are those of Get.
// (GET /session-storage/sessions, session management page.)
func (c *Client) Sessions(ctx context.Context, pageSize int) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		for walk := newWalk(); !walk.ended; {
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
		}
	}
}

// page is one answer of the list call.
type page struct {
	sessions  []Session
	nextToken string
}

// walk is one pass over the pages, and what it has seen.
type walk struct {
	token       string
	ended       bool
	tokens, ids map[string]bool
	// empty counts the empty pages in a row, pages, listed and bytes everything.
	empty, pages, listed, bytes int
}

func newWalk() *walk { return &walk{tokens: make(map[string]bool), ids: make(map[string]bool)} }

// nextPage fetches the next page of a walk; optional is that of request. If the
// server refuses the page size, nextPage asks again without one: the maximum is not
// documented, and a token may exclude a size.
func (c *Client) nextPage(ctx context.Context, w *walk, pageSize int, optional bool) ([]Session, error) {
	var got page
	r := request{
		op: "list sessions", method: http.MethodGet, path: sessionsPath, optional: optional,
		query:  url.Values{"page_size": {strconv.Itoa(pageSize)}},
		decode: func(body []byte) (err error) { got, err = decodePage(body); return err },
	}
	if w.token != "" {
		r.query.Set("page_token", w.token)
	}
	without := func(r *request) { r.query.Del("page_size") }
	answer, err := c.callOrWithout(ctx, r, &c.pageSizeRefused, without,
		http.StatusBadRequest, http.StatusUnprocessableEntity)
	if err != nil {
		return nil, err
	}
	if problem := w.add(got, len(answer.body)); problem != "" {
		return nil, c.errorFrom(answer, c.unusable(answer, errors.New(problem)))
	}
	for i := range got.sessions {
		got.sessions[i].ServerTime, got.sessions[i].LocalTime = answer.serverTime, answer.localTime
	}
	return got.sessions, nil
}

// add notes a page, and says why the list does not end if the page shows that.
func (w *walk) add(got page, size int) string {
	known := len(w.ids)
	for _, session := range got.sessions {
		w.ids[session.ID] = true
	}
	repeated := w.tokens[got.nextToken]
	w.tokens[got.nextToken] = true
	w.token, w.ended = got.nextToken, got.nextToken == ""
	w.pages++
	w.listed += len(got.sessions)
	w.bytes += size
	if w.empty++; len(got.sessions) > 0 {
		w.empty = 0
	}
	switch {
	case w.ended:
		return ""
	case repeated:
		return "the page names a next page that was read already"
	case w.empty > maxEmptyPages:
		return fmt.Sprintf("%d pages in a row are empty and name a next page", w.empty)
	case w.empty == 0 && len(w.ids) == known:
		return "the page holds only sessions of earlier pages and names a next page"
	case w.pages >= maxPages || w.listed >= maxListed || w.bytes >= maxListBytes:
		return fmt.Sprintf("the list does not end: %d pages with %d sessions in %d bytes were read, and there is a next page",
			w.pages, w.listed, w.bytes)
	}
	return ""
}

// witness is the last list that was read to confirm an end.
type witness struct {
	begun atomic.Int64
	// turn is held by the call that reads the list, or asks what it says.
	turn chan struct{}
	walk *walk
	err  error
}

// isListed reports whether a list that is read from now on, whole, holds the session.
// Calls that wait while a list is read share the next one.
func (c *Client) isListed(ctx context.Context, id string) (bool, error) {
	w := &c.witness
	before := w.begun.Load()
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if w.begun.Load() == before {
		w.begun.Add(1)
		w.walk, w.err = newWalk(), nil
		for w.err == nil && !w.walk.ended {
			_, w.err = c.nextPage(ctx, w.walk, DefaultPageSize, false)
		}
	}
	return w.walk.ids[id], w.err
}
