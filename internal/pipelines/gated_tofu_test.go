package pipelines

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestGatedTofu_AppliesOnlyAcceptedPlans(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.installCommands()
	gated := t.TempDir()
	writeFile(t, filepath.Join(gated, "gate.jq"), readFile(t, filepath.Join(kitFolder, "gate.jq")))
	if err := os.Symlink(w.Engine.Path, filepath.Join(gated, "tofu")); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(gated, "gated-tofu.sh")
	writeFile(t, script, readFile(t, filepath.Join(kitFolder, "kubernetes/tofu-controller/gated-tofu.sh")))
	w.Env = append(w.Env, "GATED="+gated)
	tofu := func(args ...string) result { return w.run("sh", append([]string{script}, args...)...) }
	must := func(args ...string) {
		t.Helper()
		if r := tofu(args...); r.code != 0 {
			t.Fatalf("%q: exit code %d\n%s", args, r.code, r.output)
		}
	}

	w.putSession("room.a", 30*24*time.Hour)
	w.putSession("room.b", 30*24*time.Hour)
	w.write("main.tf", requiredProviders+kept)
	w.engineRun("init", "-input=false")
	w.engineRun("apply", "-auto-approve")

	becomeDue(w)
	w.ResetRequests()
	must("plan", "-out=tfplan")
	must("apply", "-auto-approve", "-input=false", "tfplan")
	if writes := w.writes(); len(writes) != 2 {
		t.Errorf("writes %q, want two renewals", writes)
	}

	w.ResetRequests()
	w.write("main.tf", requiredProviders+strings.Replace(kept, `, stage = "room.b"`, "", 1))
	must("plan", "-out=tfplan")
	for _, args := range [][]string{
		{"apply", "-auto-approve", "-input=false", "tfplan"},
		{"apply", "-auto-approve", "-input=false"},
		{"apply"},
		{"destroy", "-auto-approve"},
	} {
		if r := tofu(args...); r.code == 0 {
			t.Errorf("%q passes:\n%s", args, r.output)
		}
	}
	if writes := w.writes(); len(writes) > 0 {
		t.Errorf("writes in spite of the gate: %q", writes)
	}
}
