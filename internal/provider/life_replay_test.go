package provider_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"pgregory.net/rapid"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

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
	// failed and after are what came of it.
	failed bool
	after  string
}

func (s *step) onState(command string, on ...address) {
	args := strings.Fields(command)
	for _, at := range on {
		args = append(args, hclAddress(at))
	}
	s.state = append(s.state, args)
}

// record notes a command and what comes of its plan.
func (l *life) record(how command, what circumstance, saves string, p plannedRun) {
	l.next.config, l.next.how, l.next.what, l.next.saves = maps.Clone(l.config), how, what, saves
	l.done = append(l.done, l.next)
	l.next = step{}
	l.cameOf(p.failed())
}

func (l *life) cameOf(failed bool) {
	last := &l.done[len(l.done)-1]
	last.failed = last.failed || failed
	held := make(map[string]string)
	for at, object := range l.state.current {
		held[hclAddress(at)] = fmt.Sprintf("%s %t", text(object.value, "id"), isTrue(member(object.value, "active")))
	}
	last.after = agreement(l.accounts, held)
}

// agreement is what state and servers hold, without what differs from run to
// run: the ids of created sessions.
func agreement(both *accounts, held map[string]string) string {
	var lines []string
	for _, box := range []*sandbox.Sandbox{both.own, both.other} {
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

// createdID is an id that the sandbox makes up.
var createdID = regexp.MustCompile(`sandbox-user\.[0-9a-f]+\.[0-9a-f]+`)

// replay repeats a life with a real engine.
type replay struct {
	*cli
	accounts *accounts
	clock    *sandbox.Clock
	url      string
}

func hclAddress(at address) string {
	return at.kind + "." + strings.NewReplacer("[", "_", "]", "").Replace(at.name)
}

// hcl writes a configuration; number makes what is known after apply unknown
// once more.
func (r *replay) hcl(s step, number int) string {
	credentials := fmt.Sprintf("client_id = %q\n  client_secret = %q", testClientID, testClientSecret)
	switch {
	case s.what.otherAccount:
		credentials = fmt.Sprintf("client_id = %q\n  client_secret = %q", otherClientID, testClientSecret)
	case s.what.rotated:
		credentials = fmt.Sprintf("api_key = %q", testAPIKey)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "provider \"palabra\" {\n  endpoint = %q\n  %s\n  max_retries = 0\n  bulk_read = false\n}\n", r.url, credentials)
	for _, at := range slices.SortedFunc(maps.Keys(s.config), compareAddresses) {
		said := s.config[at]
		kind, name, _ := strings.Cut(hclAddress(at), ".")
		fmt.Fprintf(&out, "resource %q %q {\n", kind, name)
		for _, argument := range slices.Sorted(maps.Keys(said.arguments)) {
			value := hclValue(said.arguments[argument])
			if slices.Contains(said.later, argument) {
				value = fmt.Sprintf("terraform_data.%s_%d.output", name, number)
			}
			fmt.Fprintf(&out, "  %s = %s\n", argument, value)
		}
		if said.needs != "" {
			fmt.Fprintf(&out, "  session_id = palabra_session.%s.id\n", said.needs)
		}
		fmt.Fprintf(&out, "  lifecycle {\n    create_before_destroy = %t\n  }\n}\n", said.createBeforeDestroy)
		for _, argument := range said.later {
			fmt.Fprintf(&out, "resource \"terraform_data\" \"%s_%d\" {\n  input = %s\n}\n", name, number, hclValue(said.arguments[argument]))
		}
	}
	return out.String()
}

func hclValue(value tftypes.Value) string {
	var (
		s string
		b bool
		m map[string]tftypes.Value
	)
	switch {
	case value.Type().Is(tftypes.String) && value.As(&s) == nil:
		return fmt.Sprintf("%q", s)
	case value.Type().Is(tftypes.Bool) && value.As(&b) == nil:
		return fmt.Sprint(b)
	case value.Type().Is(tftypes.Number):
		return fmt.Sprint(seconds(value))
	case value.As(&m) == nil:
		return fmt.Sprintf("{ release = %s }", hclValue(m["release"]))
	}
	panic("no HCL for " + value.String())
}

func (r *replay) args(s step) []string {
	switch s.saves {
	case "save":
		return []string{"plan", "-input=false", "-out=tfplan"}
	case "apply saved":
		return []string{"apply", "-input=false", "tfplan"}
	}
	args := []string{"apply", "-auto-approve", "-input=false"}
	if s.how.destroy {
		args = append(args, "-destroy")
	}
	if s.how.noRefresh {
		args = append(args, "-refresh=false")
	}
	if s.how.refreshOnly {
		args = append(args, "-refresh-only")
	}
	for _, at := range s.how.replace {
		args = append(args, "-replace="+hclAddress(at))
	}
	if s.how.target != nil {
		args = append(args, "-target="+hclAddress(*s.how.target))
	}
	return args
}

// held is what the state file holds, by address.
func (r *replay) held() map[string]string {
	r.t.Helper()
	var file struct {
		Resources []struct {
			Type, Name string
			Instances  []struct {
				Deposed    string
				Attributes struct {
					ID     string
					Active bool
				}
			}
		}
	}
	content, err := os.ReadFile(filepath.Join(r.Dir, "terraform.tfstate"))
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(content, &file)
	}
	if err != nil {
		r.t.Fatalf("state: %v", err)
	}
	held := make(map[string]string)
	for _, resource := range file.Resources {
		for _, instance := range resource.Instances {
			if instance.Deposed == "" && strings.HasPrefix(resource.Type, "palabra_") {
				held[resource.Type+"."+resource.Name] = fmt.Sprintf("%s %t", instance.Attributes.ID, instance.Attributes.Active)
			}
		}
	}
	return held
}

func (r *replay) do(s step, number int) {
	r.t.Helper()
	for _, e := range s.events {
		e.happen(r.accounts, r.clock, func(at string) string { return strings.Fields(r.held()[at])[0] })
	}
	for _, args := range s.state {
		r.run(args...)
	}
	r.write(r.hcl(s, number))
	out, errOut, code := r.exec(r.args(s)...)
	r.accounts.wait()
	if after := agreement(r.accounts, r.held()); s.failed != (code != 0) || after != s.after {
		r.t.Fatalf("command %d: %s\nfailed: the engine %t, simulated %t\n--- the engine:\n%s\n--- simulated:\n%s\n--- output:\n%s%s\n--- configuration:\n%s",
			number, strings.Join(r.args(s), " "), code != 0, s.failed, after, s.after, out, errOut, r.hcl(s, number))
	}
}

// replayedLives is how many lives a real engine repeats.
const replayedLives = 12

// TestLife_RealEngineComesToTheSame proves that the simulated engine behaves
// like a real one, by the same lives.
func TestLife_RealEngineComesToTheSame(t *testing.T) {
	t.Parallel()
	for seed := range replayedLives {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			var options sandbox.Options
			steps := rapid.Custom(func(rt *rapid.T) []step {
				both := &accounts{}
				server := httptest.NewServer(both)
				defer server.Close()
				l := newLife(t.Context(), rt, server.URL)
				both.own, both.other = l.accounts.own, l.accounts.other
				l.accounts = both
				options = l.options
				l.replayable = true
				l.always.orphansFirst = testEngine.Name == engine.Terraform && strings.HasPrefix(testEngine.Version, "1.11.")
				l.live()
				return l.done
			}).Example(seed)
			clock := sandbox.NewClock(testStart)
			options.Now = clock.Now
			both := newAccounts(options)
			server := httptest.NewServer(both)
			t.Cleanup(server.Close)
			for _, id := range existingIDs {
				event{kind: comesBack, session: id}.happen(both, clock, nil)
			}
			r := &replay{cli: newCLI(t), accounts: both, clock: clock, url: server.URL}
			for i, s := range steps {
				r.do(s, i)
			}
		})
	}
}
