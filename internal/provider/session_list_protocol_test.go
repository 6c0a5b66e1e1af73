package provider_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// listTypes are the list resources.
var listTypes = []string{"palabra_session", "palabra_session_expiry"}

// list returns an iterator, which asks the API for no more than it is asked for.
func (p *protocol) list(typeName string, limit int64, include bool, filters map[string]any) func(func(tfprotov6.ListResourceResult) bool) {
	p.t.Helper()
	stream, err := p.server.ListResource(p.t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: typeName, Limit: limit, IncludeResource: include,
		Config: p.dynamic(p.object(p.schemas.ListResourceSchemas[typeName], filters)),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return stream.Results
}

// ids reads the identities of results that have no diagnostics.
func (p *protocol) ids(results []tfprotov6.ListResourceResult) []string {
	p.t.Helper()
	ids := make([]string, 0, len(results))
	for _, result := range results {
		expectNone(p.t, result.Diagnostics)
		identity := p.attributes(result.Identity.IdentityData, identityType)
		id := textOf(identity["session_id"])
		if result.DisplayName != id {
			p.t.Errorf("display name %q of session %q", result.DisplayName, id)
		}
		ids = append(ids, id)
	}
	return ids
}

// pages are the queries of the list calls, without their tokens.
func (f *fixture) pages() []string {
	var pages []string
	for _, request := range f.Requests() {
		query, _, _ := strings.Cut(request.Query, "&page_token=")
		pages = append(pages, query)
	}
	return pages
}

func (f *fixture) putMany(n int) {
	for i := range n {
		f.putSession(numberedID(i), 24*time.Hour)
		f.clock.Advance(time.Second)
	}
}

func TestSessionList_FetchesNoMoreThanItsLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sessions int
		limit    int64
		want     int
		pages    []string
	}{
		{sessions: 12, limit: 5, want: 5, pages: []string{"page_size=5"}},
		{sessions: 12, limit: 12, want: 12, pages: []string{"page_size=12"}},
		{sessions: 12, limit: 50, want: 12, pages: []string{"page_size=50"}},
		{sessions: 12, limit: 0, want: 12, pages: []string{"page_size=100"}},
		{sessions: 320, limit: 100, want: 100, pages: []string{"page_size=100"}},
		{sessions: 320, limit: 150, want: 150, pages: []string{"page_size=100", "page_size=100"}},
		{sessions: 320, limit: 0, want: 320, pages: []string{"page_size=100", "page_size=100", "page_size=100", "page_size=100"}},
		{sessions: 0, limit: 10, want: 0, pages: []string{"page_size=10"}},
	} {
		for _, typeName := range listTypes {
			t.Run(fmt.Sprintf("%s %d of %d", typeName, test.limit, test.sessions), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				f.putMany(test.sessions)
				p := newProtocol(t, f)
				ids := p.ids(slices.Collect(p.list(typeName, test.limit, false, nil)))
				if want := f.sessionIDs()[:test.want]; !slices.Equal(ids, want) {
					t.Errorf("%d results, want the first %d sessions in order", len(ids), len(want))
				}
				if pages := f.pages(); !slices.Equal(pages, test.pages) {
					t.Errorf("pages: %q, want %q", pages, test.pages)
				}
			})
		}
	}
}

func TestSessionList_StreamsPageByPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putMany(250)
	results := 0
	for range newProtocol(t, f).list("palabra_session", 0, false, nil) {
		results++
		if pages, want := len(f.pages()), (results+99)/100; pages != want {
			t.Fatalf("result %d came after %d pages, want %d", results, pages, want)
		}
	}
	if results != 250 {
		t.Errorf("%d results, want 250", results)
	}
}

func TestSessionList_StopsWhenNobodyListens(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putMany(250)
	for range newProtocol(t, f).list("palabra_session", 0, false, nil) {
		break
	}
	if pages := f.pages(); len(pages) != 1 {
		t.Errorf("pages: %q, want one", pages)
	}
}

