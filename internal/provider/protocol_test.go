package provider_test

import (
	"context"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

const expiryType = "palabra_session_expiry"

// failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// attributes are those of an object; what is missing is null.
type attributes map[string]tftypes.Value

// schemaTypes are the types that values have on the wire.
type schemaTypes struct {
	provider, expiry, identity tftypes.Object
}

var expirySchemas = sync.OnceValues(func() (schemaTypes, error) {
	var types schemaTypes
	server := providerserver.NewProtocol6(provider.New("test")())()
	schemas, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return types, err
	}
	identities, err := server.GetResourceIdentitySchemas(context.Background(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return types, err
	}
	types.provider, _ = schemas.Provider.ValueType().(tftypes.Object)
	types.expiry, _ = schemas.ResourceSchemas[expiryType].ValueType().(tftypes.Object)
	types.identity, _ = identities.IdentitySchemas[expiryType].ValueType().(tftypes.Object)
	return types, nil
})

// protocol talks to the provider as an engine does, without one: quick enough
// for thousands of plans, and for requests that this machine's engine never
// sends.
type protocol struct {
	t     failer
	ctx   context.Context // of the test, for its length
	types schemaTypes
	url   string
}

func newProtocol(ctx context.Context, t failer, url string) *protocol {
	t.Helper()
	types, err := expirySchemas()
	if err != nil {
		t.Fatalf("schemas: %v", err)
	}
	return &protocol{t: t, ctx: ctx, types: types, url: url}
}

// phase starts and configures a provider, as an engine does for each phase.
func (p *protocol) phase() tfprotov6.ProviderServer {
	p.t.Helper()
	server := providerserver.NewProtocol6(provider.New("test")())()
	config := p.object(p.types.provider, attributes{
		"endpoint":      tftypes.NewValue(tftypes.String, p.url),
		"client_id":     tftypes.NewValue(tftypes.String, testClientID),
		"client_secret": tftypes.NewValue(tftypes.String, testClientSecret),
		"max_retries":   tftypes.NewValue(tftypes.Number, 0),
	})
	resp, err := server.ConfigureProvider(p.ctx, &tfprotov6.ConfigureProviderRequest{Config: p.wire(config)})
	p.must(err, resp.Diagnostics)
	return server
}

func (p *protocol) object(of tftypes.Object, values attributes) tftypes.Value {
	all := make(map[string]tftypes.Value, len(of.AttributeTypes))
	for name, attributeType := range of.AttributeTypes {
		all[name] = tftypes.NewValue(attributeType, nil)
		if value, ok := values[name]; ok {
			all[name] = value
		}
	}
	return tftypes.NewValue(of, all)
}

func (p *protocol) expiry(values attributes) tftypes.Value {
	return p.object(p.types.expiry, values)
}

// expiryArguments is a configuration with the two required arguments and the
// default of delete_on_destroy.
func (p *protocol) expiryArguments(sessionID string, ttlSeconds int) tftypes.Value {
	return p.expiry(attributes{
		"session_id":        tftypes.NewValue(tftypes.String, sessionID),
		"ttl_seconds":       tftypes.NewValue(tftypes.Number, ttlSeconds),
		"delete_on_destroy": tftypes.NewValue(tftypes.Bool, true),
	})
}

func (p *protocol) none() tftypes.Value { return tftypes.NewValue(p.types.expiry, nil) }

func (p *protocol) identity(sessionID string) *tfprotov6.ResourceIdentityData {
	return &tfprotov6.ResourceIdentityData{IdentityData: p.wire(p.object(p.types.identity, attributes{
		"session_id": tftypes.NewValue(tftypes.String, sessionID),
	}))}
}

// identifies checks that an answer has an identity, as engines do, and that it
// is the session's.
func (p *protocol) identifies(identity *tfprotov6.ResourceIdentityData, sessionID string) {
	p.t.Helper()
	if identity == nil || identity.IdentityData == nil {
		p.t.Fatalf("no identity in the answer, want that of %q", sessionID)
	}
	value, err := identity.IdentityData.Unmarshal(p.types.identity)
	if err != nil {
		p.t.Fatalf("identity: %v", err)
	}
	if got := text(value, "session_id"); got != sessionID {
		p.t.Fatalf("identity is of %q, want %q", got, sessionID)
	}
}

func (p *protocol) wire(value tftypes.Value) *tfprotov6.DynamicValue {
	p.t.Helper()
	dynamic, err := tfprotov6.NewDynamicValue(value.Type(), value)
	if err != nil {
		p.t.Fatalf("marshal: %v", err)
	}
	return &dynamic
}

func (p *protocol) unwire(dynamic *tfprotov6.DynamicValue) tftypes.Value {
	p.t.Helper()
	if dynamic == nil {
		return p.none()
	}
	value, err := dynamic.Unmarshal(p.types.expiry)
	if err != nil {
		p.t.Fatalf("unmarshal: %v", err)
	}
	return value
}

func (p *protocol) must(err error, diags []*tfprotov6.Diagnostic) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%v", err)
	}
	if problems := diagnostics(diags, tfprotov6.DiagnosticSeverityError); problems != "" {
		p.t.Fatalf("%s", problems)
	}
}

// diagnostics are the texts of one severity; empty when there is none.
func diagnostics(diags []*tfprotov6.Diagnostic, severity tfprotov6.DiagnosticSeverity) string {
	var texts []string
	for _, d := range diags {
		if d.Severity == severity {
			texts = append(texts, d.Summary+": "+d.Detail)
		}
	}
	return strings.Join(texts, "\n")
}

// member is an attribute of an object; null for a null object.
func member(object tftypes.Value, name string) tftypes.Value {
	var all map[string]tftypes.Value
	if object.IsNull() || object.As(&all) != nil {
		return tftypes.Value{}
	}
	return all[name]
}

// text is a string attribute; empty where it is null or unknown.
func text(object tftypes.Value, name string) string {
	var s string
	if value := member(object, name); value.IsNull() || !value.IsKnown() || value.As(&s) != nil {
		return ""
	}
	return s
}
