package pipelines

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pipeline is a shell program as a CI would run it.
type pipeline struct {
	name  string
	shell []string // the command that takes the program as its last argument
	text  string
	env   []string // the variables that the file sets and renew.sh reads
}

// query runs a jq program on the documents of a YAML file of the kit.
func (w *workspace) query(file, program string, into any) {
	w.t.Helper()
	copied := filepath.Join(w.t.TempDir(), "file.yml")
	writeFile(w.t, copied, readFile(w.t, filepath.Join(kitFolder, file)))
	r := w.run(prepared.jq, "--yaml-input", "--slurp", program, copied)
	if r.code != 0 {
		w.t.Fatalf("%s: %s", file, r.output)
	}
	if err := json.Unmarshal([]byte(r.output), into); err != nil {
		w.t.Fatalf("%s: %v\n%s", file, err, r.output)
	}
}

// github joins the commands of a job's steps that have the condition, which may be
// empty.
func (w *workspace) github(file, job, condition string) pipeline {
	w.t.Helper()
	var steps []string
	w.query(file, fmt.Sprintf(`[.[0].jobs.%s.steps[] | select((.if // "") == %q) | .run // empty]`, job, condition), &steps)
	return pipeline{name: "GitHub", shell: []string{"bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"}, text: strings.Join(steps, "\n")}
}

func (w *workspace) gitlab(job string) pipeline {
	w.t.Helper()
	var read struct {
		Script    []string
		Variables struct{ Engine string }
	}
	w.query("gitlab/.gitlab-ci.yml", `.[0].`+job, &read)
	return pipeline{"GitLab", []string{"sh", "-euc"}, strings.Join(read.Script, "\n"), []string{"ENGINE=" + read.Variables.Engine}}
}

func (w *workspace) kubernetes() pipeline {
	w.t.Helper()
	var container struct {
		Command, Args []string
		Env           []struct{ Name, Value string }
	}
	w.query("kubernetes/cronjob/cronjob.yaml", `.[] | select(.kind == "CronJob") | .spec.jobTemplate.spec.template.spec.containers[0]`, &container)
	if len(container.Args) != 1 {
		w.t.Fatalf("the container has the arguments %q, want one program", container.Args)
	}
	p := pipeline{name: "Kubernetes", shell: container.Command, text: container.Args[0]}
	for _, variable := range container.Env {
		if variable.Name == "ENGINE" {
			p.env = append(p.env, "ENGINE="+variable.Value)
		}
	}
	return p
}

// perform runs a pipeline in a folder.
func (w *workspace) perform(p pipeline) result {
	w.t.Helper()
	if p.text == "" {
		w.t.Fatalf("%s: the file has no commands", p.name)
	}
	return w.run(p.shell[0], append(slices.Clone(p.shell[1:]), p.text)...)
}

// installCommands prepends a folder to PATH: the engine under both names, jq, and
// imitations of date, curl and gh, whose files are in the folder ci.
func (w *workspace) installCommands() (ci string) {
	w.t.Helper()
	bin, ci := w.t.TempDir(), w.t.TempDir()
	for name, target := range map[string]string{"terraform": w.Engine.Path, "tofu": w.Engine.Path, "jq": prepared.jq} {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			w.t.Fatal(err)
		}
	}
	for name, body := range map[string]string{
		"date": `cat "$CI_FOLDER/now"`,
		"curl": `for url; do :; done; echo "$url" >> "$CI_FOLDER/curl.log"; case $url in *deployments*) cat "$CI_FOLDER/deployments.json";; esac`,
		"gh": `echo "$*" >> "$CI_FOLDER/gh.log"
case "$1 $2" in
"run list") answer=runs.json ;;
"issue list") answer=issues.json ;;
"api "*) answer=workflow.json ;;
*) exit 0 ;;
esac
while [ "$1" != --jq ]; do shift; done
exec jq -r "$2" "$CI_FOLDER/$answer"`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil { // #nosec G306 -- has to be executable
			w.t.Fatal(err)
		}
	}
	w.Env = append(w.Env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "CI_FOLDER="+ci)
	return ci
}

