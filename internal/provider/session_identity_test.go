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
	for name, happens := range map[string]func(*story) command{
		"alive": func(*story) command { return command{RefreshOnly: true} },
		"ended": func(s *story) command {
			s.clock.Advance(2 * time.Hour)
			return command{RefreshOnly: true}
		},
		"not configured": func(s *story) command {
			s.provider["client_secret"] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
			return command{RefreshOnly: true}
		},
		"updated": func(s *story) command {
			changed := attributes{"ttl_seconds": 7200}
			s.config = configuration{sessionAt("it"): creates(changed), room("it"): lasts("s1", changed)}
			return command{NoRefresh: true}
		},
	} {
		for _, noted := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newAppliedStory(t, sessionsOfBothTypes(), "s1")
				for _, at := range []address{sessionAt("it"), room("it")} {
					s.loseIdentity(at)
					if !noted {
						s.loseNote(at)
					}
				}
				s.run(happens(s))
				s.active(room("it"), name != "ended")
			})
		}
	}
}
