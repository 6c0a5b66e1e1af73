package palabra

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func TestError_SaysWhatTheAPISaid(t *testing.T) {
	t.Parallel()
	const notFromTheAPI = " and not an error of the API; a proxy or gateway may have answered"
	for body, want := range map[string]string{
		`{"errors":[{"title":"Refused","detail":"ttl","error_code":"100051"}]}`: "HTTP 400 Refused: ttl (error_code 100051)",
		`{"errors":[{"detail":"ttl","error_code":100051}]}`:                     "HTTP 400 Bad Request: ttl (error_code 100051)",
		`{"errors":[{"detail":"ttl","error_code":1.00051e5}]}`:                  "HTTP 400 Bad Request: ttl (error_code 100051)",
		`{"errors":[{"title":"First"},{"title":"Second"}]}`:                     "HTTP 400 First; Second",
		`{"errors":["first","second"]}`:                                         "HTTP 400 Bad Request: first; second",
		`{"errors":[{"title":5,"detail":"ttl"}]}`:                               "HTTP 400 Bad Request: ttl",
		`{"error":"ttl too long"}`:                                              "HTTP 400 Bad Request: ttl too long",
		`{"detail":"ttl too long"}`:                                             "HTTP 400 Bad Request: ttl too long",
		`{"detail":[{"loc":["query"],"msg":"not an integer"}]}`:                 "HTTP 400 Bad Request: not an integer",
		`{"message":"no route"}`:                                                "HTTP 400 Bad Request: no route",
		`{"error":{"message":"ttl"}}`:                                           "HTTP 400 Bad Request: ttl",
		`{"error":{"errors":[{"detail":"deep"}]}}`:                              "HTTP 400 Bad Request: deep",
		`{"error":null,"message":"m"}`:                                          "HTTP 400 Bad Request: m",
		``:                                                                      "HTTP 400 Bad Request",
		`{}`:                                                                    "HTTP 400 Bad Request",
		`<html>`:                                                                "HTTP 400 Bad Request: the answer is text/html" + notFromTheAPI,
		`teapot`:                                                                "HTTP 400 Bad Request: the answer is text/plain" + notFromTheAPI,
		`;`:                                                                     "HTTP 400 Bad Request: the answer is of no content type" + notFromTheAPI,
	} {
		client := offline(t, answers(http.StatusBadRequest, body))
		_, err := client.Get(t.Context(), testID)
		var apiErr *Error
		if want := `get session "` + testID + `" at https://api.example.com: ` + want; !errors.As(err, &apiErr) || err.Error() != want || apiErr.StatusCode != 400 {
			t.Errorf("%s:\n got %v\nwant %s", body, err, want)
		}
	}
}

func TestError_SaysEachThingOnce(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*Error{
		"HTTP 404 Not found: Session not found (error_code 5)":             {StatusCode: 404, Title: "Not found", Detail: "Session not found.", Code: 5, Err: ErrNotFound},
		"HTTP 404 Not found: session not found":                            {StatusCode: 404, Title: "Not found.", Err: ErrNotFound},
		"HTTP 404 Not Found: session not found":                            {StatusCode: 404, Detail: "Not Found", Err: ErrNotFound},
		"HTTP 401 Unauthorized: Access is denied: credentials refused":     {StatusCode: 401, Title: "Unauthorized", Detail: "Access is denied", Err: ErrUnauthorized},
		"HTTP 429 Too many requests: The rate limit is exceeded":           {StatusCode: 429, Title: "Too many requests", Detail: "The rate limit is exceeded.", Err: ErrRateLimited},
		"HTTP 502 Bad Gateway: a session may have been created":            {StatusCode: 502, Err: ErrMaybeCreated},
		"HTTP 403 Forbidden resource: Insufficient balance (error_code 7)": {StatusCode: 403, Title: "Forbidden resource", Detail: "Insufficient balance", Code: 7, Err: ErrInsufficientBalance},
		"HTTP 520": {StatusCode: 520},
	} {
		err.Op, err.SessionID, err.Endpoint = "get session", "a.b", "https://example.com"
		if want := `get session "a.b" at https://example.com: ` + want; err.Error() != want {
			t.Errorf("\n got %s\nwant %s", err, want)
		}
	}
}

