package provider_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// liveReport answers the open questions of the API's contract, as Markdown to
// paste into an issue: a line for each, without ids or secrets. It creates two
// sessions.
func liveReport(p *liveProbe) string {
	var lines []string
	ask := func(question, answer string) {
		lines = append(lines, "- **"+question+":** "+p.redact(answer))
	}
	first := p.send(http.MethodPost, "/session-storage/session", `{"data":{}}`)
	id, _ := first.member("data", "id").(string)
	ask("Create answer", p.said(first)+", "+shapeOf(first.body))
	if id == "" {
		return p.markdown(lines)
	}
	read := p.send(http.MethodGet, sessionPath(id), "")
	ask("Read answer", p.said(read)+", "+shapeOf(read.body))
	ask("Id form", idForm(id))
	ask("Default TTL", inSeconds(read.time("expires_at").Sub(read.time("created_at"))))
	ask("`created_at` against `Date` of the create", inSeconds(read.time("created_at").Sub(first.date))+timestampForm(read))
	ask("Headers about rates and requests", rateHeaders(first.header, read.header))
	p.askAboutWrites(id, read, ask)

	second := p.send(http.MethodPost, "/session-storage/session", `{"data":{"subscriber_count":2}}`)
	ask("Subscriber tokens for `subscriber_count`", fmt.Sprintf("without it %s; with 2 %s", tokens(first), tokens(second)))
	p.askAboutLists(ask)
	if other, _ := second.member("data", "id").(string); other != "" {
		p.askAboutBounds(other, ask)
		p.askAboutTheEnd(other, ask)
	} else {
		ask("Second create", p.said(second))
	}
	p.askAboutWrongCredentials(id, ask)
	ask("Delete", p.said(p.send(http.MethodDelete, sessionPath(id), "")))
	ask("Second delete", p.said(p.send(http.MethodDelete, sessionPath(id), "")))
	ask("Read of a deleted session", p.said(p.send(http.MethodGet, sessionPath(id), "")))
	return p.markdown(lines)
}

func (p *liveProbe) markdown(lines []string) string {
	kind := "a key pair"
	if p.config.APIKey != "" {
		kind = "an API key"
	}
	return "### What the Session Storage API answers to " + kind + "\n\n" + strings.Join(lines, "\n") + "\n"
}

func (p *liveProbe) setTTL(id, query, body string) liveAnswer {
	path := sessionPath(id)
	if query != "" {
		path += "?ttl_seconds=" + query
	}
	if body != "" {
		body = `{"data":{"ttl_seconds":` + body + `}}`
	}
	return p.send(http.MethodPost, path, body)
}

// granted is how long after a write the session expires.
func (p *liveProbe) granted(id string, write liveAnswer) string {
	if !write.ok() {
		return p.said(write)
	}
	read := p.send(http.MethodGet, sessionPath(id), "")
	if !read.ok() {
		return p.said(write) + ", then the read " + p.said(read)
	}
	return p.said(write) + ", granted " + inSeconds(read.time("expires_at").Sub(write.date))
}

func (p *liveProbe) askAboutWrites(id string, before liveAnswer, ask func(question, answer string)) {
	p.wait(2 * time.Second) // timestamps are whole seconds
	both := p.granted(id, p.setTTL(id, "3600", "3600"))
	after := p.send(http.MethodGet, sessionPath(id), "")
	ask("TTL of 3600 in query and body", both)
	ask("`updated_at` after that", "moved by "+inSeconds(after.time("updated_at").Sub(before.time("updated_at"))))
	ask("TTL of 3600 in the query alone", p.granted(id, p.setTTL(id, "3600", "")))
	ask("TTL of 3600 in the body alone", p.granted(id, p.setTTL(id, "", "3600")))
}

// askAboutBounds is for a session that may end by it.
func (p *liveProbe) askAboutBounds(id string, ask func(question, answer string)) {
	for _, ttl := range []string{"2592000", "31536000", "2147483648", "1.5", "0", "-1"} {
		ask("TTL of "+ttl, p.granted(id, p.setTTL(id, ttl, ttl)))
	}
}

func (p *liveProbe) askAboutTheEnd(id string, ask func(question, answer string)) {
	ask("TTL of 1", p.said(p.setTTL(id, "1", "1")))
	p.wait(3 * time.Second)
	ask("Read of an ended session", p.said(p.send(http.MethodGet, sessionPath(id), "")))
	page := itemsOf(p.send(http.MethodGet, "/session-storage/sessions", ""))
	listed := slices.ContainsFunc(page, func(item any) bool { return liveAnswer{body: item}.member("id") == id })
	ask("An ended session is on the first page of the list", strconv.FormatBool(listed))
	ask("TTL of 60 for an ended session", p.granted(id, p.setTTL(id, "60", "60")))
	ask("Delete of an ended session", p.said(p.send(http.MethodDelete, sessionPath(id), "")))
}

