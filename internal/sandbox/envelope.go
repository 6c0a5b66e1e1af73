package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// Envelope is one of the shapes in which deployed versions have answered the
// list call.
type Envelope int

// The envelopes that the contract records.
const (
	// EnvelopeData is {"data": […], "next_page_token": "…"}, as documented.
	EnvelopeData Envelope = iota
	// EnvelopeNext is {"data": […], "next": "…"}, as the documentation's prose
	// has it.
	EnvelopeNext
	// EnvelopeSessions is {"ok": true, "data": {"sessions": […] or null,
	// "next_page_token": "…"}}, as the vendor's JavaScript SDK has it.
	EnvelopeSessions
	// EnvelopeSessionsNext is EnvelopeSessions with the token named "next".
	EnvelopeSessionsNext
	// EnvelopeTopLevel is {"sessions": […], "next_page_token": "…"}.
	EnvelopeTopLevel
	// EnvelopeItems is {"ok": true, "data": {"items": […], "next": "…"}}, as the
	// API's sibling lists answer.
	EnvelopeItems
	// EnvelopeNoToken is {"ok": true, "data": […]}: the newest reference lists no
	// token, so what does not fit on the first page cannot be reached.
	EnvelopeNoToken
	// EnvelopeArray is a bare […], without a token either.
	EnvelopeArray
)

// envelopeNames are what a command line calls them, by number.
var envelopeNames = []string{"data", "next", "sessions", "sessions-next", "top-level", "items", "no-token", "array"}

// String returns the name that UnmarshalText takes.
func (e Envelope) String() string { return envelopeNames[e] }

// MarshalText makes Envelope a value for flag.TextVar.
func (e Envelope) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText takes one of data, next, sessions, sessions-next, top-level,
// items, no-token and array.
func (e *Envelope) UnmarshalText(text []byte) error {
	at := slices.Index(envelopeNames, string(text))
	if at < 0 {
		return fmt.Errorf("the list envelope is one of %s", strings.Join(envelopeNames, ", "))
	}
	*e = Envelope(at)
	return nil
}

// listBody puts a page into the envelope; an empty token ends the list.
func listBody(envelope Envelope, sessions []Session, token string) any {
	withToken := func(body map[string]any, name string) map[string]any {
		if token != "" {
			body[name] = token
		}
		return body
	}
	wrapped := func(data any) map[string]any { return map[string]any{"ok": true, "data": data} }
	// The vendor's SDK types its list as possibly null.
	inner := map[string]any{"sessions": nil}
	if len(sessions) > 0 {
		inner["sessions"] = sessions
	}
	switch envelope {
	case EnvelopeNext:
		return withToken(map[string]any{"data": sessions}, "next")
	case EnvelopeSessions:
		return wrapped(withToken(inner, "next_page_token"))
	case EnvelopeSessionsNext:
		return wrapped(withToken(inner, "next"))
	case EnvelopeTopLevel:
		return withToken(map[string]any{"sessions": sessions}, "next_page_token")
	case EnvelopeItems:
		return wrapped(withToken(map[string]any{"items": sessions}, "next"))
	case EnvelopeNoToken:
		return wrapped(sessions)
	case EnvelopeArray:
		return sessions
	case EnvelopeData:
	}
	return withToken(map[string]any{"data": sessions}, "next_page_token")
}
