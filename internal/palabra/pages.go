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
		for page, err := range c.pages(ctx, pageSize) {
			if err != nil {
				yield(Session{}, err)
				return
			}
			for _, session := range page.sessions {
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

// pages iterates over pages and guards against lists that never end.
func (c *Client) pages(ctx context.Context, pageSize int) iter.Seq2[page, error] {
	return func(yield func(page, error) bool) {
		seen := newWalk()
		for token := ""; ; {
			got, answer, err := c.page(ctx, pageSize, token)
			if err == nil {
				err = c.guardPage(got, answer, seen)
			}
			if err != nil {
				yield(page{}, err)
				return
			}
			token = got.nextToken
			if !yield(got, nil) || token == "" {
				return
			}
		}
	}
}

// maxEmptyPages is how many empty pages in a row are followed. A server that
// filters a page after reading it sends empty pages.
const maxEmptyPages = 100

// walk remembers what one pass over the pages has seen. It keeps hashes, because
// an account may have many sessions with long ids.
type walk struct {
	seed        maphash.Seed
	tokens, ids map[uint64]struct{}
	empty       int
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

// guardPage returns an error for a page that shows that the list never ends.
func (c *Client) guardPage(got page, answer answer, seen *walk) error {
	added := 0
	for _, session := range got.sessions {
		if seen.isNew(seen.ids, session.ID) {
			added++
		}
	}
	if seen.empty++; len(got.sessions) > 0 {
		seen.empty = 0
	}
	switch {
	case got.nextToken == "":
		return nil
	case !seen.isNew(seen.tokens, got.nextToken):
		return c.badAnswer(answer, errors.New("the page names a next page that was read already"))
	case seen.empty > maxEmptyPages:
		return c.badAnswer(answer, fmt.Errorf("%d pages in a row are empty and name a next page", seen.empty))
	case seen.empty == 0 && added == 0:
		return c.badAnswer(answer, errors.New("the page holds only sessions of earlier pages and names a next page"))
	}
	return nil
}

// page fetches one page. If the server refuses the page size, page asks again
// without one: the maximum is not documented, and a token may exclude a size.
func (c *Client) page(ctx context.Context, pageSize int, token string) (page, answer, error) {
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
		op: "list sessions", method: http.MethodGet, path: sessionsPath, query: query,
		decode: func(body []byte) (err error) { got, err = decodePage(body); return err },
	}
	answer, err := c.call(ctx, r)
	var apiErr *Error
	if sized && errors.As(err, &apiErr) && isPageSizeRefusal(apiErr.StatusCode) {
		r.query.Del("page_size")
		if answer, err = c.call(ctx, r); err == nil {
			c.pageSizeRefused.Store(true)
		}
	}
	if err != nil {
		return page{}, answer, err
	}
	for i := range got.sessions {
		got.sessions[i].ServerTime = answer.serverTime
	}
	return got, answer, nil
}

func isPageSizeRefusal(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnprocessableEntity
}
