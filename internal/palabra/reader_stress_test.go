package palabra_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// upTo is a random duration below d.
func upTo(d time.Duration) time.Duration { return rand.N(d) } //nolint:gosec // no secret

// upToDelay takes up to d, differently for each request.
func upToDelay(d time.Duration) sandbox.Effect {
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) { sandbox.Delay(upTo(d))(w, r, api) }
}

// TestReader_StressOwnWritesAreNeverOld has 30 readers and 10 writers of the same
// sessions, cancels and faults. Each write makes the expiry later, so an answer
// that is older than a write which was over before the read shows at once.
func TestReader_StressOwnWritesAreNeverOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const sessions, written, rounds = 300, 40, 100
		s := newMemoryServer(t, 0, 0)
		for operation, delay := range map[sandbox.Operation]time.Duration{
			sandbox.OperationGet: 50 * time.Millisecond, sandbox.OperationExpiry: 50 * time.Millisecond, sandbox.OperationList: 1500 * time.Millisecond,
		} {
			s.Inject(sandbox.Fault{Operation: operation, Effect: upToDelay(delay), Through: true})
		}
		s.Inject(sandbox.Fault{Operation: sandbox.OperationList, Probability: 0.05, Effect: sandbox.Hang()})
		for _, effect := range []sandbox.Effect{sandbox.HTMLError(502), sandbox.RateLimited("0"), sandbox.CutBefore(), sandbox.CutAfter()} {
			s.Inject(sandbox.Fault{Probability: 0.02, Effect: effect})
		}
		ids := s.fill(sessions)
		client := s.client(t, func(c *palabra.Config) { c.MaxRetries, c.PageSize = 1, 20 })
		// What is written are the first sessions of the list; floors are in Unix seconds.
		var floors [written]atomic.Int64
		var failed, cancelled, listed atomic.Int32
		read := func(ctx context.Context, i int) {
			var floor int64
			if i < written {
				floor = floors[i].Load()
			}
			session, err := client.Read(ctx, ids[i])
			switch {
			case err != nil && ctx.Err() != nil:
				cancelled.Add(1)
			case err != nil:
				failed.Add(1)
				if errors.Is(err, palabra.ErrNotFound) {
					t.Errorf("%s: %v", ids[i], err)
				}
			case session.ID != ids[i] || session.ExpiresAt.Unix() < floor:
				t.Errorf("%s: answered %+v, expiry at least %d", ids[i], session, floor)
			case session.Listed && floor > 0:
				t.Errorf("%s: a page answered for a session that was written", ids[i])
			case session.Listed:
				listed.Add(1)
			}
		}
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				for range rounds {
					ctx, cancel := t.Context(), func() {}
					if rand.IntN(5) == 0 { //nolint:gosec // no secret
						ctx, cancel = context.WithTimeout(ctx, upTo(40*time.Millisecond))
					}
					read(ctx, rand.IntN(sessions)) //nolint:gosec // no secret
					cancel()
					time.Sleep(upTo(2 * time.Second))
				}
			})
		}
		for writer := range 10 {
			wg.Go(func() {
				for round := range rounds {
					i := writer*written/10 + round%(written/10)
					ttl := int64(3_000_000 + 1000*round)
					at, err := client.SetExpiry(t.Context(), ids[i], ttl)
					if err != nil {
						failed.Add(1)
						continue
					}
					floors[i].Store(at.Unix() + ttl)
					read(t.Context(), i)
					time.Sleep(upTo(2 * time.Second))
				}
			})
		}
		wg.Wait()
		t.Logf("%+v, %d listed, %d cancelled, %d failed", client.ReaderStats(), listed.Load(), cancelled.Load(), failed.Load())
		if listed.Load() == 0 || cancelled.Load() == 0 || failed.Load() == 0 || client.ReaderStats().Pages < 15 {
			t.Error("nothing was put under stress")
		}
	})
}
