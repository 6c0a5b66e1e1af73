package palabra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	listWith    = `{"data":[{"id":"` + testID + `"}]}`
	listWithout = `{"data":[{"id":"another"}]}`
)

// twoWitnesses answers calls about one session with a 404, and lists otherwise.
func twoWitnesses(body string, list func(n int) (*http.Response, error)) (server roundTrip, calls func() string) {
	var (
		mu    sync.Mutex
		log   []string
		lists int
	)
	server = func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		if req.URL.Path == sessionsPath {
			log = append(log, "list")
			lists++
			return list(lists)
		}
		if strings.HasSuffix(req.URL.Path, "/works") {
			return respond(http.StatusOK, `{"data":{"id":"works"}}`), nil
		}
		log = append(log, req.Method)
		return respond(http.StatusNotFound, body, "Content-Type", typeOf(body)), nil
	}
	return server, func() string { mu.Lock(); defer mu.Unlock(); return strings.Join(log, " ") }
}

func TestWitness_EndNeedsA404AndAListWithoutTheSession(t *testing.T) {
	t.Parallel()
	answers := func(status int, body string) func(int) (*http.Response, error) {
		return func(int) (*http.Response, error) { return answers(status, body)(nil) }
	}
	apis := problemBody("Not found", "Session not found.")
	for name, test := range map[string]struct {
		fresh bool // nothing has worked with these credentials
		body  string
		list  func(n int) (*http.Response, error)
		// calls replaces the name of the call by %s.
		class, calls string
	}{
		"not listed":             {true, apis, answers(200, listWithout), "not found", "%s list"},
		"not listed, no body":    {true, "", answers(200, listWithout), "not found", "%s list"},
		"not listed, any object": {false, `{"message":"no Route matched"}`, answers(200, listWithout), "not found", "%s list"},
		"listed":                 {false, apis, answers(200, listWith), "still listed", "%s list %s list"},
		"listed, any object":     {false, "{}", answers(200, listWith), "still listed", "%s list %s list"},
		"listed on page 2": {false, "", func(n int) (*http.Response, error) {
			if n%2 == 1 {
				return respond(200, `{"data":[],"next":"x"}`), nil
			}
			return respond(200, listWith), nil
		}, "still listed", "%s list list %s list list"},
		"listed for a second": {false, apis, func(n int) (*http.Response, error) {
			return respond(200, []string{listWith, listWithout}[n-1]), nil
		}, "not found", "%s list %s list"},
		"half of a list": {false, apis, func(n int) (*http.Response, error) {
			if n == 1 {
				return respond(200, `{"data":[{"id":"another"}],"next":"x"}`), nil
			}
			return respond(400, ""), nil
		}, "unconfirmed", "%s list list list"},
		"list is another page":                      {false, apis, answers(200, htmlPage), "unconfirmed", "%s list"},
		"list is cut":                               {false, apis, func(int) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, "unconfirmed", "%s list list list list list"},
		"list is a gateway's 404":                   {false, apis, answers(404, "{}"), "no such endpoint+unconfirmed", "%s list"},
		"wrong credentials, 404":                    {true, problemBody("Not found", "User not found."), answers(404, problemBody("Not found", "User not found.")), "unauthorized+unconfirmed", "%s list"},
		"wrong credentials, 401":                    {true, apis, answers(401, ""), "unauthorized+unconfirmed", "%s list"},
		"credentials may not list, the API's 404":   {false, apis, answers(403, ""), "not found", "%s list"},
		"credentials may not list, a gateway's 404": {false, `{"detail":"Not Found"}`, answers(403, ""), "unauthorized+unconfirmed", "%s list"},
		"web page":                    {false, htmlPage, answers(200, listWithout), "not the API", "%s"},
		"plain text":                  {false, "404 page not found", answers(200, listWithout), "not the API", "%s"},
		"web page instead of the API": {true, htmlPage, answers(200, listWithout), "no such endpoint", "%s"},
	} {
		for call, method := range map[string]string{"get": "GET", "expiry": "POST", "delete": "DELETE"} {
			synctest.Test(t, func(t *testing.T) {
				server, log := twoWitnesses(test.body, test.list)
				client := offline(t, server)
				if !test.fresh {
					if _, err := client.Get(t.Context(), "works"); err != nil {
						t.Fatal(err)
					}
				}
				err := calls(t.Context(), client.Client, testID)[call]()
				if got, want := log(), strings.ReplaceAll(test.calls, "%s", method); classOf(err) != test.class || got != want {
					t.Errorf("%s, %s: class %q, want %q; calls %q, want %q; %v", name, call, classOf(err), test.class, got, want, err)
				}
			})
		}
	}
}

