package sandbox

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	shownSessions = 200
	shownRequests = 50
	// lowPercent is from where on a session counts as near its end.
	lowPercent = 20
	// leastPercent keeps a bar visible as long as anything is left.
	leastPercent = 2
)

// dashboardData is what the dashboard shows. It holds no tokens.
type dashboardData struct {
	connection
	Nonce              string
	Now, Ahead         string
	Control            bool
	Total, Limit, More int
	Sessions           []shownSession
	Gone               []shownGone
	Requests           []shownRequest
}

// connection is what a shell needs to reach the sandbox. Its credentials open
// nothing else.
type connection struct {
	URL, APIKey, ClientID, ClientSecret string
	// Insecure is set where the provider refuses plain HTTP by itself.
	Insecure bool
}

// connection is the one of a browser that has asked for this host and port.
func (s *Sandbox) connection(host string) connection {
	name := (&url.URL{Host: host}).Hostname()
	return connection{
		URL: "http://" + host, APIKey: s.options.APIKey, ClientID: s.options.ClientID, ClientSecret: s.options.ClientSecret,
		Insecure: name != "localhost" && !net.ParseIP(name).IsLoopback(),
	}
}

type shownSession struct {
	// N numbers the rows; ID is whole, Short what there is room for.
	N                        int
	ID, Short                string
	CreatedAt, ExpiresAt     string
	Left                     string
	Percent, Bar             int // of the lifetime since the last change that is left
	Low, Connected, Controls bool
}

type shownGone struct{ ID, Short, How, Ago string }

type shownRequest struct {
	Time, Method, Target, Full, Status, Duration, Fault string
	// Class is ok, refused (4xx) or failed (5xx, or the connection was cut).
	Class string
}

func (s *Sandbox) dashboardData() dashboardData {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	sessions := s.store.all(now)
	data := dashboardData{
		Now: now.Format(time.DateTime), Control: s.options.Control,
		Total: len(sessions), Limit: s.options.SessionLimit, More: max(0, len(sessions)-shownSessions),
	}
	if s.offset > 0 {
		data.Ahead = inWords(s.offset)
	}
	for i, session := range sessions[:len(sessions)-data.More] {
		data.Sessions = append(data.Sessions, newShownSession(i, session, now, s.options.Control))
	}
	for _, gone := range slices.Backward(s.store.gone) {
		data.Gone = append(data.Gone, shownGone{gone.id, shorten(gone.id), gone.how, inWords(now.Sub(gone.at))})
	}
	for _, request := range slices.Backward(s.requests[max(0, len(s.requests)-shownRequests):]) {
		data.Requests = append(data.Requests, newShownRequest(request))
	}
	return data
}

func newShownSession(n int, session Session, now time.Time, controls bool) shownSession {
	left := max(0, session.ExpiresAt.Sub(now))
	whole := max(left, session.ExpiresAt.Sub(session.UpdatedAt), 1)
	percent := int(100 * left.Seconds() / whole.Seconds())
	return shownSession{
		N: n, ID: session.ID, Short: shorten(session.ID), Left: inWords(left),
		CreatedAt: session.CreatedAt.Format(time.DateTime), ExpiresAt: session.ExpiresAt.Format(time.DateTime),
		Percent: percent, Bar: max(percent, leastPercent), // A connected one does not come to its end.
		Low: percent < lowPercent && !session.Connected, Connected: session.Connected, Controls: controls,
	}
}

func newShownRequest(r Request) shownRequest {
	shown := shownRequest{
		Time: r.Time.Format(time.TimeOnly), Method: r.Method, Target: r.Target(), Full: r.Method + " " + r.Target(),
		Status: fmt.Sprint(r.Status), Duration: r.Duration.Round(10 * time.Microsecond).String(), Fault: r.Fault, Class: "ok",
	}
	if short := shorten(r.SessionID); short != r.SessionID {
		shown.Target = strings.Replace(r.Target(), url.PathEscape(r.SessionID), short, 1)
	}
	shown.Target = strings.TrimPrefix(shown.Target, "/session-storage")
	switch {
	case r.Status == 0:
		shown.Status, shown.Class = "cut", "failed"
	case r.Status >= 500:
		shown.Class = "failed"
	case r.Status >= 400:
		shown.Class = "refused"
	}
	return shown
}

// shorten leaves out the middle of an id such as a JWT's.
func shorten(id string) string {
	const head, tail = 20, 16
	letters := []rune(id)
	if len(letters) <= head+tail+24 {
		return id
	}
	return string(letters[:head]) + "…" + string(letters[len(letters)-tail:])
}

// inWords shows a duration in its two largest units: "29 d 23 h", "42 s".
func inWords(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}
	for i, unit := range units[:3] {
		if d >= unit.size {
			next := units[i+1]
			return fmt.Sprintf("%d %s %d %s", d/unit.size, unit.name, d%unit.size/next.size, next.name)
		}
	}
	return fmt.Sprintf("%d s", max(0, d/time.Second))
}
