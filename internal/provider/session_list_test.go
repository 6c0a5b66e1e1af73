package provider

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// listTypes are the list resources.
var listTypes = []string{managedSessionType, sessionExpiryType}

// list returns an iterator, which asks the API for no more than it is asked for.
func (p *protocol) list(typeName string, limit int64, include bool, filters attributes) iter.Seq[tfprotov6.ListResourceResult] {
	return listOf(p.t.Context(), p.server, typeName, limit, include, filters)
}

func listOf(ctx context.Context, server *Server, typeName string, limit int64, include bool, filters attributes) iter.Seq[tfprotov6.ListResourceResult] {
	return must(server.ListResource(ctx, &tfprotov6.ListResourceRequest{
		TypeName: typeName, Limit: limit, IncludeResource: include,
		Config: wire(newObject(providerSchemas().ListResourceSchemas[typeName], filters)),
	})).Results
}

// ids reads the identities of results without resources and diagnostics.
func (p *protocol) ids(results []tfprotov6.ListResourceResult) []string {
	p.t.Helper()
	ids := make([]string, 0, len(results))
	for _, result := range results {
		expectNone(p.t, result.Diagnostics)
		id := text(unwire(identityType, result.Identity.IdentityData), "session_id")
		if result.DisplayName != id || result.Resource != nil {
			p.t.Errorf("session %q has the display name %q, and its resource is included: %t", id, result.DisplayName, result.Resource != nil)
		}
		ids = append(ids, id)
	}
	return ids
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
		prefix   any
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
		// A filter may select few of many, so its pages stay large.
		{sessions: 12, limit: 5, prefix: "test-", want: 5, pages: []string{"page_size=100"}},
	} {
		f := newFixture(t)
		f.putMany(test.sessions)
		p := newProtocol(t, f)
		for _, typeName := range listTypes {
			f.ResetRequests()
			ids := p.ids(slices.Collect(p.list(typeName, test.limit, false, attributes{"id_prefix": test.prefix})))
			var pages []string
			for _, request := range f.Requests() {
				query, _, _ := strings.Cut(request.Query, "&page_token=")
				pages = append(pages, query)
			}
			if !slices.Equal(ids, f.sessionIDs()[:test.want]) || !slices.Equal(pages, test.pages) {
				t.Errorf("%+v: %d results of %s, want the first in order; pages: %q", test, len(ids), typeName, pages)
			}
		}
	}
}

// TestSessionList_PushesEveryErrorAsAResult, after those before it: an engine loses what
// is only set on the stream.
func TestSessionList_PushesEveryErrorAsAResult(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.putMany(150)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Skip: 1, Effect: sandbox.HTMLError(http.StatusBadGateway)})
	p := newProtocol(t, f)
	for want, test := range map[string]struct {
		filters attributes
		before  int // the sessions before the error
	}{"RFC3339": {attributes{"created_before": "yesterday"}, 0}, "502": {nil, 100}} {
		results := slices.Collect(p.list(managedSessionType, 0, false, test.filters))
		if len(results) != test.before+1 {
			t.Fatalf("%d results, want %d sessions and an error", len(results), test.before)
		}
		p.ids(results[:test.before])
		expectError(t, results[test.before].Diagnostics, want)
	}
}

// TestSessionList_ConfigurationImportsAndPlansEmpty does what an engine does with
// what "terraform query -generate-config-out" wrote.
func TestSessionList_ConfigurationImportsAndPlansEmpty(t *testing.T) {
	t.Parallel()
	now := testStart.Add(48 * time.Hour)
	type row struct {
		created, expires time.Time
		connected        bool
	}
	for _, typeName := range listTypes {
		eachRow(t, map[string]row{
			typeName + " as created":         {now, now.Add(time.Hour), false},
			typeName + " read a while later": {now.Add(-20 * time.Minute), now.Add(40 * time.Minute), false},
			typeName + " extended later":     {testStart, now.Add(90 * time.Minute), false},
			typeName + " connected":          {now.Add(-5 * time.Minute), now.Add(55 * time.Minute), true},
			typeName + " about to end":       {now, now.Add(time.Second), false},
			typeName + " the year 9999":      {now, time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC), false},
		}, func(t *testing.T, test row) {
			f := newFixture(t)
			f.clock.Advance(now.Sub(testStart))
			f.Put(sandbox.Session{ID: testSessionID, CreatedAt: test.created, UpdatedAt: test.created, ExpiresAt: test.expires})
			if test.connected {
				f.Connect(testSessionID)
			}
			results := slices.Collect(newProtocol(t, f).list(typeName, 1, true, nil))
			if len(results) != 1 {
				t.Fatalf("%d results, want one", len(results))
			}
			listed, at := unwire(resourceType(typeName), results[0].Resource), address{Type: typeName, Name: "test"}
			arguments, given := make(attributes), members(listed)
			for _, attribute := range providerSchemas().ResourceSchemas[typeName].Block.Attributes {
				if attribute.Optional || attribute.Required {
					arguments[attribute.Name] = given[attribute.Name]
				}
			}
			s := newStoryOf(t.Context(), t, f)
			if problems := s.Import(at, &tfprotov6.ImportResourceStateRequest{Identity: results[0].Identity}); hasErrors(problems) {
				t.Fatalf("import: %s", problemText(problems))
			}
			if imported := s.State.Current[at].Value; !imported.Equal(listed) {
				t.Errorf("imported: %s\nlisted:   %s", imported, listed)
			}
			s.config = configuration{at: {Arguments: arguments}}
			s.expectEmptyPlan()
			s.expectWrites()
		})
	}
}
