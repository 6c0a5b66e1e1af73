package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// moveSource is a resource type that a moved block may name as its "from".
type moveSource struct {
	// provider is the end of the provider's address: namespace and name, only the
	// name if any namespace will do, or nothing if any provider will do.
	provider string
	// looked names the attributes that sessionID reads, for the error message.
	looked string
	// sessionID returns the id that a state holds. It is empty if there is none.
	sessionID func(state map[string]any) string
	// related says that the source is a resource of this provider, or of a copy of it.
	// Attributes of the same name and the private state are taken over.
	related bool
}

var (
	fromRestapiObject = moveSource{
		// The id is that of the object, and a path only if it was set to one.
		provider: "mastercard/restapi", looked: "its id, object_id and path",
		sessionID: func(state map[string]any) string {
			for _, name := range []string{"id", "object_id"} {
				if id := textOf(state[name]); id != "" && !strings.Contains(id, "/") {
					return id
				}
			}
			return lastSegment(state, "id", "object_id", "path")
		},
	}
	fromRestfulResource = moveSource{
		provider: "magodo/restful", looked: "the last part of its id and path",
		sessionID: func(state map[string]any) string { return lastSegment(state, "id", "path") },
	}
	fromTerraformData = moveSource{
		provider: "builtin/terraform", looked: "its input, as a string or as an object with session_id",
		sessionID: func(state map[string]any) string {
			// An attribute of dynamic type is stored as its value and its type.
			input, _ := state["input"].(map[string]any)
			if object, ok := input["value"].(map[string]any); ok {
				return textOf(object["session_id"])
			}
			return textOf(input["value"])
		},
	}
	fromSession = moveSource{
		provider: "palabra", looked: "its id", related: true,
		sessionID: func(state map[string]any) string { return textOf(state["id"]) },
	}
	fromSessionExpiry = moveSource{
		provider: "palabra", looked: "its session_id", related: true,
		sessionID: func(state map[string]any) string { return textOf(state["session_id"]) },
	}
)

// fromElsewhere is for a resource of the target's own type: its provider has
// another address, such as that of a mirror or a fork.
func fromElsewhere(source moveSource) moveSource {
	source.provider = ""
	return source
}

// sessionMover moves a state to a resource type of this provider. It needs only the
// session id, as an import does: the next read fills in the rest. It sends no
// request, because engines call it before the provider is configured.
func sessionMover(target string, sources map[string]moveSource) resource.StateMover {
	return resource.StateMover{StateMover: func(ctx context.Context, req resource.MoveStateRequest, resp *resource.MoveStateResponse) {
		refuse := func(format string, args ...any) {
			resp.Diagnostics.AddError("Unable to move state to "+target, fmt.Sprintf(format, args...)+"\n\n"+importInstead(req.SourceTypeName, target))
		}
		source, ok := sources[req.SourceTypeName]
		switch {
		case !ok:
			refuse("A %s cannot become a %s.", req.SourceTypeName, target)
			return
		case !source.isProvidedBy(req.SourceProviderAddress):
			refuse("A %s of the provider %s cannot become a %s: only that of %s is known.",
				req.SourceTypeName, req.SourceProviderAddress, target, source.provider)
			return
		}
		var state map[string]any
		if json.Unmarshal(req.SourceRawState.JSON, &state) != nil {
			refuse("The state of the %s cannot be read.", req.SourceTypeName)
			return
		}
		id := source.sessionID(state)
		if id == "" {
			refuse("The state of the %s holds no session id. Looked at: %s.", req.SourceTypeName, source.looked)
			return
		}
		if source.related {
			same, err := req.SourceRawState.UnmarshalWithOpts(resp.TargetState.Schema.Type().TerraformType(ctx),
				tfprotov6.UnmarshalOpts{ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true}})
			if err != nil {
				refuse("The state of the %s cannot be read: %s.", req.SourceTypeName, err)
				return
			}
			resp.TargetState.Raw, resp.TargetPrivate = same, req.SourcePrivate
		}
		for _, name := range []string{"id", "session_id"} {
			if _, ok := resp.TargetState.Schema.GetAttributes()[name]; ok {
				resp.Diagnostics.Append(resp.TargetState.SetAttribute(ctx, path.Root(name), id)...)
			}
		}
		resp.Diagnostics.Append(resp.TargetIdentity.Set(ctx, sessionIdentityModel{SessionID: types.StringValue(id)})...)
		if textOf(state["publisher_token"]) != "" && target != managedSessionType {
			resp.Diagnostics.AddWarning("Tokens leave the state",
				fmt.Sprintf("A %s has no tokens and URLs, so apply removes those of session %q from the state. "+
					"The API returns them only on creation, so they cannot be read again. If a client still needs them, copy them first.", target, id))
		}
	}}
}

// isProvidedBy ignores the host, which differs between engines and mirrors.
// OpenTofu before 1.12.4 passes only the name.
func (s moveSource) isProvidedBy(address string) bool {
	if s.provider == "" {
		return true
	}
	want := strings.Split(s.provider, "/")
	got := strings.Split(strings.ToLower(address), "/")
	got = got[max(0, len(got)-len(want)):]
	return slices.Equal(got, want[len(want)-len(got):])
}

// importInstead explains how to import the session instead of moving it.
func importInstead(source, target string) string {
	return fmt.Sprintf(`Remove the moved block, forget the old resource, and import the session:

  removed {
    from = %s.NAME
    lifecycle {
      destroy = false
    }
  }

  import {
    to = %s.NAME
    id = "SESSION_ID"
  }`, source, target)
}

// lastSegment is the last part of the first attribute that is the path of a session.
func lastSegment(state map[string]any, attributes ...string) string {
	for _, name := range attributes {
		location, _, _ := strings.Cut(textOf(state[name]), "?")
		segments := strings.Split(strings.TrimRight(location, "/"), "/")
		last := segments[len(segments)-1]
		if id, err := url.PathUnescape(last); err == nil {
			last = id
		}
		// The paths that create and list sessions hold no id.
		if last != "" && last != "session" && last != "sessions" {
			return last
		}
	}
	return ""
}

// textOf is empty for a value that is not a string or has only spaces.
func textOf(value any) string {
	text, _ := value.(string)
	if strings.TrimSpace(text) == "" {
		return ""
	}
	return text
}
