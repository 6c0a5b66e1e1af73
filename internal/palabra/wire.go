package palabra

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

func (r CreateRequest) encode() []byte {
	body, _ := json.Marshal(map[string]CreateRequest{"data": r}) // Strings and numbers always marshal.
	return body
}

func encodeExpiry(ttlSeconds int64) []byte {
	return fmt.Appendf(nil, `{"data":{"ttl_seconds":%d}}`, ttlSeconds)
}

// lastTime is the last one that RFC 3339 can express in UTC.
var lastTime = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)

// toUTC converts the times, which may have other offsets. An offset can move a time
// out of the years that RFC 3339 has.
func (s *Session) toUTC() {
	for _, t := range []*time.Time{&s.CreatedAt, &s.UpdatedAt, &s.ExpiresAt} {
		if *t = t.UTC(); t.After(lastTime) {
			*t = lastTime
		}
		if t.Year() < 1 {
			*t = time.Time{}
		}
	}
}

// decodeSession decodes {"data": {…}}. It refuses an answer for another session,
// because acting on it would change the wrong one.
func decodeSession(body []byte, id string) (Session, error) {
	var envelope struct {
		Data *Session `json:"data"`
	}
	if err := decodeJSON(body, &envelope); err != nil {
		return Session{}, err
	}
	switch {
	case envelope.Data == nil:
		return Session{}, errors.New("it holds no session")
	case envelope.Data.ID == "":
		envelope.Data.ID = id
	case envelope.Data.ID != id:
		return Session{}, errors.New("it is for another session")
	}
	envelope.Data.toUTC()
	return *envelope.Data, nil
}

// stringOrList is a token field that has been a string in some versions of the
// API and a list in others.
type stringOrList []string

