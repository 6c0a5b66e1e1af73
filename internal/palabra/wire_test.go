package palabra

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestWire_BrokenAnswersAreClearErrors(t *testing.T) {
	t.Parallel()
	answer := func(body string) sandbox.Effect { return sandbox.Respond(200, jsonType, body) }
	for name, test := range map[string]struct {
		effect sandbox.Effect
		want   string
	}{
		"truncated JSON":     {sandbox.Truncate(), "cut off"},
		"wrong types":        {answer(`{"data":{"id":5}}`), "promises something else"},
		"list for an object": {answer(`{"data":[]}`), "promises something else"},
		"null":               {answer(`{"data":null}`), "no session"},
		"not an object":      {answer(`null`), "no session"},
		"bad time":           {answer(`{"data":{"id":"` + testID + `","expires_at":"soon"}}`), "RFC 3339"},
		"time as number":     {answer(`{"data":{"id":"` + testID + `","expires_at":1}}`), "RFC 3339"},
		"another id":         {answer(`{"data":{"id":"somebody.else"}}`), "another session"},
		"endless body":       {sandbox.EndlessBody(), "larger than the limit of 8388608 bytes"},
		"gzip bomb":          {sandbox.GzipBomb(64 << 20), "larger than the limit"},
		"deep JSON":          {sandbox.DeepJSON(100_000), "not JSON"},
		"HTML":               {sandbox.Respond(200, "text/html", htmlPage), "text/html"},
		"204":                {sandbox.Respond(204, "", ""), "the answer (204 without a body) cannot be used: it is empty"},
		"body cut off":       {sandbox.CutBody(), "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.Put(sandbox.Session{ID: testID})
			var attempts atomic.Int32
			s.Inject(sandbox.Fault{Effect: func(w http.ResponseWriter, r *http.Request, api http.Handler) {
				attempts.Add(1)
				test.effect(w, r, api)
			}})
			_, err := s.client(t, withRetries(1)).Get(t.Context(), testID)
			expectError(t, err, test.want)
			if repeated := attempts.Load() > 1; repeated != (name == "body cut off") {
				t.Errorf("repeated: %t", repeated)
			}
		})
	}
}

