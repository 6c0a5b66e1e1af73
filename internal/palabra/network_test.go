package palabra

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The frames of HTTP/2 that a faulty server needs, RFC 9113 section 6.
const (
	frameHeaders, frameRST, frameSettings = 1, 3, 4
	protocolError, refusedStream          = 1, 7
	clientPreface                         = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

func writeFrame(conn io.Writer, kind byte, stream uint32, payload ...byte) {
	header := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind)) //nolint:gosec // a few bytes
	_, _ = conn.Write(append(binary.BigEndian.AppendUint32(append(header, 0), stream), payload...))
}

// serveHTTP2 calls onHeaders for each request on each connection, and answers
// nothing else, not even pings. The client trusts the server.
func serveHTTP2(t *testing.T, onHeaders func(conn io.Writer, stream uint32), adjust ...func(*Config)) *Client {
	t.Helper()
	listener := serveTLS(t, nil, func(listener *httptest.Server) {
		listener.TLS = &tls.Config{NextProtos: []string{"h2"}}
		listener.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){"h2": func(_ *http.Server, conn *tls.Conn, _ http.Handler) {
			if _, err := io.CopyN(io.Discard, conn, int64(len(clientPreface))); err != nil {
				return
			}
			writeFrame(conn, frameSettings, 0)
			for header := make([]byte, 9); ; {
				if _, err := io.ReadFull(conn, header); err != nil {
					return
				}
				_, _ = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(header)>>8))
				if header[3] == frameHeaders {
					onHeaders(conn, binary.BigEndian.Uint32(header[5:]))
				}
			}
		}}
	})
	roots := x509.NewCertPool()
	roots.AddCert(listener.Certificate())
	client := newClient(t, listener.URL, append([]func(*Config){func(c *Config) { c.RootCAs = roots }}, adjust...)...)
	base, _ := client.transport.base.(*http.Transport)
	t.Cleanup(base.CloseIdleConnections)
	return client
}

// net/http repeats a request that an HTTP/2 peer resets, without an end if the
// peer resets every one.
func TestTransport_ResetStreamsAreNoStorm(t *testing.T) {
	t.Parallel()
	for code, name := range map[byte]string{protocolError: "PROTOCOL_ERROR", refusedStream: "REFUSED_STREAM"} {
		for call, most := range map[string]int32{"create": 1, "get": 2 * 4, "expiry": 2 * 4, "delete": 2 * 4} {
			t.Run(name+" "+call, func(t *testing.T) {
				t.Parallel()
				var requests atomic.Int32
				client := serveHTTP2(t, func(conn io.Writer, stream uint32) {
					requests.Add(1)
					writeFrame(conn, frameRST, stream, 0, 0, 0, code)
				}, withRetries(1), func(c *Config) { c.RequestTimeout = 5 * time.Second })
				err := calls(t.Context(), client, testID)[call]()
				if got := requests.Load(); err == nil || got < 1 || got > most {
					t.Errorf("%d requests, want %d at most; %v", got, most, err)
				}
				if errors.Is(err, ErrMaybeCreated) != (call == "create") {
					t.Error(err)
				}
				if call == "create" {
					expectError(t, err, "the server ended the HTTP/2 stream without an answer; the request was sent once")
				} else if name == "PROTOCOL_ERROR" {
					expectError(t, err, "the server ended 4 connections or streams in a row without an answer")
				}
			})
		}
	}
}

func TestTransport_SilentHTTP2ConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	connections := make(map[io.Writer]bool)
	client := serveHTTP2(t, func(conn io.Writer, stream uint32) {
		if connections[conn] = true; len(connections) > 1 {
			writeFrame(conn, frameRST, stream, 0, 0, 0, 2) // An error that ends the call.
		}
	}, withRetries(1))
	base, _ := client.transport.base.(*http.Transport)
	if h2 := base.HTTP2; h2.SendPingTimeout <= 0 || h2.SendPingTimeout+h2.PingTimeout > 5*time.Second {
		t.Errorf("a silent connection is given up after %s and %s", h2.SendPingTimeout, h2.PingTimeout)
	}
	base.HTTP2 = &http.HTTP2Config{SendPingTimeout: 20 * time.Millisecond, PingTimeout: 20 * time.Millisecond}
	_, err := client.Get(t.Context(), testID)
	if len(connections) != 2 || errors.Is(err, errTooSlow) {
		t.Errorf("%d connections, want a second one: %v", len(connections), err)
	}
}

// The body of a 101 is the connection. It ends with no context.
func TestTransport_SwitchingProtocolsEndsAtOnce(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"))
		<-done
		_ = conn.Close()
	}))
	_, err := newClient(t, url).Get(t.Context(), testID)
	close(done)
	if expectError(t, err, "HTTP 101 Switching Protocols"); !errors.Is(err, ErrNotTheAPI) {
		t.Errorf("%v, want ErrNotTheAPI", err)
	}
}

func TestTransport_ReadsOfAnErrorOnlyWhatAMessageNeeds(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{http.StatusBadRequest: "400", http.StatusOK: "gives no reason"} {
		body := strings.NewReader(`{"ok":false,"errors":["` + strings.Repeat("x", maxBodyBytes/2) + `"]}`)
		client := offline(t, func(*http.Request) (*http.Response, error) {
			resp := respond(status, "", "Content-Type", jsonType)
			resp.Body = io.NopCloser(body)
			return resp, nil
		})
		_, err := client.Get(t.Context(), testID)
		expectError(t, err, want)
		if read := int(body.Size()) - body.Len(); status != http.StatusOK && read > 128<<10 {
			t.Errorf("%d bytes read for %.100v", read, err)
		}
	}
}

// With retries for each of them, an API that hangs costs minutes times sessions.
func TestAttempts_UnansweredCallsEndTheRetriesOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var answers atomic.Bool
		client := offline(t, func(req *http.Request) (*http.Response, error) {
			if answers.Load() {
				return respond(http.StatusServiceUnavailable, ""), nil
			}
			return nil, after(req, time.Hour)
		}, func(c *Config) { c.RequestTimeout = time.Second })
		began := elapsedClock()
		inParallel(10, 40, func(n int) {
			_, err := client.Get(t.Context(), fmt.Sprint("s.", n))
			expectError(t, err, "no complete answer in time")
		})
		if took := elapsedClock().Sub(began); took > 10*time.Second || client.sent.Load() > 70 {
			t.Errorf("40 calls took %s and %d requests, want one attempt for most", took, client.sent.Load())
		}
		answers.Store(true)
		for _, want := range []int32{5, 5} {
			client.sent.Store(0)
			if _, err := client.Get(t.Context(), testID); err == nil || client.sent.Load() != want {
				t.Errorf("%d requests after an answer, want %d: %v", client.sent.Load(), want, err)
			}
		}
	})
}

func TestSessions_ListOfAlwaysNewSessionsIsBounded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ perPage, size, most int }{
		"pages":    {1, 100, 2000},
		"sessions": {200, 100, 500},
		"bytes":    {1, 7 << 20, 10},
	} {
		read := newWalk()
		for n, said := 1, ""; said == ""; n++ {
			got := page{nextToken: fmt.Sprint(n)}
			for i := range test.perPage {
				got.sessions = append(got.sessions, Session{ID: fmt.Sprintf("%d.%d", n, i)})
			}
			said = read.add(got, test.size)
			if n > test.most || said != "" && !strings.Contains(said, "the list does not end") {
				t.Fatalf("%s: page %d, want %d at most: %s", name, n, test.most, said)
			}
		}
	}
}
