package provider

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// validateProvider does what "terraform validate" does.
func validateProvider(t *testing.T, arguments attributes) []*tfprotov6.Diagnostic {
	t.Helper()
	resp, err := newTestServer().ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{
		Config: wire(newObject(providerSchemas().Provider, arguments)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Diagnostics
}

func TestProviderConfig_ValidateNeedsNoCredentialsAndReportsContradictions(t *testing.T) {
	t.Parallel()
	expectNone(t, validateProvider(t, attributes{}))
	for _, allowed := range []any{true, tftypes.UnknownValue} {
		expectNone(t, validateProvider(t, attributes{"endpoint": "http://sandbox:8920", "allow_insecure_endpoint": allowed}))
	}
	expectNone(t, validateProvider(t, attributes{"endpoint": tftypes.UnknownValue}))
	for _, arguments := range []attributes{
		{"endpoint": "127.0.0.1:8920"},
		{"endpoint": "http://sandbox:8920"},
		{"api_key_file": "/run/secrets/key", "client_id": "id"},
		{"request_timeout": "2562047h"},
	} {
		if diags := validateProvider(t, arguments); len(diags) != 1 || diags[0].Severity != tfprotov6.DiagnosticSeverityError {
			t.Errorf("%v: %s, want one error", arguments, diagnosticText(diags))
		}
	}
}

func TestProviderConfig_FaultIsReportedOnce(t *testing.T) {
	t.Parallel()
	resp, err := newTestServer().ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		Config: wire(newObject(providerSchemas().Provider, attributes{"api_key": "key", "endpoint": "ftp://example.com"})),
	})
	if err != nil || len(resp.Diagnostics) != 1 {
		t.Errorf("%v %s, want one error", err, diagnosticText(resp.Diagnostics))
	}
}

func TestProviderConfig_UnknownCredentialsDeferIfTheEngineCan(t *testing.T) {
	t.Parallel()
	server := newTestServer()
	configured, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		Config:             wire(newObject(providerSchemas().Provider, attributes{"api_key": tftypes.UnknownValue})),
		ClientCapabilities: &tfprotov6.ConfigureProviderClientCapabilities{DeferralAllowed: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	expectNone(t, configured.Diagnostics)
	read, err := server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName:           "palabra_session",
		Config:             wire(newObject(providerSchemas().DataSourceSchemas["palabra_session"], attributes{"id": "a"})),
		ClientCapabilities: &tfprotov6.ReadDataSourceClientCapabilities{DeferralAllowed: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	expectNone(t, read.Diagnostics)
	if read.Deferred == nil || read.Deferred.Reason != tfprotov6.DeferredReasonProviderConfigUnknown {
		t.Errorf("deferred: %+v, want it because the provider's configuration is unknown", read.Deferred)
	}
}

// TestProviderConfig_UnknownCredentialsFailWhatCannotWait: engines read a data
// source and open a session in the plan that creates the credentials.
func TestProviderConfig_UnknownCredentialsFailWhatCannotWait(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocolWith(t, attributes{"endpoint": f.url, "client_id": testClientID, "client_secret": tftypes.UnknownValue})
	read := func(typeName string, arguments attributes) []*tfprotov6.Diagnostic {
		_, diags := p.readData(typeName, arguments)
		return diags
	}
	invoke := func(name string, arguments attributes) []*tfprotov6.Diagnostic {
		_, diags := p.invoke(t.Context(), name, arguments)
		return diags
	}
	listed := slices.Collect(p.list(managedSessionType, 0, true, nil))
	for name, diags := range map[string][]*tfprotov6.Diagnostic{
		"data palabra_session":  read("palabra_session", attributes{"id": "a"}),
		"data palabra_sessions": read("palabra_sessions", nil),
		"list palabra_session":  listed[0].Diagnostics,
		"open palabra_session":  p.open(t.Context(), nil).Diagnostics,
		extendAction:            invoke(extendAction, attributes{"session_id": "a", "ttl_seconds": 60}),
		deleteAction:            invoke(deleteAction, attributes{"session_id": "a"}),
		pruneAction:             invoke(pruneAction, attributes{"id_prefix": "a"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectError(t, diags, "client_secret is known only after apply")
		})
	}
	f.expectCalls(t, "")
}
