package provider_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// liveProbe sends requests without the client, because the client hides what the
// report is about: shapes, statuses, words.
type liveProbe struct {
	t      *testing.T
	config palabra.Config
	// wait lets time pass at the API.
	wait func(time.Duration)
	// private are texts that the report must not show.
	private []string
	created []string
}

func newLiveProbe(t *testing.T, config palabra.Config, wait func(time.Duration)) *liveProbe {
	t.Helper()
	p := &liveProbe{t: t, config: config, wait: wait}
	p.hide(config.ClientID, config.ClientSecret, config.APIKey)
	t.Cleanup(func() {
		for _, id := range p.created {
			if got := p.send(http.MethodDelete, sessionPath(id), ""); got.status != http.StatusNoContent && got.status != http.StatusNotFound {
				t.Errorf("session %s is left behind: HTTP %d", palabra.ShortenID(id), got.status)
			}
		}
	})
	return p
}

func (p *liveProbe) hide(texts ...string) {
	for _, text := range texts {
		if text != "" {
			p.private = append(p.private, text)
		}
	}
	// One may be a part of another, so the longest are replaced first.
	slices.SortFunc(p.private, func(a, b string) int { return len(b) - len(a) })
}

// redact returns a text as one line without ids or secrets.
func (p *liveProbe) redact(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for _, private := range p.private {
		text = strings.ReplaceAll(text, private, "…")
	}
	return text
}

// liveAnswer is an answer; status 0 means that there was none.
type liveAnswer struct {
	status int
	header http.Header
	date   time.Time
	body   any
}

func (a liveAnswer) ok() bool { return a.status >= 200 && a.status < 300 }

// member is a part of the body by its path, such as "data", "id".
func (a liveAnswer) member(path ...string) any {
	value := a.body
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

func (a liveAnswer) time(name string) time.Time {
	text, _ := a.member("data", name).(string)
	at, _ := time.Parse(time.RFC3339, text)
	return at
}

func sessionPath(id string) string { return "/session-storage/sessions/" + url.PathEscape(id) }

func (p *liveProbe) send(method, path, body string) liveAnswer {
	p.t.Helper()
	return p.sendAs(p.config, method, path, body)
}

// sendWrong sends credentials of the configured kind that are wrong.
func (p *liveProbe) sendWrong(method, path, body string) liveAnswer {
	p.t.Helper()
	wrong := palabra.Config{APIKey: "not-a-key"}
	if p.config.APIKey == "" {
		wrong = palabra.Config{ClientID: "not-a-client", ClientSecret: "not-a-secret"}
	}
	return p.sendAs(wrong, method, path, body)
}

func (p *liveProbe) sendAs(account palabra.Config, method, path, body string) liveAnswer {
	p.t.Helper()
	// Sessions are deleted after the test's own context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), 30*time.Second)
	defer cancel()
	endpoint := cmp.Or(p.config.Endpoint, palabra.DefaultEndpoint)
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(endpoint, "/")+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(p.redact(err.Error()))
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if account.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+account.APIKey)
	} else {
		req.Header["ClientID"], req.Header["ClientSecret"] = []string{account.ClientID}, []string{account.ClientSecret}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req) // #nosec G704 -- the endpoint is the one that the tester chose
	if err != nil {
		return liveAnswer{}
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	content, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return liveAnswer{}
	}
	got := liveAnswer{status: resp.StatusCode, header: resp.Header}
	got.date, _ = http.ParseTime(resp.Header.Get("Date"))
	if len(content) > 0 && json.Unmarshal(content, &got.body) != nil {
		got.body = "not JSON: " + resp.Header.Get("Content-Type")
	}
	if got.ok() && method == http.MethodPost && strings.HasSuffix(path, "/session") {
		p.keep(got)
	}
	return got
}

// keep notes a created session, to delete it, and its private texts: the id
// contains the account's user id.
func (p *liveProbe) keep(created liveAnswer) {
	if id, _ := created.member("data", "id").(string); id != "" {
		p.created = append(p.created, id)
		p.hide(id)
		for part := range strings.SplitSeq(id, ".") {
			if len(part) > 5 {
				p.hide(part)
			}
		}
	}
	data, _ := created.member("data").(map[string]any)
	for _, value := range data {
		texts, isList := value.([]any)
		if !isList {
			texts = []any{value}
		}
		for _, text := range texts {
			// Shorter ones are words such as "api".
			if s, _ := text.(string); len(s) > 7 {
				p.hide(s)
			}
		}
	}
}

// said is the status and the API's words.
func (p *liveProbe) said(a liveAnswer) string {
	if a.status == 0 {
		return "no answer"
	}
	text := fmt.Sprintf("HTTP %d", a.status)
	if a.ok() {
		return text
	}
	if problems, _ := a.member("errors").([]any); len(problems) > 0 {
		first := liveAnswer{body: problems[0]}
		title, _ := first.member("title").(string)
		detail, _ := first.member("detail").(string)
		text += ", " + strings.Trim(title+": "+detail, ": ")
		if code := first.member("error_code"); code != nil {
			text += fmt.Sprintf(" (%v)", code)
		}
	} else if a.body != nil {
		text += ", " + shapeOf(a.body)
	}
	if runes := []rune(p.redact(text)); len(runes) > 120 {
		return string(runes[:120]) + "…"
	}
	return text
}

// shapeOf names the members of a value and their kinds, without the values.
func shapeOf(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case bool:
		return "bool"
	case float64:
		return "number"
	case []any:
		return "list"
	case map[string]any:
		var members []string
		for name, member := range value {
			members = append(members, "`"+name+"` "+shapeOf(member))
		}
		slices.Sort(members)
		return "{" + strings.Join(members, ", ") + "}"
	default:
		return "unknown"
	}
}
