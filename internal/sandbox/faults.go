package sandbox

import (
	"net/http"
	"slices"
)

// Effect answers a request instead of the API. It may call api, which does what
// the request asks for.
type Effect func(w http.ResponseWriter, r *http.Request, api http.Handler)

// Fault is an effect and the requests that it applies to. Zero fields match everything.
type Fault struct {
	// Name is shown in the request log.
	Name string
	// Operation and SessionID select requests.
	Operation Operation
	SessionID string
	// Skip lets that many matching requests pass first.
	Skip int
	// Count ends the fault after that many requests; 0 means never.
	Count int
	// Probability, in (0, 1), lets the rest pass; 0 means always.
	Probability float64
	// Through is for an effect that mostly passes requests on as they are, such as
	// a delay or a rate limit: the next fault that matches applies to them, too. The
	// log names such a fault only for requests that it answered itself.
	Through bool
	// Effect is what happens.
	Effect Effect
}

// Inject adds a fault; remove ends it. Of several that match, the first one without
// Through applies, and those with Through before it.
func (s *Sandbox) Inject(f Fault) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	injected := &f
	s.faults = append(s.faults, injected)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.removeFault(injected)
	}
}

func (s *Sandbox) removeFault(f *Fault) {
	// A clone, because pickFaults may be iterating.
	s.faults = slices.DeleteFunc(slices.Clone(s.faults), func(other *Fault) bool { return other == f })
}

// withFaults returns the API behind the faults that match a request, the first of
// them in front. name becomes that of the fault that answered.
func (s *Sandbox) withFaults(operation Operation, id string, name *string) http.Handler {
	api := http.Handler(http.HandlerFunc(s.answer))
	for _, f := range slices.Backward(s.pickFaults(operation, id)) {
		behind := api
		api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			*name = f.Name
			f.Effect(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if f.Through {
					*name = ""
				}
				behind.ServeHTTP(w, r)
			}))
		})
	}
	return api
}

// pickFaults returns those that pass a request on, and the first that does not.
func (s *Sandbox) pickFaults(operation Operation, id string) (picked []*Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if !s.picks(f, operation, id) {
			continue
		}
		picked = append(picked, f)
		if !f.Through {
			break
		}
	}
	return picked
}

func (s *Sandbox) picks(f *Fault, operation Operation, id string) bool {
	if f.Operation != operationNone && f.Operation != operation || f.SessionID != "" && f.SessionID != id {
		return false
	}
	if f.Skip > 0 {
		f.Skip--
		return false
	}
	if f.Probability > 0 && s.rng.Float64() >= f.Probability {
		return false
	}
	if f.Count > 0 {
		if f.Count--; f.Count == 0 {
			s.removeFault(f)
		}
	}
	return true
}
