package pipelines

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// night is one run of a platform in a new checkout.
type night struct {
	platform
	checkout, volumes string
	*exec.Cmd
	output bytes.Buffer
}

// platform returns the one whose turn is next.
func (k *kit) platform() platform { return k.platforms[k.night%len(k.platforms)] }

// begin starts the next platform's night. Only the repository, the state and the
// account stay from the night before.
func (k *kit) begin() *night {
	k.t.Helper()
	p := k.platform()
	n := &night{platform: p, checkout: k.checkout(), volumes: k.t.TempDir()}
	env := slices.Concat(p.inFolders(n.volumes), k.account, []string{"TMPDIR=" + filepath.Join(n.volumes, "work")})
	for _, volume := range []string{"work", "palabra"} {
		if err := os.Mkdir(filepath.Join(n.volumes, volume), 0o700); err != nil {
			k.t.Fatal(err)
		}
	}
	// Kubernetes mounts the key as a file.
	key := "PALABRA_API_KEY=" + apiKey
	if p.name == "kubernetes" && slices.Contains(env, key) {
		writeFile(k.t, filepath.Join(n.volumes, "palabra", "api_key"), apiKey+"\n")
		env = slices.DeleteFunc(env, func(variable string) bool { return variable == key })
	} else {
		env = slices.DeleteFunc(env, func(variable string) bool { return strings.HasPrefix(variable, "PALABRA_API_KEY_FILE=") })
	}
	n.Cmd = k.command(n.checkout, p.command, env)
	n.Stdout, n.Stderr = &n.output, &n.output
	// A group of its own, which can be killed as a whole.
	n.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	k.ResetRequests()
	if err := n.Start(); err != nil {
		k.t.Fatal(err)
	}
	return n
}

// kill ends all processes of a night, as the loss of its machine does.
func (n *night) kill() {
	_ = syscall.Kill(-n.Process.Pid, syscall.SIGKILL)
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environments {
		environment, err := os.ReadFile(path) // #nosec G304
		if err != nil || !bytes.Contains(environment, []byte(n.volumes)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// end waits for a night and checks what holds for each one, whatever it met: it is
// green only if every wanted session lives or was hung up, and leaves nothing
// behind. It returns what the night says.
func (k *kit) end(n *night, green bool) string {
	k.t.Helper()
	_ = n.Wait() // The exit code says it.
	k.night++
	said := n.output.String()
	if succeeded := n.ProcessState.Success(); succeeded != green {
		k.t.Fatalf("night %d on %s: green: %t, want %t\n%s", k.night, n.name, succeeded, green, said)
	}
	for name, id := range k.sessions {
		if _, alive := k.Session(id); green && !alive && !k.hungUp[id] {
			k.t.Errorf("night %d is green, and %s is dead", k.night, name)
		}
	}
	if green {
		k.greens++
	}
	if beats := strings.Count(readFile(k.t, filepath.Join(k.ci, "curl.log")), "heartbeat.example.com"); beats != k.greens {
		k.t.Errorf("night %d: %d heartbeats after %d green nights", k.night, beats, k.greens)
	}
	if n.report != nil {
		said += k.report(n, green)
	}
	for _, secret := range []string{apiKey, clientSecret, statePassword} {
		if strings.Contains(said, secret) {
			k.t.Errorf("night %d shows a secret:\n%s", k.night, said)
		}
	}
	k.leftNothing(n)
	return said
}

// report runs what follows the night on GitHub, and returns the body of the issue,
// which is open while the nights fail.
func (k *kit) report(n *night, green bool) string {
	k.t.Helper()
	output := filepath.Join(n.volumes, "output")
	keep := k.command(n.checkout, n.keepSummary, []string{"GITHUB_STEP_SUMMARY=" + filepath.Join(n.volumes, "step"), "GITHUB_OUTPUT=" + output})
	result, issue := "failure", filepath.Join(k.ci, "issue")
	if green {
		result = "success"
	}
	if out, err := keep.CombinedOutput(); err != nil {
		k.t.Errorf("keep the summary: %v\n%s", err, out)
	}
	summary, _ := strings.CutPrefix(readFile(k.t, output), "summary<<END-OF-SUMMARY\n")
	if out, err := k.command(n.checkout, n.platform.report, []string{"RESULT=" + result, "RUN=run", "BODY=" + summary}).CombinedOutput(); err != nil {
		k.t.Errorf("report: %v\n%s", err, out)
	}
	body, err := os.ReadFile(issue) // #nosec G304
	if open := err == nil; open == green {
		k.t.Errorf("night %d: the issue is open: %t", k.night, open)
	}
	return string(body)
}

// leftNothing looks for plan files and other values in clear text.
func (k *kit) leftNothing(n *night) {
	k.t.Helper()
	known := []string{".terraform", ".terraform.d", ".terraform.lock.hcl", "terraform.d", "summary.md", "main.tf", "backend.tf", "sessions.auto.tfvars", "renew.sh", "apply.sh"}
	for _, folder := range []string{n.checkout, filepath.Join(n.volumes, "work")} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			k.t.Fatal(err)
		}
		for _, entry := range entries {
			if !slices.Contains(known, entry.Name()) {
				k.t.Errorf("night %d leaves %s behind", k.night, entry.Name())
			}
		}
	}
}

// isGreen is a night that renews these sessions, and nothing else.
func (k *kit) isGreen(renewed ...string) string {
	k.t.Helper()
	return k.passes(true, renewed)
}

// isRed is a night that fails, says why, and renews only these sessions.
func (k *kit) isRed(why string, renewed ...string) string {
	k.t.Helper()
	said := k.passes(false, renewed)
	k.expect(said, why, "### Sessions need a person", "guides/when-a-night-fails")
	return said
}

func (k *kit) passes(green bool, renewed []string) string {
	k.t.Helper()
	k.days(1)
	began := k.clock.Now()
	said := k.end(k.begin(), green)
	if lock := k.backend.held(); lock != "" && green {
		k.t.Errorf("night %d leaves a lock behind", k.night)
	}
	var wrote, want []string
	for _, request := range k.Requests() {
		// The API may still be busy with a request of a night that was killed.
		if request.Method != "GET" && !request.Time.Before(began) {
			wrote = append(wrote, request.Method+" "+request.SessionID)
		}
	}
	for _, id := range renewed {
		want = append(want, "POST "+id)
	}
	slices.Sort(wrote)
	if !slices.Equal(wrote, want) {
		k.t.Errorf("night %d: writes %q, want %q\n%s", k.night, wrote, want, said)
	}
	return said
}

func (k *kit) expect(said string, parts ...string) {
	k.t.Helper()
	for _, part := range parts {
		if !strings.Contains(said, part) {
			k.t.Errorf("night %d does not say %q:\n%s", k.night, part, said)
		}
	}
}

func (k *kit) days(n int) { k.clock.Advance(time.Duration(n) * 24 * time.Hour) }
