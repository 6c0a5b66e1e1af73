package provider

import (
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
	valid, err := p.server.ValidateDataResourceConfig(p.t.Context(), &tfprotov6.ValidateDataResourceConfigRequest{TypeName: typeName, Config: config})
	if err != nil {
		p.t.Fatal(err)
	}
	if len(valid.Diagnostics) > 0 {
		return tftypes.Value{}, valid.Diagnostics
	}
	read, err := p.server.ReadDataSource(p.t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: typeName, Config: config})
	if err != nil {
		p.t.Fatal(err)
	}
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
	all, diags := p.readData("palabra_sessions", nil)
	expectNone(t, diags)
	var listed []tftypes.Value
	if err := member(all, "sessions").As(&listed); err != nil || len(listed) != 1 {
		t.Fatalf("sessions: %s (%v), want one", all, err)
	}
	for name, want := range map[string]string{
		"id": testSessionID, "created_at": sinceStart(0), "updated_at": sinceStart(time.Minute), "expires_at": sinceStart(time.Hour),
	} {
		if text(one, name) != want || text(listed[0], name) != want {
			t.Errorf("%s: %s, in the list %s, want %s", name, one, listed[0], want)
		}
	}
}
