package provider

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// readData validates and reads a data source.
func (p *protocol) readData(typeName string, arguments attributes) (tftypes.Value, []*tfprotov6.Diagnostic) {
	p.t.Helper()
	schema := providerSchemas().DataSourceSchemas[typeName]
	config := wire(newObject(schema, arguments))
	valid := must(p.server.ValidateDataResourceConfig(p.t.Context(), &tfprotov6.ValidateDataResourceConfigRequest{TypeName: typeName, Config: config}))
	if len(valid.Diagnostics) > 0 {
		return tftypes.Value{}, valid.Diagnostics
	}
	read := must(p.server.ReadDataSource(p.t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: typeName, Config: config}))
	if len(read.Diagnostics) > 0 {
		return tftypes.Value{}, read.Diagnostics
	}
	return unwire(schema.ValueType(), read.State), nil
}

// stringsOf is a known list of strings.
func stringsOf(t *testing.T, list tftypes.Value) []string {
	t.Helper()
	var elements []tftypes.Value
	if err := list.As(&elements); err != nil || list.IsNull() {
		t.Errorf("%s is not a list of strings: %v", list, err)
	}
	texts := []string{}
	for _, element := range elements {
		texts = append(texts, stringOf(element))
	}
	return texts
}

func TestSessionDataSource_MissingSessionIsAnError(t *testing.T) {
	t.Parallel()
	p := newProtocol(t, newFixture(t))
	_, diags := p.readData("palabra_session", attributes{"id": "no.such.session "})
	expectError(t, diags, "Unable to read session", "no.such.session", "does not exist", "the id is misspelled", "begins or ends with a space")
}

func TestSessionDataSource_ReadsTheTimestamps(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Put(sandbox.Session{ID: testSessionID, CreatedAt: testStart, UpdatedAt: testStart.Add(time.Minute), ExpiresAt: testStart.Add(time.Hour)})
	p := newProtocol(t, f)
	one, diags := p.readData("palabra_session", attributes{"id": testSessionID})
	expectNone(t, diags)
	for name, want := range map[string]string{
		"id": testSessionID, "created_at": sinceStart(0), "updated_at": sinceStart(time.Minute), "expires_at": sinceStart(time.Hour),
	} {
		if text(one, name) != want {
			t.Errorf("%s: %s, want %s", name, one, want)
		}
	}
	all, diags := p.readData("palabra_sessions", nil)
	expectNone(t, diags)
	var listed []tftypes.Value
	if err := member(all, "sessions").As(&listed); err != nil || len(listed) != 1 || !listed[0].Equal(one) {
		t.Errorf("sessions: %s (%v), want %s", all, err, one)
	}
}

// selected are the ids of the sessions that each object with filters selects, by
// the name of the object.
func (p *protocol) selected(filters attributes) map[string][]string {
	p.t.Helper()
	data, diags := p.readData("palabra_sessions", filters)
	expectNone(p.t, diags)
	all := map[string][]string{"palabra_sessions": stringsOf(p.t, member(data, "ids"))}
	for _, typeName := range listTypes {
		all["list of "+typeName] = p.ids(slices.Collect(p.list(typeName, 0, false, filters)))
	}
	if _, ok := filters["expires_after"]; ok || len(filters) == 0 {
		return all // A prune has no such filter, and refuses to have none.
	}
	arguments := attributes{"dry_run": true}
	maps.Copy(arguments, filters)
	progress, diags := p.invoke(p.t.Context(), pruneAction, arguments)
	expectNone(p.t, diags)
	pruned := []string{}
	for _, message := range progress {
		if _, after, ok := strings.Cut(message, "would delete session "); ok {
			id, _, _ := strings.Cut(after, ",")
			pruned = append(pruned, id)
		}
	}
	all[pruneAction] = pruned
	return all
}

func TestSessionFilter_AllConditionsHoldInEveryObject(t *testing.T) {
	t.Parallel()
	hour := func(n int) string { return sinceStart(time.Duration(n) * time.Hour) }
	for name, test := range map[string]struct {
		filters attributes
		want    []string
	}{
		"none":            {nil, []string{"old-1", "old-2", "old-3", "new-1", "new-2"}},
		"prefix":          {attributes{"id_prefix": "new-"}, []string{"new-1", "new-2"}},
		"created before":  {attributes{"created_before": hour(2)}, []string{"old-1", "old-2"}},
		"created after":   {attributes{"created_after": hour(3)}, []string{"new-2"}},
		"expires before":  {attributes{"expires_before": hour(25)}, []string{"old-1"}},
		"expires after":   {attributes{"expires_after": hour(26)}, []string{"new-1", "new-2"}},
		"together":        {attributes{"id_prefix": "old-", "created_after": hour(0), "expires_before": hour(26)}, []string{"old-2"}},
		"another offset":  {attributes{"created_before": "2031-03-14T12:26:53+02:00"}, []string{"old-1"}},
		"before all time": {attributes{"created_before": "0001-01-01T00:00:00Z"}, []string{}},
		"nothing matches": {attributes{"id_prefix": "none-"}, []string{}},
	} {
		for object, ids := range newProtocol(t, newPruneFixture(t)).selected(test.filters) {
			if !slices.Equal(ids, test.want) {
				t.Errorf("%s: %s selects %q, want %q", name, object, ids, test.want)
			}
		}
	}
}

// TestSessionFilter_UnknownTimeMatchesNoCondition: a prune must not delete a session
// because the API left its age out.
func TestSessionFilter_UnknownTimeMatchesNoCondition(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(sandbox.Fault{Operation: sandbox.OperationList, Effect: sandbox.Respond(http.StatusOK, "application/json", `{"data":[{"id":"ageless"}]}`)})
	p := newProtocol(t, f)
	for _, filter := range []string{"created_before", "created_after", "expires_before", "expires_after"} {
		for object, ids := range p.selected(attributes{filter: sinceStart(0)}) {
			if len(ids) > 0 {
				t.Errorf("%s selects %q by %s", object, ids, filter)
			}
		}
	}
}
