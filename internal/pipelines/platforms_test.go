package pipelines

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

// platform is what a file of the kit tells a CI to run.
type platform struct {
	name    string
	command []string
	env     []string
	// keepSummary and report are the commands that follow on GitHub.
	keepSummary, report []string
}

// platforms are those whose file runs the engine under test: lock files of one
// engine are of no use to the other.
func platforms(t *testing.T) []platform {
	t.Helper()
	if prepared.engine.Name == engine.Terraform {
		return []platform{github(t)}
	}
	return []platform{gitlab(t), kubernetes(t)}
}

func github(t *testing.T) platform {
	t.Helper()
	var jobs struct{ Renew, Report []struct{ Name, Run string } }
	query(t, "github/renew-sessions.yml", `.[0].jobs | map_values([.steps[] | select(.run)])`, &jobs)
	bash := func(program string) []string {
		return []string{"bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", program}
	}
	return platform{
		name: "github", command: bash(jobs.Renew[0].Run), env: []string{"SUMMARY_FILE=summary.md"},
		keepSummary: bash(jobs.Renew[1].Run), report: bash(jobs.Report[0].Run),
	}
}

func gitlab(t *testing.T) platform {
	t.Helper()
	var script []string
	query(t, "gitlab/.gitlab-ci.yml", `.[0].renew | [(.variables | to_entries[] | "export \(.key)=\"\(.value)\""), .script[]]`, &script)
	return platform{name: "gitlab", command: []string{"sh", "-euc", strings.Join(script, "\n")}}
}

func kubernetes(t *testing.T) platform {
	t.Helper()
	p := platform{name: "kubernetes"}
	query(t, "kubernetes/cronjob/cronjob.yaml", `.[] | select(.kind == "CronJob") | .spec.jobTemplate.spec.template.spec.containers[0].command`, &p.command)
	query(t, "kubernetes/cronjob/cronjob.yaml", `.[] | select(.kind == "CronJob") | [.spec.jobTemplate.spec.template.spec.containers[0].env[] | select(.value) | "\(.name)=\(.value)"]`, &p.env)
	return p
}

// inFolders puts the folders of the container's volumes into dir.
func (p platform) inFolders(dir string) []string {
	env := slices.Clone(p.env)
	for i, variable := range env {
		env[i] = strings.Replace(variable, "=/", "="+dir+"/", 1)
	}
	return env
}

// query runs a jq program on the documents of a YAML file of the kit.
func query(t *testing.T, file, program string, into any) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), prepared.jq, "--yaml-input", "--slurp", program, filepath.Join(kitFolder, file)).Output() // #nosec G204
	if err == nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", file, err, out)
	}
}
