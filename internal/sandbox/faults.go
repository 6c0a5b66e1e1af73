package sandbox

import "net/http"

// Effect answers a request instead of the API. It may call api, which does what
// the request asks for.
type Effect func(w http.ResponseWriter, r *http.Request, api http.Handler)

// Fault is an effect and the requests it meets. Zero fields match everything.
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
	// Effect is what happens.
	Effect Effect
}

// Inject adds a fault; remove ends it. Of several that match, the first counts.
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
	for i, other := range s.faults {
		if other == f {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			return
		}
	}
}

func (s *Sandbox) pickFault(operation Operation, id string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Operation != operationNone && f.Operation != operation || f.SessionID != "" && f.SessionID != id {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Probability > 0 && s.rng.Float64() >= f.Probability {
			continue
		}
		if f.Count > 0 {
			if f.Count--; f.Count == 0 {
				s.removeFault(f)
			}
		}
		return f
	}
	return nil
}
