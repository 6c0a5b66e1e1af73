package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

// judge runs the gate as renew.sh does, with gojq and, if installed, jq.
func judge(t *testing.T, plan string, check func(t *testing.T, r result)) {
	t.Helper()
	w := &workspace{t: t, Workspace: prepared.In(t.TempDir())}
	w.write("plan.json", plan)
	w.write("gate.jq", readFile(t, filepath.Join(kitFolder, "gate.jq")))
	programs := map[string]string{"gojq": prepared.jq}
	if path, err := exec.LookPath("jq"); err == nil {
		programs["jq"] = path
	}
	for name, program := range programs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, w.run(program, "-nr", "-f", "gate.jq", "plan.json"))
		})
	}
}

func expectRefusal(t *testing.T, r result, reasons ...string) {
	t.Helper()
	if r.code == 0 || strings.Contains(r.output, "may be applied") {
		t.Errorf("the gate lets the plan pass (exit code %d):\n%s", r.code, r.output)
	}
	for _, reason := range reasons {
		if !strings.Contains(r.output, reason) {
			t.Errorf("the gate does not say %q:\n%s", reason, r.output)
		}
	}
}

func recordedPlan(t *testing.T, engineName, name string) string {
	t.Helper()
	return readFile(t, filepath.Join(planFolder, engineName, name+".json"))
}

func TestGate_JudgesRecordedPlansOfBothEngines(t *testing.T) {
	t.Parallel()
	for _, r := range recordings {
		for _, engineName := range []string{engine.Terraform, engine.OpenTofu} {
			reasons := r.terraform
			if engineName == engine.OpenTofu && r.openTofu != nil {
				reasons = r.openTofu
			}
			t.Run(engineName+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				judge(t, recordedPlan(t, engineName, r.name), func(t *testing.T, got result) {
					if len(reasons) > 0 {
						expectRefusal(t, got, reasons...)
					} else if got.code != 0 || !strings.Contains(got.output, "The plan may be applied.") {
						t.Errorf("exit code %d:\n%s", got.code, got.output)
					}
				})
			})
		}
	}
}

// TestGate_RefusesPlansThatWereNotRecorded has plans that the recorded engines do
// not write.
func TestGate_RefusesPlansThatWereNotRecorded(t *testing.T) {
	t.Parallel()
	good := recordedPlan(t, engine.Terraform, "renewal")
	edit := func(old, replacement string) string {
		edited := strings.Replace(good, old, replacement, 1)
		if edited == good {
			t.Fatalf("the recorded plan lacks %q", old)
		}
		return edited
	}
	add := func(member string) string { return edit("{\n", "{\n"+member+",\n") }
	for name, test := range map[string]struct{ plan, reason string }{
		"empty file":             {"", "it must be one, not 0"},
		"truncated":              {good[:len(good)/2], ""},
		"null":                   {"null", "not a plan"},
		"a state":                {recordedPlan(t, engine.Terraform, "state"), "not a plan"},
		"a state of OpenTofu":    {recordedPlan(t, engine.OpenTofu, "state"), "not a plan"},
		"a second plan after it": {good + recordedPlan(t, engine.Terraform, "destroy"), `kept["lobby"]: the plan deletes it`},
		"another format":         {edit(`"format_version": "1.2"`, `"format_version": "2.0"`), "not a plan"},
		"ended in an error":      {edit(`"errored": false`, `"errored": true`), "it ended in an error"},
		"deferred": {
			add(`"deferred_changes": [{"reason": "provider_config_unknown", "resource_change": {"address": "palabra_session_expiry.x"}}]`),
			"palabra_session_expiry.x: the change is deferred (provider_config_unknown)",
		},
		"action": {
			add(`"action_invocations": [{"address": "action.palabra_delete_session.x", "type": "palabra_delete_session"}]`),
			"action.palabra_delete_session.x: the plan invokes an action",
		},
		"deferred action": {
			add(`"deferred_action_invocations": [{"reason": "x", "action_invocation": {"address": "action.palabra_delete_session.x"}}]`),
			"action.palabra_delete_session.x: the plan invokes an action",
		},
		"deposed object": {edit(`"change": {`, `"deposed": "00000000", "change": {`), "it is a deposed object"},
		"unknown action": {edit(`"update"`, `"undo"`), `has the action "undo"`},
		"another source": {
			strings.ReplaceAll(good, "/palabra-community/palabra", "/someone-else/palabra"), "/someone-else/palabra",
		},
		"another registry": {
			strings.ReplaceAll(good, "registry.terraform.io/", "registry.example.com/"), "registry.example.com",
		},
		"no provider": {strings.ReplaceAll(good, `"provider_name"`, `"provider"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judge(t, test.plan, func(t *testing.T, r result) { expectRefusal(t, r, test.reason) })
		})
	}
}

func TestRecordings_ContainNothingOfTheMachine(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(planFolder + "/*/*.json")
	if err != nil || len(files) != 2*(len(recordings)+1) {
		t.Fatalf("%d recordings (%v), want %d for each engine", len(files), err, len(recordings)+1)
	}
	for _, file := range files {
		content := readFile(t, file)
		for _, secret := range []string{apiKey, "127.0.0.1", "eyJ", os.TempDir() + "/", "/home/", "/root/"} {
			if strings.Contains(content, secret) {
				t.Errorf("%s contains %q", file, secret)
			}
		}
	}
}
