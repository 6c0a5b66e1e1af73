package provider_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// TestLife_RealEngineHasTheSameResults proves that the simulated engine behaves like a
// real one: the real one repeats a dozen lives.
func TestLife_RealEngineHasTheSameResults(t *testing.T) {
	t.Parallel()
	for seed := range 12 {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			server := newLifeServer(t)
			lived := rapid.Custom(func(rt *rapid.T) *life {
				l := newLife(t.Context(), rt, server)
				l.replayable = true
				l.always.orphansFirst = testEngine.Name == engine.Terraform && strings.HasPrefix(testEngine.Version, "1.11.")
				l.live()
				return l
			}).Example(seed)
			r := &replay{cli: newCLI(t), api: server.newStory(t.Context(), t, lived.options)}
			r.api.put(existingIDs...)
			for i, s := range lived.done {
				r.repeat(s, i)
			}
		})
	}
}

// step is a command of a life, and what was before it.
type step struct {
	events []event
	config configuration
	// state are commands on the state, such as taint.
	state [][]string
	how   command
	what  circumstance
	// saves is "save" or "apply saved" for a saved plan.
	saves string
	// failed and after are its result.
	failed bool
	after  string
}

// record notes a command and the result of its plan.
func (l *life) record(how command, what circumstance, saves string, p plannedRun) {
	l.next.config, l.next.how, l.next.what, l.next.saves = maps.Clone(l.config), how, what, saves
	l.done = append(l.done, l.next)
	l.next = step{}
	l.recordResult(p.failed())
}

// recordResult completes the last command.
func (l *life) recordResult(failed bool) {
	last := &l.done[len(l.done)-1]
	last.failed = last.failed || failed
	held := make(map[string]string)
	for at, o := range l.state.current {
		held[hclAddress(at)] = fmt.Sprintf("%s %t", o.id(), is(member(o.value, "active"), true))
	}
	last.after = agreement(l.fixture, held)
}

// createdID is an id that the sandbox makes up, which differs from run to run.
var createdID = regexp.MustCompile(`sandbox-user\.[0-9a-f]+\.[0-9a-f]+`)

// agreement is what both accounts and the state hold.
func agreement(f *fixture, held map[string]string) string {
	var lines []string
	for _, box := range []*sandbox.Sandbox{f.Sandbox, f.other} {
		var ids []string
		for _, session := range box.Sessions() {
			ids = append(ids, session.ID)
		}
		slices.Sort(ids)
		lines = append(lines, fmt.Sprintf("account: %q", ids))
	}
	for _, at := range slices.Sorted(maps.Keys(held)) {
		lines = append(lines, at+": "+held[at])
	}
	return createdID.ReplaceAllString(strings.Join(lines, "\n"), "created")
}

// replay repeats a life with a real engine.
type replay struct {
	*cli
	api *story
}

func (r *replay) repeat(s step, number int) {
	r.t.Helper()
	for _, e := range s.events {
		e.happen(r.api, func(at string) string { return strings.Fields(r.held()[at])[0] })
	}
	for _, args := range s.state {
		r.run(args...)
	}
	r.write(r.hcl(s, number))
	args := append([]string{"apply", "-input=false", "-auto-approve"}, s.how.flags()...)
	switch s.saves {
	case "save":
		args = []string{"plan", "-input=false", "-out=tfplan"}
	case "apply saved":
		args = []string{"apply", "-input=false", "tfplan"}
	}
	out, errOut, code := r.exec(args...)
	r.api.wait()
	if after := agreement(r.api.fixture, r.held()); s.failed != (code != 0) || after != s.after {
		r.t.Fatalf("command %d: %s\nfailed: the engine %t, simulated %t\n--- the engine:\n%s\n--- simulated:\n%s\n--- output:\n%s%s\n--- configuration:\n%s",
			number, strings.Join(args, " "), code != 0, s.failed, after, s.after, out, errOut, r.hcl(s, number))
	}
}

// hcl is the configuration of a step. The number of the step makes what is known
// after apply unknown once more.
func (r *replay) hcl(s step, number int) string {
	credentials := fmt.Sprintf("client_id = %q\n  client_secret = %q", testClientID, testClientSecret)
	switch {
	case s.what.otherAccount:
		credentials = fmt.Sprintf("client_id = %q\n  client_secret = %q", otherClientID, testClientSecret)
	case s.what.rotated:
		credentials = fmt.Sprintf("api_key = %q", testAPIKey)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "provider \"palabra\" {\n  endpoint = %q\n  %s\n  max_retries = 0\n  bulk_read = false\n}\n", r.api.url, credentials)
	for _, at := range sorted(s.config) {
		b := s.config[at]
		kind, name, _ := strings.Cut(hclAddress(at), ".")
		fmt.Fprintf(&out, "resource %q %q {\n", kind, name)
		for _, argument := range slices.Sorted(maps.Keys(b.arguments)) {
			value := hclValue(b.arguments[argument])
			if slices.Contains(b.later, argument) {
				value = fmt.Sprintf("terraform_data.%s_%d.output", name, number)
			}
			fmt.Fprintf(&out, "  %s = %s\n", argument, value)
		}
		if b.needs != "" {
			fmt.Fprintf(&out, "  session_id = palabra_session.%s.id\n", b.needs)
		}
		fmt.Fprintf(&out, "  lifecycle {\n    create_before_destroy = %t\n  }\n}\n", b.createBeforeDestroy)
		for _, argument := range b.later {
			fmt.Fprintf(&out, "resource \"terraform_data\" \"%s_%d\" {\n  input = %s\n}\n", name, number, hclValue(b.arguments[argument]))
		}
	}
	return out.String()
}

// hclAddress is an address without an index, which for_each or count would need.
func hclAddress(at address) string {
	return at.kind + "." + strings.NewReplacer("[", "_", "]", "").Replace(at.name)
}

func hclValue(value any) string {
	switch value := value.(type) {
	case tftypes.Value:
		switch {
		case !value.IsKnown():
			return "(known after apply)"
		case value.IsNull():
			return "null"
		case value.Type().Is(tftypes.Number):
			return fmt.Sprint(seconds(value))
		case value.Type().Is(tftypes.Bool):
			return fmt.Sprint(is(value, true))
		case value.Type().Is(tftypes.String):
			return fmt.Sprintf("%q", textOf(value))
		}
		return hclValue(map[string]string{"release": text(value, "release")})
	case map[string]string:
		return fmt.Sprintf("{ release = %q }", value["release"])
	case string:
		return fmt.Sprintf("%q", value)
	default:
		return fmt.Sprint(value)
	}
}

// held is what the state file holds of sessions, by address.
func (r *replay) held() map[string]string {
	r.t.Helper()
	held := make(map[string]string)
	for address, instances := range r.instances() {
		for _, instance := range instances {
			if instance.Deposed == "" && strings.HasPrefix(address, "palabra_") {
				held[address] = fmt.Sprintf("%s %v", instance.id(), instance.Attributes["active"])
			}
		}
	}
	return held
}