// An offset can move a time out of the years that RFC 3339, and a state, can hold.
func TestWire_TimestampsAreUTCInTheYearsOfRFC3339(t *testing.T) {
	t.Parallel()
	end := time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	for times, want := range map[string]Session{
		`"created_at":"2031-03-14T11:26:53.5+02:00","updated_at":"2031-03-14T04:26:53-05:00","expires_at":"2031-03-14T09:26:53Z"`: {
			ID: "a", CreatedAt: start.Add(500 * time.Millisecond), UpdatedAt: start, ExpiresAt: start,
		},
		`"created_at":"0000-01-01T00:00:00+12:00","updated_at":"9999-12-31T23:59:59Z","expires_at":"9999-12-31T23:59:59-12:00"`: {
			ID: "a", UpdatedAt: end, ExpiresAt: end,
		},
	} {
		// Compared as values: a time in another zone is not equal.
		if got, err := decodeSession([]byte(`{"data":{`+times+`}}`), "a"); err != nil || got != want {
			t.Errorf("session %+v, %v, want %+v", got, err, want)
		}
		if got, err := decodePage([]byte(`[{"id":"a",` + times + `}]`)); err != nil || len(got.sessions) != 1 || got.sessions[0] != want {
			t.Errorf("page %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestWire_CreateSendsOnlyWhatIsSet(t *testing.T) {
	t.Parallel()
	none := 0
	for want, create := range map[string]CreateRequest{
		`{"data":{}}`: {},
		`{"data":{"subscriber_count":0,"intent":"event","aggregation_id":"team-a"}}`: {SubscriberCount: &none, Intent: "event", AggregationID: "team-a"},
	} {
		client := offline(t, func(r *http.Request) (*http.Response, error) {
			if got, err := io.ReadAll(r.Body); err != nil || string(got) != want {
				t.Errorf("sent %s, want %s", got, want)
			}
			return respond(http.StatusCreated, foundBody), nil
		})
		if _, err := client.Create(t.Context(), create); err != nil {
			t.Error(err)
		}
	}
}

func TestWire_CreatedSessionHasEveryKnownForm(t *testing.T) {
	t.Parallel()
	got, err := decodeCreated([]byte(`{"data":{"id":"a","publisher":["p"],"subscriber":"s"}}`))
	if err != nil || got.PublisherToken != "p" || len(got.SubscriberTokens) != 1 || got.SubscriberTokens[0] != "s" {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = decodeCreated([]byte(`{"data":{"id":"a","stream_url":"https://x","room_name":"r","control_url":"wss://x"}}`))
	if err != nil || got.WebRTCURL != "https://x" || got.WebRTCRoomName != "r" || got.WSURL != "wss://x" {
		t.Errorf("former names: %+v, %v", got, err)
	}
	if got, err := decodeCreated([]byte(`{"data":{"id":"a","publisher":null,"subscriber":null}}`)); err != nil || got.PublisherToken != "" || got.SubscriberTokens != nil {
		t.Errorf("without tokens: %+v, %v", got, err)
	}
}

func TestWire_ListIsReadFromEveryEnvelope(t *testing.T) {
	t.Parallel()
	const noList = "none"
	// The sessions, and the token of the next page.
	for body, want := range map[string]string{
		`[{"id":"a"},{"id":"b"}]`: "a b", ` [{"id":"a"}]`: "a", `{"data":null}`: "", `{"data":[]}`: "",
		`{"data":{"items":[{"id":"a"}],"next_page_token":""}}`: "a", `{"data":{"items":null}}`: "",
		`{"sessions":null,"data":[{"id":"a"}]}`: "a", `{"data":{"sessions":null}}`: "",
		`{"data":[{"id":"a"}],"next_page_token":null}`: "a", `{"data":[{"id":"a","expires_at":null}]}`: "a",
		`{"data":{"sessions":[],"next_page_token":"inner"},"next":"outer"}`: "outer",
		`{"data":[],"next_page_token":"outer","next":"other"}`:              "outer", `{"data":{"items":[],"next":"outer"}}`: "outer",
		`{}`: noList, `{"ok":true}`: noList, `{"data":{}}`: noList, `{"data":{"id":"a"}}`: noList, `null`: noList,
		`{"data":5}`: noList, `"text"`: noList, `{"data":[{}]}`: noList, `<html>`: noList, ``: noList,
	} {
		said := noList
		got, err := decodePage([]byte(body))
		if strings.HasPrefix(body, "{}") {
			expectError(t, err, "it holds no list of sessions")
		}
		if err == nil {
			said = got.nextToken
			for _, session := range slices.Backward(got.sessions) {
				said = strings.TrimSpace(session.ID + " " + said)
			}
		}
		if said != want {
			t.Errorf("%s: %q, want %q", body, said, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"data":[{"id":"a","created_at":"2024-10-11T09:02:56Z"}],"next_page_token":"eyJrZXkiOnt9fQ=="}`, `{"ok":true,"data":null}`,
		`{"data":{"sessions":[{"id":"a"}],"next":"x"}}`, `{"data":{"id":"a.b","expires_at":"2024-11-20T14:13:18Z"}}`,
		`{"data":{"id":"a","publisher":"x","subscriber":["y"],"webrtc_url":"https://x","ws_url":"wss://x"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := decodePage(body)
		for _, session := range list.sessions {
			if err != nil || session.ID == "" {
				t.Errorf("session %+v with error %v", session, err)
			}
		}
		if got, err := decodeSession(body, "a.b"); err == nil && got.ID != "a.b" {
			t.Errorf("answered with %q", got.ID)
		}
		if got, err := decodeCreated(body); err == nil && got.ID == "" {
			t.Error("a created session without an id")
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	for _, seed := range []string{
		`{"ok":false,"errors":[{"title":"Forbidden resource","detail":"Insufficient balance","error_code":100050}]}`,
		`{"error":"message"}`, `{"errors":["a",{"detail":[{"msg":"b"}]}]}`, `{"error":{"message":"x"}}`, `<html>`, ``, `{"errors":[{"error_code":1e400}]}`,
	} {
		f.Add(500, []byte(seed))
	}
	client := newClient(f, "")
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		var apiErr *Error
		if err := client.refusal(t.Context(), answer{status: status, body: body, header: http.Header{}}); !errors.As(err, &apiErr) {
			t.Fatalf("%v is not an *Error", err)
		}
		for _, r := range apiErr.Title + apiErr.Detail {
			if r < ' ' {
				t.Errorf("control character %U in %q, %q", r, apiErr.Title, apiErr.Detail)
			}
		}
		if len(apiErr.Title) > 4*maxReasonLength+10 || len(apiErr.Detail) > 4*maxReasonLength+10 {
			t.Error("unbounded reason")
		}
		if strings.ContainsAny(apiErr.Error(), "\r\n") || strings.Contains(apiErr.Error(), testSecret) {
			t.Errorf("not fit to be shown: %q", apiErr)
		}
		if apiErr.Error() == "" || errors.Is(apiErr, ErrNotFound) {
			t.Error("an error body decides no class")
		}
	})
}
