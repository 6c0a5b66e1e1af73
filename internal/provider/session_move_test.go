package provider

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const otherSessionID = "58347ae0-8a5d-41cf-96d9-166b550b3335.b0327ccf.3c0742bc"

// fixtureState is a state file of another provider: one resource, written down
// by hand with the schema version and attributes that its releases have.
func fixtureState(name string) (path string) { return filepath.Join("testdata", "move", name+".json") }

// moved asks a provider that is not configured, as engines do. The state is null
// after an error.
func moved(t *testing.T, target string, req *tfprotov6.MoveResourceStateRequest) (tftypes.Value, *tfprotov6.MoveResourceStateResponse) {
	t.Helper()
	req.TargetTypeName = target
	resp := must(newTestServer().MoveResourceState(t.Context(), req))
	return unwire(resourceType(target), resp.TargetState), resp
}

func moveRequest(address, typeName, state string) *tfprotov6.MoveResourceStateRequest {
	return &tfprotov6.MoveResourceStateRequest{
		SourceProviderAddress: address, SourceTypeName: typeName,
		SourceState: &tfprotov6.RawState{JSON: []byte(state)}, SourcePrivate: []byte(`{"note":"e30="}`),
	}
}

func expectMoved(t *testing.T, req *tfprotov6.MoveResourceStateRequest, id string) {
	t.Helper()
	state, resp := moved(t, sessionExpiryType, req)
	expectNone(t, resp.Diagnostics)
	if want := newObject(providerSchemas().ResourceSchemas[sessionExpiryType], attributes{"id": id, "session_id": id}); !state.Equal(want) {
		t.Errorf("%s of %s: %s, want %s", req.SourceState.JSON, req.SourceProviderAddress, state, want)
	}
	if len(resp.TargetPrivate) > 0 && string(resp.TargetPrivate) != "{}" {
		t.Errorf("private state %q, want none", resp.TargetPrivate)
	}
	expectIdentity(t, resp.TargetIdentity, id)
}

func TestSessionMove_StateFilesOfRestProviders(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"restapi_v1", "restapi_v3_for_each", "restful_v0", "restful_v2"} {
		resource := readStateFile(t, fixtureState(name)).Resources[0]
		for i, instance := range resource.Instances {
			req := moveRequest(resource.provider(), resource.Type, string(must(json.Marshal(instance.Attributes))))
			req.SourceSchemaVersion = instance.SchemaVersion
			expectMoved(t, req, []string{testSessionID, otherSessionID}[i])
		}
	}
}

func TestSessionMove_WhereTheIDIsFound(t *testing.T) {
	t.Parallel()
	const restapi, restful, builtin = "registry.terraform.io/mastercard/restapi", "registry.terraform.io/magodo/restful", "terraform.io/builtin/terraform"
	for _, test := range map[string]struct{ address, typeName, state, want string }{
		"object's own id":         {restapi, "restapi_object", `{"id":"a.b%2Fc","path":"/x"}`, "a.b%2Fc"},
		"object id set by hand":   {restapi, "restapi_object", `{"id":null,"object_id":"a.b"}`, "a.b"},
		"id is a path":            {restapi, "restapi_object", `{"id":"/session-storage/sessions/a.b"}`, "a.b"},
		"path of one session":     {restapi, "restapi_object", `{"path":"/session-storage/sessions/a.b?ttl_seconds=60"}`, "a.b"},
		"another registry":        {"registry.example.com/Mastercard/restapi", "restapi_object", `{"id":"a"}`, "a"},
		"bare provider name":      {"restapi", "restapi_object", `{"id":"a"}`, "a"},
		"an attribute of ours":    {restapi, "restapi_object", `{"id":"a","ttl_seconds":60}`, "a"},
		"namespace and name":      {"mastercard/restapi", "restapi_object", `{"id":"a"}`, "a"},
		"escaped path":            {restful, "restful_resource", `{"id":"/sessions/a%2Fb%20c"}`, "a/b c"},
		"not escaped":             {restful, "restful_resource", `{"id":"/sessions/100%"}`, "100%"},
		"trailing slash":          {restful, "restful_resource", `{"id":"sessions/a/"}`, "a"},
		"id without a session":    {restful, "restful_resource", `{"id":"/session-storage/sessions","path":"/sessions/a"}`, "a"},
		"id of the create call":   {restful, "restful_resource", `{"id":"/session-storage/session","path":"/sessions/a"}`, "a"},
		"input is the id":         {builtin, "terraform_data", `{"id":"uuid","input":{"value":"a","type":"string"}}`, "a"},
		"input is an object":      {builtin, "terraform_data", `{"input":{"value":{"session_id":"a","ttl":1},"type":["object",{}]}}`, "a"},
		"built in, in OpenTofu":   {"terraform", "terraform_data", `{"input":{"value":"a","type":"string"}}`, "a"},
		"id as it is, not a path": {builtin, "terraform_data", `{"input":{"value":"a/b","type":"string"}}`, "a/b"},
	} {
		expectMoved(t, moveRequest(test.address, test.typeName, test.state), test.want)
	}
}

