package palabra

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Session is a streaming session. Times are UTC, and zero where the API left
// them out: the reference marks every field as optional.
type Session struct {
	// ID is opaque; it may hold dots, need escaping, or be JWT-shaped.
	ID string `json:"id"`
	// CreatedAt, UpdatedAt and ExpiresAt are RFC 3339 on the wire.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	ExpiresAt time.Time `json:"expires_at"`
	// Intent, AggregationID and Organization are empty where the API leaves them
	// out. Only the newest reference has them.
	Intent        string `json:"intent"`
	AggregationID string `json:"aggregation_id"`
	Organization  string `json:"organization"`
	// ServerTime is the Date header of the answer, or Config.Now where there was none.
	ServerTime time.Time `json:"-"`
	// LocalTime is Config.Now of the answer. If it is far from ServerTime, one of the
	// two clocks is wrong. On a loopback address it is ServerTime.
	LocalTime time.Time `json:"-"`
	// Listed says that the session came from a list page, not from a read of its
	// own. A page may lag behind the API.
	Listed bool `json:"-"`
}

// CreateRequest says what to create. (Create reference.)
type CreateRequest struct {
	// SubscriberCount is how many subscriber tokens to make, 0 to 10; nil leaves
	// it to the API. The newest reference no longer has it.
	SubscriberCount *int `json:"subscriber_count,omitempty"`
	// Intent is what the session is for; empty leaves it to the API.
	Intent string `json:"intent,omitempty"`
	// AggregationID groups sessions in the billing display; empty sends none.
	AggregationID string `json:"aggregation_id,omitempty"`
}

// CreatedSession is what the API returns only on creation. The expiry is not
// part of it.
type CreatedSession struct {
	ID string `json:"id"`
	// PublisherToken and SubscriberTokens are secrets.
	PublisherToken   string   `json:"-"`
	SubscriberTokens []string `json:"-"`
	// WebRTCURL, WebRTCRoomName and WSURL vary by session and server.
	WebRTCURL      string `json:"webrtc_url"`
	WebRTCRoomName string `json:"webrtc_room_name"`
	WSURL          string `json:"ws_url"`
	// Intent and Organization are empty where the API leaves them out.
	Intent       string `json:"intent"`
	Organization string `json:"organization"`
	// ServerTime is as in Session.
	ServerTime time.Time `json:"-"`
}

