package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

func TestSessionImport_ImpossibleIDIsRefusedWithoutARequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := newProtocol(t, f)
	for id, want := range map[string]string{"": "Empty session id", "..": "part of the URL's path"} {
		identity := identityOf(id)
		for _, typeName := range []string{managedSessionType, sessionExpiryType} {
			for _, request := range []*tfprotov6.ImportResourceStateRequest{{TypeName: typeName, ID: id}, {TypeName: typeName, Identity: identity}} {
				resp, err := p.server.ImportResourceState(t.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				if len(resp.ImportedResources) > 0 {
					t.Errorf("%s is imported by the id %q", typeName, id)
				}
				expectError(t, resp.Diagnostics, want)
			}
		}
	}
	f.expectCalls(t, "")
}

func TestSessionImport_SpaceInTheIDIsAWarning(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.put("s1")
	s.expectWarnings(s.Import(room("it"), &tfprotov6.ImportResourceStateRequest{ID: "s1 "}), "Space in the session id … begins or ends with a space")
	if len(s.State.Current) > 0 {
		t.Errorf("state: %v", s.State.Current)
	}
}
