package palabra

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// An answer that was not understood proves nothing about the credentials.
func TestNotFound_IsCheckedUntilAnAnswerWasUnderstood(t *testing.T) {
	t.Parallel()
	const get, check = "GET /sessions/" + testID, "GET /sessions?page_size=1"
	for name, effect := range map[string]sandbox.Effect{
		"captive portal": sandbox.Respond(200, "text/html", htmlPage),
		"other JSON":     sandbox.Respond(200, jsonType, `{"status":"up"}`),
		"empty 204":      sandbox.Respond(204, "", ""),
	} {
		s := newServer(t)
		client := s.client(t)
		s.Inject(sandbox.Fault{Count: 2, Effect: effect})
		_, _ = client.Get(t.Context(), testID)
		_ = client.Delete(t.Context(), testID)
		s.ResetRequests()
		for range 2 {
			if _, err := client.Get(t.Context(), testID); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		s.expectCalls(t, get, check, get)
	}
}

func TestNotFound_IsNotBelievedWhenTheCheckFails(t *testing.T) {
	t.Parallel()
	for _, effect := range []sandbox.Effect{sandbox.HTMLError(502), sandbox.Respond(200, jsonType, `{"status":"up"}`)} {
		s := newServer(t)
		s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: effect})
		_, err := s.client(t).Get(t.Context(), testID)
		if expectError(t, err, "unable to find out"); classOf(err) != "" {
			t.Errorf("error %v, want one without a class", err)
		}
	}
}

func TestNotFound_ParallelCallsShareOneCheckThatNoneOfThemEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newBubbleServer(t, 0, time.Second)
		client := s.client(t, withBulkRead(false))
		began := elapsedClock()
		interrupted, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := client.Get(interrupted, testID); !errors.Is(err, context.DeadlineExceeded) || classOf(err) != "" || elapsedClock().Sub(began) != time.Millisecond {
				t.Errorf("interrupted call: %v after %s", err, elapsedClock().Sub(began))
			}
		})
		synctest.Wait()
		for range 9 {
			group.Go(func() {
				if _, err := client.Get(t.Context(), testID); !errors.Is(err, ErrNotFound) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if pages, singles := s.counts(); pages != 1 || singles != 10 {
			t.Errorf("%d checks for %d calls, want 1 for 10", pages, singles)
		}
	})
}
