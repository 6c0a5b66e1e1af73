package palabra

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Session is a streaming session. Times are UTC, and zero where the API left
// them out: the reference marks every field as optional.
type Session struct {
	// ID is opaque; it may hold dots, need escaping, or be JWT-shaped.
	ID string
	// CreatedAt, UpdatedAt and ExpiresAt are RFC 3339 on the wire.
	CreatedAt, UpdatedAt, ExpiresAt time.Time
	// ServerTime is the Date header of the answer that the session came with,
	// or Config.Now where there was none.
	ServerTime time.Time
}

// CreateRequest says what to create. (Create reference.)
type CreateRequest struct {
	// SubscriberCount is how many subscriber tokens to make, 0 to 10; nil leaves
	// it to the API.
	SubscriberCount *int
	// Intent is what the session is for; empty leaves it to the API.
	Intent string
}

// CreatedSession is what only the creation tells: the tokens are secrets, and
// the API never repeats them. The expiry is not part of it.
type CreatedSession struct {
	ID string
	// PublisherToken and SubscriberTokens are secrets.
	PublisherToken   string
	SubscriberTokens []string
	// WebRTCURL, WebRTCRoomName and WSURL vary by session and server.
	WebRTCURL, WebRTCRoomName, WSURL string
	Intent                           string
	// ServerTime is as in Session.
	ServerTime time.Time
}

func (r CreateRequest) encode() ([]byte, error) {
	type data struct {
		SubscriberCount *int   `json:"subscriber_count,omitempty"`
		Intent          string `json:"intent,omitempty"`
	}
	return json.Marshal(map[string]data{"data": {r.SubscriberCount, r.Intent}})
}

func encodeExpiry(ttlSeconds int64) ([]byte, error) {
	return json.Marshal(map[string]any{"data": map[string]int64{"ttl_seconds": ttlSeconds}})
}

// wireSession is a session as the API sends it.
type wireSession struct {
	ID        string     `json:"id"`
	CreatedAt *time.Time `json:"created_at"`
	UpdatedAt *time.Time `json:"updated_at"`
	ExpiresAt *time.Time `json:"expires_at"`
}

func (w wireSession) session() Session {
	utc := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return t.UTC()
	}
	return Session{ID: w.ID, CreatedAt: utc(w.CreatedAt), UpdatedAt: utc(w.UpdatedAt), ExpiresAt: utc(w.ExpiresAt)}
}

// decodeSession decodes {"data": {…}}. An answer for another session is refused:
// acting on it would be acting on the wrong session.
func decodeSession(body []byte, id string) (Session, error) {
	var envelope struct {
		Data *wireSession `json:"data"`
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
		return Session{}, fmt.Errorf("it is for another session, %s", ShortenID(envelope.Data.ID))
	}
	return envelope.Data.session(), nil
}

// stringOrList is a token field that has been a string in some versions of the
// API and a list in others.
type stringOrList []string

func (s *stringOrList) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		var one string
		if err := json.Unmarshal(raw, &one); err != nil {
			return err
		}
		*s = stringOrList{one}
		return nil
	}
	var list []string
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	*s = list
	return nil
}

// decodeCreated accepts the present and the old names of fields.
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
		WebRTCURL:        firstOf(data.WebRTCURL, data.StreamURL),
		WebRTCRoomName:   firstOf(data.WebRTCRoomName, data.RoomName),
		WSURL:            firstOf(data.WSURL, data.ControlURL),
		Intent:           data.Intent,
	}
	if len(data.Publisher) > 0 {
		created.PublisherToken = data.Publisher[0]
	}
	return created, nil
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

// decodeJSON keeps what the decoder says about types and offsets, and none of
// the values, which may be secrets.
func decodeJSON(body []byte, into any) error {
	if len(bytes.TrimSpace(body)) == 0 {
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