// toUTC converts the times, which may have other offsets. An offset can move a time
// out of the years that RFC 3339 has.
func (s *Session) toUTC() {
	last := time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	for _, t := range []*time.Time{&s.CreatedAt, &s.UpdatedAt, &s.ExpiresAt} {
		if *t = t.UTC(); t.After(last) {
			*t = last
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
	session := envelope.Data
	if session == nil {
		return Session{}, errors.New("it holds no session")
	}
	if session.ID = cmp.Or(session.ID, id); session.ID != id {
		return Session{}, errors.New("it is for another session")
	}
	session.toUTC()
	return *session, nil
}

// stringOrList is a token field that has been a string in some versions of the
// API and a list in others.
type stringOrList []string

func (s *stringOrList) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	return json.Unmarshal(raw, (*[]string)(s))
}

// decodeCreated accepts the current and the former names of fields.
func decodeCreated(body []byte) (CreatedSession, error) {
	var envelope struct {
		Data struct {
			CreatedSession
			Publisher, Subscriber stringOrList
			StreamURL             string `json:"stream_url"`
			RoomName              string `json:"room_name"`
			ControlURL            string `json:"control_url"`
		} `json:"data"`
	}
	if err := decodeJSON(body, &envelope); err != nil {
		return CreatedSession{}, err
	}
	data := &envelope.Data
	if data.ID == "" {
		return CreatedSession{}, errors.New("it holds no session id")
	}
	if len(data.Publisher) > 0 {
		data.PublisherToken = data.Publisher[0]
	}
	data.SubscriberTokens = data.Subscriber
	data.WebRTCURL, data.WSURL = cmp.Or(data.WebRTCURL, data.StreamURL), cmp.Or(data.WSURL, data.ControlURL)
	data.WebRTCRoomName = cmp.Or(data.WebRTCRoomName, data.RoomName)
	return data.CreatedSession, nil
}

// decodePage accepts a bare array and arrays in the members "data", "sessions",
// "items", "data.sessions" and "data.items"; null is an empty list. An object without
// any of them did not come from the API.
func decodePage(body []byte) (page, error) {
	list, got := json.RawMessage(bytes.TrimSpace(body)), page{}
	for depth := 0; depth < 2 && !bytes.HasPrefix(list, []byte("[")); depth++ {
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
			if list == nil || string(list) == "null" && member != nil {
				list = member
			}
		}
		switch {
		case list == nil:
			return page{}, errors.New("it holds no list of sessions")
		case string(list) == "null":
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
	var fields map[string]any
	if json.Unmarshal(body[:min(len(body), maxErrorBytes)], &fields) == nil && fields != nil {
		said.mayBeAPI = true
		said.known = fields["errors"] != nil || fields["error"] != nil
		said.read(fields)
	}
	return said
}

// read collects the texts of a JSON value, and the first code.
func (p *problem) read(value any) {
	switch value := value.(type) {
	case string:
		p.details = append(p.details, value)
	case []any:
		for _, item := range value {
			p.read(item)
		}
	case map[string]any:
		if title, ok := value["title"].(string); ok {
			p.titles = append(p.titles, title)
		}
		for _, member := range []string{"detail", "msg", "message", "error", "errors"} {
			p.read(value[member])
		}
		switch code := value["error_code"].(type) {
		case float64:
			p.code = cmp.Or(p.code, int(code))
		case string:
			number, _ := strconv.Atoi(code)
			p.code = cmp.Or(p.code, number)
		}
	}
}

// The API documents neither status nor code of the session limit, so the wording
// decides. Rate limits and the limits of other fields do not count.
var (
	sessionLimitWords = regexp.MustCompile(
		`(?i)(limit|quota|too many|maximum|exceed).*(session|parallel)|(session|parallel).*(limit|quota|maximum|exceed)`)
	otherLimitWords = regexp.MustCompile(`(?i)\brate\b|request|subscriber|ttl`)
	endpointWords   = regexp.MustCompile(`(?i)endpoint|route|path|url`)
)

func (p *problem) isSessionLimit(status int) bool {
	says := func(text string) bool {
		return sessionLimitWords.MatchString(text) && !otherLimitWords.MatchString(text)
	}
	return (status > 400 || status < 300) && status < 500 && (slices.ContainsFunc(p.titles, says) || slices.ContainsFunc(p.details, says))
}

// saysNotOK reports {"ok": false}, which is a failure whatever the status.
func saysNotOK(body []byte) bool {
	envelope := struct{ OK bool }{OK: true}
	return json.Unmarshal(body, &envelope) == nil && !envelope.OK
}

func isEmpty(raw []byte) bool { return len(bytes.TrimSpace(raw)) == 0 }

// decodeJSON returns errors that name types and offsets, but no values, which may
// be secrets.
func decodeJSON(body []byte, into any) error {
	if isEmpty(body) {
		return errors.New("it is empty")
	}
	var (
		syntaxErr *json.SyntaxError
		typeErr   *json.UnmarshalTypeError
	)
	switch err := json.Unmarshal(body, into); {
	case err == nil:
		return nil
	case errors.As(err, &syntaxErr):
		return fmt.Errorf("it is not JSON, or cut off, at byte %d of %d", syntaxErr.Offset, len(body))
	case errors.As(err, &typeErr):
		return fmt.Errorf("%q holds a JSON %s where the API promises something else", typeErr.Field, typeErr.Value)
	default:
		return errors.New("a timestamp is not RFC 3339")
	}
}