func TestSessionMove_RefusalsShowTheImportWay(t *testing.T) {
	t.Parallel()
	const restapi = "registry.terraform.io/mastercard/restapi"
	for name, test := range map[string]struct{ address, typeName, state, want string }{
		"another provider":   {"registry.terraform.io/acme/restapi", "restapi_object", `{"id":"a"}`, "only that of mastercard/restapi is known"},
		"another name":       {"restful", "restapi_object", `{"id":"a"}`, "only that of mastercard/restapi is known"},
		"another type":       {"registry.terraform.io/hashicorp/null", "null_resource", `{"id":"a"}`, "A null_resource cannot become"},
		"foreign schema":     {"restapi", "restapi_object", `{"uri":"a"}`, "Looked at: its id, object_id and path"},
		"path of the list":   {restapi, "restapi_object", `{"path":"/session-storage/sessions"}`, "holds no session id"},
		"blank id":           {restapi, "restapi_object", `{"id":" "}`, "holds no session id"},
		"input without id":   {"terraform.io/builtin/terraform", "terraform_data", `{"id":"uuid","input":{"value":7,"type":"number"}}`, "an object with session_id"},
		"no input":           {"terraform.io/builtin/terraform", "terraform_data", `{"id":"uuid","input":null}`, "holds no session id"},
		"state is no object": {restapi, "restapi_object", `[]`, "cannot be read"},
		"damaged state":      {"palabra", "palabra_session", `{"id":"a","ttl_seconds":"x"}`, "cannot be read"},
	} {
		_, resp := moved(t, sessionExpiryType, moveRequest(test.address, test.typeName, test.state))
		if said := diagnosticText(resp.Diagnostics); !strings.Contains(said, test.want) {
			t.Errorf("%s: %s, want %q in it", name, said, test.want)
		}
		expectError(t, resp.Diagnostics, "Unable to move state to palabra_session_expiry",
			"from = "+test.typeName+".NAME", "destroy = false", "to = palabra_session_expiry.NAME")
	}
	_, resp := moved(t, managedSessionType, moveRequest(restapi, "restapi_object", `{"id":"a"}`))
	expectError(t, resp.Diagnostics, "A restapi_object cannot become a palabra_session", "to = palabra_session.NAME")
}