// What an earlier attempt did is not known, so it makes no 404 a success. Whoever
// counts deletions learns of it.
func TestWitness_DecidesAboutADeleteWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	lost := func(req *http.Request) (*http.Response, error) { connect(req); return nil, io.ErrUnexpectedEOF }
	unsent := fails(io.ErrUnexpectedEOF)
	for name, test := range map[string]struct {
		list   string
		before []roundTrip
		want   string
		maybe  bool
	}{
		"listed":                          {listWith, []roundTrip{lost}, "still listed", false},
		"answer lost":                     {listWithout, []roundTrip{lost}, "not found", true},
		"answer lost, then no connection": {listWithout, []roundTrip{lost, unsent}, "not found", true},
		"bad gateway":                     {listWithout, []roundTrip{answers(502, "")}, "not found", true},
		"rate limit":                      {listWithout, []roundTrip{answers(429, "")}, "not found", false},
		"no connection":                   {listWithout, []roundTrip{unsent}, "not found", false},
		"nothing":                         {listWithout, nil, "not found", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			server, _ := twoWitnesses("", func(int) (*http.Response, error) { return respond(200, test.list), nil })
			attempts := slices.Concat(test.before, []roundTrip{server})
			client := offline(t, func(req *http.Request) (*http.Response, error) {
				next := attempts[0]
				attempts = append(attempts[1:], server)
				return next(req)
			})
			if err := client.Delete(t.Context(), testID); classOf(err) != test.want || errors.Is(err, ErrMaybeDeleted) != test.maybe {
				t.Errorf("%s: %v, want %q, maybe deleted: %t", name, err, test.want, test.maybe)
			}
		})
	}
}

func TestWitness_IsNotNeededForASessionThatHasEnded(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{"": "not found", "{}": "not found", htmlPage: "no such endpoint"} {
		server, calls := twoWitnesses(body, nil)
		if _, err := offline(t, server).GetEnded(t.Context(), testID); classOf(err) != want || calls() != "GET" {
			t.Errorf("%q: %v after %s, want %q", body, err, calls(), want)
		}
	}
}

func TestWitness_ParallelCallsShareListsThatNoneOfThemEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, 0, time.Second)
		client, began := s.client(t), elapsedClock()
		var group sync.WaitGroup
		// The first one reads the list, the second one waits for it.
		for _, interrupt := range []time.Duration{time.Millisecond, time.Microsecond} {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), interrupt)
				defer cancel()
				_, err := client.Get(ctx, testID)
				if took := elapsedClock().Sub(began); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrNotFound) || took != interrupt {
					t.Errorf("interrupted call: %v after %s", err, took)
				}
			})
			synctest.Wait()
		}
		for i := range 9 {
			group.Go(func() {
				// The list in flight began before this 404, and ends with the interrupt.
				if _, err := client.Get(t.Context(), fmt.Sprint(testID, i)); !errors.Is(err, ErrNotFound) || elapsedClock().Sub(began) != time.Millisecond+time.Second {
					t.Errorf("%v after %s", err, elapsedClock().Sub(began))
				}
			})
		}
		group.Wait()
		if pages, singles := s.counts(); pages != 2 || singles != 11 {
			t.Errorf("%d lists for %d calls, want 2 for 11", pages, singles)
		}
	})
}