// copyKit copies the shared files of the kit, with a backend for the test.
func (w *workspace) copyKit(state string) {
	w.t.Helper()
	for _, name := range []string{"main.tf", "renew.sh", "watch.sh", "gate.jq", "summary.jq"} {
		w.write(name, readFile(w.t, filepath.Join(kitFolder, name)))
	}
	w.write("backend.tf", fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n", state))
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// newWatch is a workspace whose last successful night was that long ago; a negative
// value means that there was none.
func newWatch(t *testing.T, ago time.Duration, workflowState string) (w *workspace, ci string) {
	t.Helper()
	w = newWorkspace(t)
	ci = w.installCommands()
	w.copyKit("unused")
	w.Env = append(w.Env, "GH_REPO=example/sessions", "CI_API_V4_URL=https://gitlab.example.com/api/v4", "CI_PROJECT_ID=1", "CI_JOB_TOKEN=t")
	runs, deployments := "[]", "[]"
	if ago >= 0 {
		last := start.Add(-ago)
		runs = fmt.Sprintf(`[{"updatedAt": %q}]`, last.Format(time.RFC3339))
		deployments = fmt.Sprintf(`[{"created_at": %q}]`, last.Format("2006-01-02T15:04:05.000Z"))
	}
	for name, content := range map[string]string{
		"now": fmt.Sprintln(start.Unix()), "runs.json": runs, "deployments.json": deployments,
		"workflow.json": fmt.Sprintf(`{"state": %q}`, workflowState), "gh.log": "",
	} {
		writeFile(t, filepath.Join(ci, name), content)
	}
	return w, ci
}

func TestWatch_FailsAfterAWeekWithoutRuns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		ago  time.Duration
		fail string
	}{
		{"last night", 8 * time.Hour, ""},
		{"one night missed", 32 * time.Hour, ""},
		{"a week", 7 * 24 * time.Hour, "7 days ago"},
		{"never", -1, "No nightly run has succeeded yet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w, _ := newWatch(t, test.ago, "active")
			for _, watch := range []pipeline{w.github("github/watch-sessions.yml", "watch", ""), w.gitlab("watch")} {
				r := w.perform(watch)
				if failed := r.code != 0; failed != (test.fail != "") || !strings.Contains(r.output, test.fail) {
					t.Errorf("%s: exit code %d, want failure: %t\n%s", watch.name, r.code, test.fail != "", r.output)
				}
			}
		})
	}
}

func TestWatch_EnablesSchedulesUnlessAPersonDisabledThem(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]int{"active": 2, "disabled_inactivity": 2, "disabled_manually": 0} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			w, ci := newWatch(t, time.Hour, state)
			w.perform(w.github("github/watch-sessions.yml", "watch", ""))
			if calls := readFile(t, filepath.Join(ci, "gh.log")); strings.Count(calls, "workflow enable") != want {
				t.Errorf("want %d workflows enabled:\n%s", want, calls)
			}
		})
	}
}

func TestAlert_OpensOneIssue(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ issues, want string }{
		"none is open": {`[]`, "issue create --label"},
		"one is open":  {`[{"number": 17}]`, "issue comment 17 --body https://example.com/run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ci := newWatch(t, 0, "active")
			writeFile(t, filepath.Join(ci, "issues.json"), test.issues)
			w.Env = append(w.Env, "RUN=https://example.com/run")
			for _, alert := range []pipeline{
				w.github("github/renew-sessions.yml", "alert", ""),
				w.github("github/watch-sessions.yml", "watch", "failure()"),
			} {
				writeFile(t, filepath.Join(ci, "gh.log"), "")
				r := w.perform(alert)
				if calls := readFile(t, filepath.Join(ci, "gh.log")); r.code != 0 || strings.Count(calls, test.want) != 1 ||
					strings.Count(calls, "issue create")+strings.Count(calls, "issue comment") != 1 {
					t.Errorf("exit code %d, want one %q:\n%s%s", r.code, test.want, calls, r.output)
				}
			}
		})
	}
}