func (s *stringOrList) UnmarshalJSON(raw []byte) error {
	if startsWith(raw, '"') {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	return json.Unmarshal(raw, (*[]string)(s))
}

// decodeCreated accepts the current and the former names of fields.
func decodeCreated(body []byte) (CreatedSession, error) {
	var envelope struct {
		Data *struct {
			ID             string       `json:"id"`
			Publisher      stringOrList `json:"publisher"`
			Subscriber     stringOrList `json:"subscriber"`
			WebRTCURL      string       `json:"webrtc_url"`
			StreamURL      string       `json:"stream_url"`
			WebRTCRoomName string       `json:"webrtc_room_name"`
			RoomName       string       `json:"room_name"`
			WSURL          string       `json:"ws_url"`
			ControlURL     string       `json:"control_url"`
			Intent         string       `json:"intent"`
			Organization   string       `json:"organization"`
		} `json:"data"`
	}
	if err := decodeJSON(body, &envelope); err != nil {
		return CreatedSession{}, err
	}
	data := envelope.Data
	if data == nil || data.ID == "" {
		return CreatedSession{}, errors.New("it holds no session id")
	}
	created := CreatedSession{
		ID:               data.ID,
		SubscriberTokens: data.Subscriber,
		WebRTCURL:        cmp.Or(data.WebRTCURL, data.StreamURL),
		WebRTCRoomName:   cmp.Or(data.WebRTCRoomName, data.RoomName),
		WSURL:            cmp.Or(data.WSURL, data.ControlURL),
		Intent:           data.Intent,
		Organization:     data.Organization,
	}
	if len(data.Publisher) > 0 {
		created.PublisherToken = data.Publisher[0]
	}
	return created, nil
}

// decodeNothing is for calls that answer 204. It accepts any JSON, but not a web
// page, which did not come from the API.
func decodeNothing(body []byte) error {
	if isEmpty(body) {
		return nil
	}
	var anything json.RawMessage
	return decodeJSON(body, &anything)
}

// decodePage accepts a bare array and arrays in the members "data", "sessions",
// "items", "data.sessions" and "data.items"; null is an empty list. An object without
// any of them did not come from the API.
func decodePage(body []byte) (page, error) {
	list, got := json.RawMessage(body), page{}
	for range 2 {
		if startsWith(list, '[') {
			break
		}
		var envelope struct {
			Sessions, Items, Data json.RawMessage
			NextPageToken         string `json:"next_page_token"`
			Next                  string
		}
		if err := decodeJSON(list, &envelope); err != nil {
			return page{}, err
		}
		got.nextToken = cmp.Or(got.nextToken, envelope.NextPageToken, envelope.Next)
		list = nil
		for _, member := range []json.RawMessage{envelope.Sessions, envelope.Items, envelope.Data} {
			if list == nil || isNull(list) && member != nil {
				list = member
			}
		}
		switch {
		case list == nil:
			return page{}, errors.New("it holds no list of sessions")
		case isNull(list):
			return got, nil
		}
	}
	if err := decodeJSON(list, &got.sessions); err != nil {
		return page{}, err
	}
	for i := range got.sessions {
		if got.sessions[i].ID == "" {
			return page{}, errors.New("it holds a session without an id")
		}
		got.sessions[i].toUTC()
	}
	return got, nil
}

// problem is what an error body says.
type problem struct {
	titles, details []string
	code            int
	// mayBeAPI says that the body is empty or a JSON object, and known that it is in
	// one of the forms that the API has used: "errors", or the older "error".
	mayBeAPI, known bool
}

// decodeProblem keeps what it can read of an error body: the API's problem list,
// its older bodies, and what FastAPI and gateways send.
func decodeProblem(body []byte) problem {
	said := problem{mayBeAPI: isEmpty(body)}
	var fields map[string]json.RawMessage
	body = body[:min(len(body), maxErrorBytes)]
	if startsWith(body, '{') && json.Unmarshal(body, &fields) == nil {
		said.mayBeAPI = true
		said.known = fields["errors"] != nil || fields["error"] != nil
		said.read(body, 5)
	}
	return said
}

// The API documents neither status nor code of the session limit, so the wording
// decides. Rate limits and the limits of other fields do not count.
var (
	sessionLimitWords = regexp.MustCompile(`(?i)(limit|quota|too many|maximum|exceed).*(session|parallel)|(session|parallel).*(limit|quota|maximum|exceed)`)
	otherLimitWords   = regexp.MustCompile(`(?i)\brate\b|request|subscriber|ttl`)
	endpointWords     = regexp.MustCompile(`(?i)endpoint|route|path|url`)
)

func (p *problem) texts() []string { return slices.Concat(p.titles, p.details) }

func (p *problem) isSessionLimit(status int) bool {
	return (status >= 401 || status < 300) && status < 500 && slices.ContainsFunc(p.texts(), func(text string) bool {
		return sessionLimitWords.MatchString(text) && !otherLimitWords.MatchString(text)
	})
}

// read collects texts down to the given depth of nesting.
func (p *problem) read(raw json.RawMessage, depth int) {
	var (
		text   string
		list   []json.RawMessage
		fields map[string]json.RawMessage
	)
	switch {
	case depth == 0:
	case json.Unmarshal(raw, &text) == nil:
		p.details = append(p.details, text)
	case json.Unmarshal(raw, &list) == nil:
		for _, item := range list {
			p.read(item, depth-1)
		}
	case json.Unmarshal(raw, &fields) == nil:
		if json.Unmarshal(fields["title"], &text) == nil {
			p.titles = append(p.titles, text)
		}
		for _, member := range []string{"detail", "msg", "message", "error", "errors"} {
			if fields[member] != nil {
				p.read(fields[member], depth-1)
			}
		}
		var code json.Number // Also in a string.
		if json.Unmarshal(fields["error_code"], &code) == nil && p.code == 0 {
			number, _ := code.Float64()
			p.code = int(number)
		}
	}
}

// saysNotOK reports {"ok": false}, which is a failure whatever the status.
func saysNotOK(body []byte) bool {
	var envelope struct {
		OK *bool `json:"ok"`
	}
	return startsWith(body, '{') && json.Unmarshal(body, &envelope) == nil && envelope.OK != nil && !*envelope.OK
}

func isEmpty(raw []byte) bool { return len(bytes.TrimSpace(raw)) == 0 }

func isNull(raw []byte) bool { return bytes.Equal(bytes.TrimSpace(raw), []byte("null")) }

func startsWith(raw []byte, first byte) bool {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	return len(raw) > 0 && raw[0] == first
}

// decodeJSON returns errors that name types and offsets, but no values, which may
// be secrets.
func decodeJSON(body []byte, into any) error {
	if isEmpty(body) {
		return errors.New("it is empty")
	}
	err := json.Unmarshal(body, into)
	var (
		syntaxErr *json.SyntaxError
		typeErr   *json.UnmarshalTypeError
		timeErr   *time.ParseError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntaxErr):
		return fmt.Errorf("it is not JSON, or cut off, at byte %d of %d", syntaxErr.Offset, len(body))
	case errors.As(err, &typeErr):
		return fmt.Errorf("%q holds a JSON %s where the API promises something else", typeErr.Field, typeErr.Value)
	case errors.As(err, &timeErr):
		return errors.New("a timestamp is not RFC 3339")
	default:
		return errors.New("its JSON is not what the API promises")
	}
}