// askAboutLists needs two sessions in the account, so that a page of one has a
// next one.
func (p *liveProbe) askAboutLists(ask func(question, answer string)) {
	list := func(query url.Values) liveAnswer {
		return p.send(http.MethodGet, "/session-storage/sessions?"+query.Encode(), "")
	}
	whole := list(nil)
	ask("List envelope", p.said(whole)+", "+shapeOf(whole.body))
	if name, _ := nextToken(whole); name != "" {
		ask("Default page size", strconv.Itoa(len(itemsOf(whole))))
	} else {
		ask("Default page size", "unknown: all sessions of this account are on the first page")
	}
	one := list(url.Values{"page_size": {"1"}})
	name, token := nextToken(one)
	ask("Page of 1", fmt.Sprintf("%s, items %d, next page in %s", p.said(one), len(itemsOf(one)), orNothing(name)))
	for _, size := range []string{"0", "100", "101", "1000"} {
		ask("Page size of "+size, p.said(list(url.Values{"page_size": {size}})))
	}
	if token == "" {
		return
	}
	for _, test := range []struct {
		question string
		query    url.Values
	}{
		{"Size beside a token", url.Values{"page_size": {"1"}, "page_token": {token}}},
		{"Token without a size", url.Values{"page_token": {token}}},
		{"Token of another list", url.Values{"page_token": {"not-a-token"}}},
	} {
		got := list(test.query)
		ask(test.question, fmt.Sprintf("%s, items %d", p.said(got), len(itemsOf(got))))
	}
}

func (p *liveProbe) askAboutWrongCredentials(id string, ask func(question, answer string)) {
	ask("Wrong credentials, list", p.said(p.sendWrong(http.MethodGet, "/session-storage/sessions", "")))
	ask("Wrong credentials, read", p.said(p.sendWrong(http.MethodGet, sessionPath(id), "")))
	ask("Wrong credentials, TTL", p.said(p.sendWrong(http.MethodPost, sessionPath(id)+"?ttl_seconds=3600", `{"data":{"ttl_seconds":3600}}`)))
	ask("Wrong credentials, create", p.said(p.sendWrong(http.MethodPost, "/session-storage/session", `{"data":{}}`)))
	ask("Wrong credentials, delete", p.said(p.sendWrong(http.MethodDelete, sessionPath(id), "")))
}

// itemsOf finds the sessions of a page in any of the known envelopes.
func itemsOf(a liveAnswer) []any {
	for _, path := range [][]string{{}, {"data"}, {"sessions"}, {"data", "sessions"}, {"data", "items"}} {
		if items, ok := a.member(path...).([]any); ok {
			return items
		}
	}
	return nil
}

// nextToken finds the member that leads to the next page by its name.
func nextToken(a liveAnswer) (name, token string) {
	for _, path := range [][]string{{}, {"data"}} {
		object, _ := a.member(path...).(map[string]any)
		for name, value := range object {
			if text, _ := value.(string); text != "" && (strings.Contains(name, "next") || strings.Contains(name, "token")) {
				return strings.Join(append(path, name), "."), text
			}
		}
	}
	return "", ""
}

func orNothing(name string) string {
	if name == "" {
		return "no member"
	}
	return "`" + name + "`"
}

func inSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s" }

func idForm(id string) string {
	if strings.HasPrefix(id, "eyJ") && strings.Count(id, ".") == 2 {
		return fmt.Sprintf("like a JWT, %d characters", len(id))
	}
	var lengths []string
	for part := range strings.SplitSeq(id, ".") {
		lengths = append(lengths, strconv.Itoa(len(part)))
	}
	return "parts of " + strings.Join(lengths, ", ") + " characters, joined by dots"
}

func timestampForm(read liveAnswer) string {
	text, _ := read.member("data", "created_at").(string)
	if _, err := time.Parse("2006-01-02T15:04:05Z", text); err == nil && !strings.Contains(text, ".") {
		return ", in whole seconds, UTC"
	}
	return ", in another form than whole seconds, UTC"
}

func tokens(created liveAnswer) string {
	if !created.ok() {
		return "refused"
	}
	switch subscriber := created.member("data", "subscriber").(type) {
	case []any:
		return strconv.Itoa(len(subscriber))
	case string:
		return "1, as a text"
	default:
		return "none, " + shapeOf(subscriber)
	}
}

func rateHeaders(headers ...http.Header) string {
	var names []string
	for _, header := range headers {
		for name := range header {
			lower := strings.ToLower(name)
			if strings.Contains(lower, "rate") || strings.Contains(lower, "retry") || strings.Contains(lower, "request-id") || strings.Contains(lower, "correlation") {
				names = append(names, "`"+name+"`")
			}
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