// TestSessionMove_KeptIdentityIsUpgraded: OpenTofu asks for this after a move, because it
// keeps the identity of the source.
func TestSessionMove_KeptIdentityIsUpgraded(t *testing.T) {
	t.Parallel()
	kept := readStateFile(t, fixtureState("restful_v2")).Resources[0].Instances[0].Identity
	for name, test := range map[string]struct{ identity, want string }{
		"of restful_resource": {string(must(json.Marshal(kept))), testSessionID},
		"of version 0":        {`{"session_id":"a"}`, "a"},
		"with id, version 0":  {`{"id":"a"}`, "a"},
		"not JSON":            {`{"id":"/sessions/a"}`, ""},
		"no session":          {`{"id":"{\"id\":\"/session-storage/sessions\"}"}`, ""},
		"something else":      {`{"arn":"x"}`, ""},
		"null":                {`null`, ""},
	} {
		for _, target := range []string{sessionExpiryType, managedSessionType} {
			req := &tfprotov6.UpgradeResourceIdentityRequest{TypeName: target, RawIdentity: &tfprotov6.RawState{JSON: []byte(test.identity)}}
			resp := must(newTestServer().UpgradeResourceIdentity(t.Context(), req))
			if said := diagnosticText(resp.Diagnostics); strings.Contains(said, "destroy = false") != (test.want == "") {
				t.Errorf("%s: %s, want an error with the import way: %t", name, said, test.want == "")
			} else if test.want != "" {
				expectIdentity(t, resp.UpgradedIdentity, test.want)
			}
		}
	}
}

// TestSessionMove_BetweenOurTypesKeepsWhatTheyShare, and the notes in private
// state. Tokens leave the state with a warning.
func TestSessionMove_BetweenOurTypesKeepsWhatTheyShare(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		target, source, state string
		want                  attributes
		warning               string
	}{
		"session of a fork": {managedSessionType, managedSessionType, `{"id":"s1","publisher_token":"secret-token","intent":"api"}`, attributes{"id": "s1", "publisher_token": "secret-token", "intent": "api"}, ""},
		"expiry of a fork":  {sessionExpiryType, sessionExpiryType, `{"session_id":"s1","ttl_seconds":3600,"active":false}`, attributes{"id": "s1", "session_id": "s1", "ttl_seconds": 3600, "active": false}, ""},
		"session with tokens": {
			sessionExpiryType, managedSessionType, `{"id":"s1","ttl_seconds":3600,"intent":"api","publisher_token":"secret-token","subscriber_tokens":["other-token"],"expires_at":"2031-03-14T10:26:53Z"}`,
			attributes{"id": "s1", "session_id": "s1", "ttl_seconds": 3600, "expires_at": "2031-03-14T10:26:53Z"},
			"Tokens leave the state",
		},
		"session without tokens": {sessionExpiryType, managedSessionType, `{"id":"s1","publisher_token":null}`, attributes{"session_id": "s1"}, ""},
		"expiry": {
			managedSessionType, sessionExpiryType, `{"id":"s1","session_id":"s1","ttl_seconds":3600,"renew_triggers":{"release":"1"},"delete_on_destroy":false,"expires_at":"2031-03-14T10:26:53Z","active":true}`,
			attributes{"id": "s1", "ttl_seconds": 3600, "renew_triggers": map[string]string{"release": "1"}, "delete_on_destroy": false, "publisher_token": nil},
			"",
		},
	} {
		address := "registry.terraform.io/hashicorp/palabra"
		if test.source == test.target {
			address = "registry.example.com/acme/palabra-fork"
		}
		req := moveRequest(address, test.source, test.state)
		state, resp := moved(t, test.target, req)
		for attribute, want := range test.want {
			if got := member(state, attribute); !got.Equal(newValue(got.Type(), want)) {
				t.Errorf("%s: %s is %s, want %v", name, attribute, got, want)
			}
		}
		expectIdentity(t, resp.TargetIdentity, "s1")
		expectEqual(t, name+": private state", string(resp.TargetPrivate), string(req.SourcePrivate))
		if said := diagnosticText(resp.Diagnostics); !says(said, test.warning) || test.warning == "" && said != "" || says(said, "secret-token") {
			t.Errorf("%s: diagnostics %q, want %q, without the tokens", name, said, test.warning)
		}
	}
}