// A server can put anything into a body, and into what net/http reports.
func TestError_IsRedactedBoundedAndOneLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3000)
	const ok, refused = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 400 Bad Request\r\n"
	for name, test := range map[string]struct{ answer, want string }{
		"body":         {refused + "\r\n" + `{"error":"bad ` + testSecret + `\n\u0007\u2028"}`, "bad [redacted]"},
		"title":        {refused + "\r\n" + `{"errors":[{"title":"bad ` + testSecret + `"}]}`, "bad [redacted]"},
		"page":         {refused + "Content-Type: text/" + testSecret + "\r\n\r\n<", "the answer is text/[redacted]"},
		"long body":    {refused + "\r\n" + `{"error":"` + long + `"}`, "xxx…"},
		"header line":  {ok + testSecret + "\r\n\r\n", "[redacted]"},
		"long line":    {ok + long + "\r\n\r\n", "xxx…"},
		"status line":  {"HTTP/1.1 " + testSecret + "\r\n\r\n", "[redacted]"},
		"protocol":     {testSecret + "\r\n\r\n", "[redacted]"},
		"content type": {ok + "Content-Type: text/" + testSecret + "\r\nContent-Length: 1\r\n\r\n<", "[redacted]"},
		"long type":    {ok + "Content-Type: text/" + long + "\r\nContent-Length: 1\r\n\r\n<", "xxx…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newClient(t, serveRaw(t, test.answer)).Get(t.Context(), testID)
			expectError(t, err, test.want)
			var apiErr *Error
			if !errors.As(err, &apiErr) {
				t.Fatalf("%#v is not an *Error", err)
			}
			for _, text := range []string{err.Error(), fmt.Sprint(apiErr.Err)} {
				if strings.Contains(text, testSecret) || strings.ContainsAny(text, "\r\n\a\u2028") || len(text) > 1000 {
					t.Errorf("not fit to be shown: %q", text)
				}
			}
		})
	}
}

func TestError_RedactsEveryFormOfASecret(t *testing.T) {
	t.Parallel()
	const secret = `a "b"/c+d<é&'🔑 end-of-the-secret`
	inJSON, _ := json.Marshal(secret)
	forms := map[string]string{
		"as it is": secret, "Go": strconv.Quote(secret), "JSON": string(inJSON), "JSON in JSON": strconv.Quote(string(inJSON)),
		"JSON with escaped slashes": strings.ReplaceAll(string(inJSON), "/", `\/`),
		"query":                     url.QueryEscape(secret), "path": url.PathEscape(secret), "path in a path": url.PathEscape(url.PathEscape(secret)),
		"lower-case path": strings.NewReplacer("%2F", "%2f", "%3C", "%3c", "%C3%A9", "%c3%a9").Replace(url.PathEscape(secret)),
		"HTML":            html.EscapeString(secret), "HTML in HTML": html.EscapeString(html.EscapeString(secret)), "HTML hexadecimal": strings.ReplaceAll(secret, "/", "&#x2F;"),
	}
	for i, before := range []string{"", "x", "xy"} {
		for name, encoding := range map[string]*base64.Encoding{"std": base64.StdEncoding, "raw": base64.RawStdEncoding, "url": base64.URLEncoding} {
			forms[fmt.Sprint("base64 ", name, i)] = encoding.EncodeToString([]byte(before + secret + "after"))
		}
		forms[fmt.Sprint("base64 alone ", i)] = base64.StdEncoding.EncodeToString([]byte(before + secret))
	}
	for kind, adjust := range map[string]func(*Config){"pair": func(c *Config) { c.ClientSecret = secret }, "key": withKey(secret)} {
		config := newClient(t, "", adjust).config
		for name, form := range forms {
			got := config.readable("bad " + form + " there")
			if !strings.HasPrefix(got, "bad ") || !strings.HasSuffix(got, " there") || !strings.Contains(got, "[redacted]") || len(got) > len("bad [redacted] there")+20 {
				t.Errorf("%s, %s: %s becomes %s", kind, name, form, got)
			}
		}
		if got := config.readable("bad proxy http://name:pass@[::1]:1"); got != "bad proxy http://[redacted]@[::1]:1" {
			t.Error(got)
		}
	}
}

// serveRaw answers every request with the same bytes.
func serveRaw(t *testing.T, answer string) (url string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = conn.Write([]byte(answer))
			}
			_ = conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}
