package sandbox

import (
	"compress/gzip"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Delay waits, in real time, before the API answers.
func Delay(d time.Duration) Effect {
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			api.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// Hang does nothing and answers nothing until the client gives up.
func Hang() Effect {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// LimitRate answers 429 with Retry-After to more than n requests in any second.
func LimitRate(n int) Effect { return LimitRequests(n, time.Second, true) }

// LimitRequests answers 429 to more than n requests in any window of real time.
// Retry-After, if wanted, is the seconds until the next request is allowed.
func LimitRequests(n int, window time.Duration, retryAfter bool) Effect {
	var (
		mu     sync.Mutex
		recent []time.Time
	)
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		mu.Lock()
		now := realTime()
		for len(recent) > 0 && now.Sub(recent[0]) >= window {
			recent = recent[1:]
		}
		allowed, wait := len(recent) < n, ""
		if allowed {
			recent = append(recent, now)
		} else if retryAfter {
			wait = fmt.Sprint(math.Ceil((window - now.Sub(recent[0])).Seconds()))
		}
		mu.Unlock()
		if !allowed {
			RateLimited(wait)(w, r, api)
			return
		}
		api.ServeHTTP(w, r)
	}
}

// CutBefore cuts the connection before anything is done.
func CutBefore() Effect {
	return func(http.ResponseWriter, *http.Request, http.Handler) {
		panic(http.ErrAbortHandler)
	}
}

// CutAfter does what was asked for and cuts the connection without an answer.
func CutAfter() Effect {
	return func(_ http.ResponseWriter, r *http.Request, api http.Handler) {
		api.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
}

// CutBody does what was asked for, promises a body, and cuts the connection in
// the middle of it.
func CutBody() Effect {
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, r)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "100000")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// Truncate does what was asked for and answers with the first half of the body,
// as if that were all.
func Truncate() Effect {
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, r)
		Respond(answer.Code, "application/json", answer.Body.String()[:answer.Body.Len()/2])(w, r, api)
	}
}

// Replace does what was asked for and answers something else.
func Replace(status int, contentType, body string) Effect {
	return func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		api.ServeHTTP(httptest.NewRecorder(), r)
		Respond(status, contentType, body)(w, r, api)
	}
}

// EndlessBody sends JSON that does not end as long as the client reads.
func EndlessBody() Effect {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		chunk := []byte(strings.Repeat(" ", 64<<10))
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// GzipBomb sends size bytes of JSON, compressed about a thousandfold.
func GzipBomb(size int) Effect {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusOK)
		zip := gzip.NewWriter(w)
		chunk := []byte(strings.Repeat(" ", 64<<10))
		for sent := 0; sent < size; sent += len(chunk) {
			if _, err := zip.Write(chunk); err != nil {
				return
			}
		}
		_ = zip.Close()
	}
}

// DeepJSON sends arrays nested that deep.
func DeepJSON(depth int) Effect {
	return Respond(http.StatusOK, "application/json", `{"data":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`}`)
}

// Chaos injects a mix of the faults that a remote API shows. A share of all
// requests, between 0 and 1, gets one; Options.Seed decides which.
func (s *Sandbox) Chaos(share float64) (stop func()) {
	mix := []Fault{
		{Name: "html 502", Effect: HTMLError(http.StatusBadGateway)},
		{Name: "503", Effect: Respond(http.StatusServiceUnavailable, "text/plain", "busy")},
		{Name: "500", Effect: Respond(http.StatusInternalServerError, "application/json", `{"ok":false,"errors":[]}`)},
		{Name: "429", Effect: RateLimited("0")},
		{Name: "cut before", Effect: CutBefore()},
		{Name: "cut after", Effect: CutAfter()},
		{Name: "cut body", Effect: CutBody(), Operation: OperationGet},
		{Name: "slow", Effect: Delay(20 * time.Millisecond)},
	}
	removes := make([]func(), 0, len(mix))
	// Each fault sees only what the ones before let pass.
	left := 1.0
	for _, f := range mix {
		f.Probability = share / float64(len(mix)) / left
		left -= share / float64(len(mix))
		removes = append(removes, s.Inject(f))
	}
	return func() {
		for _, remove := range removes {
			remove()
		}
	}
}
