package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestSessionIdentity_ImportsByIDAndByIdentity(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"": "Empty session id", "..": "part of the URL's path", "s1": "", "missing ": "Space in the session id … begins or ends with a space"} {
		for _, at := range []address{room("it"), sessionAt("it")} {
			for _, request := range []*tfprotov6.ImportResourceStateRequest{{ID: id}, {Identity: identityOf(id)}} {
				s := newStory(t)
				s.put("s1")
				problems := s.Import(at, request)
				if _, imported := s.State.Current[at]; imported != (id == "s1") {
					t.Errorf("%s by the id %q: imported: %t", at, id, imported)
				}
				if id == "s1" {
					s.expectValue(at, "ttl_seconds", 3600)
					s.expectValue(at, "expires_at", sinceStart(time.Hour))
					s.expectValue(at, "delete_on_destroy", true)
					s.expectWrites()
					continue
				}
				if id != "missing " {
					s.expectErrors(problems, want)
					s.expectCalls(t, "")
				} else if at == room("it") {
					s.expectWarnings(problems[:1], want)
				}
			}
		}
	}
}

// TestSessionIdentity_IsAddedToAStateWithoutOne by a read and by an update. Engines
// refuse an answer without it; so does the story's check.
func TestSessionIdentity_IsAddedToAStateWithoutOne(t *testing.T) {
	t.Parallel()
	refresh, both := command{RefreshOnly: true}, []address{sessionAt("it"), room("it")}
	type row struct {
		happens func(*story)
		how     command
		active  bool
	}
	for _, noted := range []bool{true, false} {
		eachRow(t, map[string]row{
			"alive":          {after(0), refresh, true},
			"ended":          {after(2 * time.Hour), refresh, false},
			"not configured": {func(s *story) { s.provider["client_secret"] = tftypes.UnknownValue }, refresh, true},
			"updated": {func(s *story) {
				changed := attributes{"ttl_seconds": 7200}
				s.config = configuration{both[0]: creates(changed), both[1]: lasts("s1", changed)}
			}, command{NoRefresh: true}, true},
		}, func(t *testing.T, test row) {
			s := newAppliedStory(t, sessionsOfBothTypes(), "s1")
			for _, at := range both {
				s.loseIdentity(at)
				if !noted {
					s.loseNote(at)
				}
			}
			test.happens(s)
			s.run(test.how)
			s.active(room("it"), test.active)
		})
	}
}