func TestSessionList_FiltersLikeTheDataSource(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		filters map[string]any
		limit   int64
		want    []string
	}{
		"prefix":         {filters: map[string]any{"id_prefix": "new-"}, want: []string{"new-1", "new-2"}},
		"created before": {filters: map[string]any{"created_before": sinceStart(time.Hour)}, want: []string{"old-1"}},
		"created after":  {filters: map[string]any{"created_after": sinceStart(3 * time.Hour)}, want: []string{"new-2"}},
		"expires before": {filters: map[string]any{"expires_before": sinceStart(25 * time.Hour)}, want: []string{"old-1"}},
		"expires after":  {filters: map[string]any{"expires_after": sinceStart(26 * time.Hour)}, want: []string{"new-1", "new-2"}},
		"together":       {filters: map[string]any{"id_prefix": "old-", "created_after": sinceStart(time.Minute)}, want: []string{"old-2", "old-3"}},
		"selects none":   {filters: map[string]any{"id_prefix": "none-"}, want: []string{}},
		"with a limit":   {filters: map[string]any{"id_prefix": "old-"}, limit: 2, want: []string{"old-1", "old-2"}},
	} {
		for _, typeName := range listTypes {
			t.Run(typeName+" "+name, func(t *testing.T) {
				t.Parallel()
				f := newPruneFixture(t)
				p := newProtocol(t, f)
				ids := p.ids(slices.Collect(p.list(typeName, test.limit, false, test.filters)))
				if !slices.Equal(ids, test.want) {
					t.Errorf("got %q, want %q", ids, test.want)
				}
				if pages := f.pages(); !slices.Equal(pages, []string{"page_size=100"}) {
					t.Errorf("pages: %q, want a large one: a filter may select few of many", pages)
				}
			})
		}
	}
}

func TestSessionList_PushesAnErrorAfterItsResults(t *testing.T) {
	t.Parallel()
	for _, typeName := range listTypes {
		f := newFixture(t)
		f.putMany(150)
		f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Skip: 1, Effect: sandbox.HTMLError(http.StatusBadGateway)})
		p := newProtocol(t, f)
		results := slices.Collect(p.list(typeName, 0, false, nil))
		if len(results) != 101 {
			t.Fatalf("%s: %d results, want 100 sessions and an error", typeName, len(results))
		}
		p.ids(results[:100])
		expectError(t, results[100].Diagnostics, "Unable to list sessions", "502")
	}
}

func TestSessionList_PushesEveryErrorAsAResult(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, test := range map[string]struct {
		arguments map[string]any
		filters   map[string]any
		want      string
	}{
		"refused credentials": {
			arguments: map[string]any{"endpoint": f.url, "client_id": testClientID, "client_secret": "wrong", "max_retries": 0},
			want:      "refused the credentials",
		},
		"credentials not known yet": {
			arguments: map[string]any{"endpoint": f.url, "client_id": testClientID, "client_secret": tftypes.UnknownValue},
			want:      "client_secret is known only after apply",
		},
		"no timestamp": {
			arguments: map[string]any{"endpoint": f.url, "client_id": testClientID, "client_secret": testClientSecret},
			filters:   map[string]any{"created_before": "yesterday"},
			want:      "RFC3339",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, typeName := range listTypes {
				results := slices.Collect(newProtocolWith(t, test.arguments).list(typeName, 10, true, test.filters))
				if len(results) != 1 {
					t.Fatalf("%d results, want one", len(results))
				}
				expectError(t, results[0].Diagnostics, test.want)
			}
		})
	}
}

func TestSessionList_IncludesTheResourceOnlyOnDemand(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putMany(1)
	p := newProtocol(t, f)
	for _, typeName := range listTypes {
		for _, include := range []bool{false, true} {
			for result := range p.list(typeName, 1, include, nil) {
				expectNone(t, result.Diagnostics)
				if got := result.Resource != nil; got != include {
					t.Errorf("%s: resource is there: %t, want %t", typeName, got, include)
				}
			}
		}
	}
}
