//go:build linux

package engine_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

// download is a folder with the assets of a release, and a keyring.
type download struct {
	t    *testing.T
	dir  string
	home string
	bin  string
}

func newDownload(t *testing.T) *download {
	t.Helper()
	for _, program := range []string{"gpg", "sha256sum", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the script needs %s, which this machine does not have", program)
		}
	}
	home, err := os.MkdirTemp("", "gpg-") //nolint:usetesting // gpg's agent listens in it, so that its path must be short
	if err != nil {
		t.Fatal(err)
	}
	d := &download{t: t, dir: t.TempDir(), home: home, bin: t.TempDir()}
	t.Cleanup(func() {
		_, _ = d.run("gpgconf", "--kill", "all")
		_ = os.RemoveAll(home)
	})
	d.write("terraform-provider-palabra_1.2.3_linux_amd64.zip", "archive")
	d.write("palabra-sandbox_1.2.3_linux_amd64.tar.gz", "sandbox")
	d.write("terraform-provider-palabra_1.2.3_linux_arm64.zip.sbom.spdx.json", "SBOM")
	d.attest("exit 0")
	return d
}

func (d *download) write(name, content string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(content), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// attest replaces gh.
func (d *download) attest(body string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.bin, "gh"), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil { // #nosec G306 -- has to be executable
		d.t.Fatal(err)
	}
}

func (d *download) run(name string, args ...string) (string, error) {
	d.t.Helper()
	// The clean-up runs after the test's context has ended.
	cmd := exec.CommandContext(context.WithoutCancel(d.t.Context()), name, args...) // #nosec G204 -- fixed programs
	cmd.Env = append(os.Environ(), "GNUPGHOME="+d.home, "PATH="+d.bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (d *download) gpg(args ...string) string {
	d.t.Helper()
	out, err := d.run("gpg", append([]string{"--batch", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
	if err != nil {
		d.t.Fatalf("gpg %q: %v\n%s", args, err, out)
	}
	return out
}

// key generates a key and returns its fingerprint.
func (d *download) key(name string) string {
	d.t.Helper()
	d.gpg("--quick-generate-key", name, "ed25519", "sign", "never")
	for line := range strings.Lines(d.gpg("--with-colons", "--fingerprint", name)) {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" {
			return fields[9]
		}
	}
	d.t.Fatal("gpg made no key")
	return ""
}

// sign writes the checksum list and its signature.
func (d *download) sign(fingerprint string) {
	d.t.Helper()
	files, err := os.ReadDir(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	var sums strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(d.dir, file.Name()))
		if err != nil {
			d.t.Fatal(err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), file.Name())
	}
	list := "terraform-provider-palabra_1.2.3_SHA256SUMS"
	d.write(list, sums.String())
	path := filepath.Join(d.dir, list)
	d.gpg("--local-user", fingerprint, "--output", path+".sig", "--detach-sign", path)
}

func TestVerifyRelease_RefusesTamperedAssets(t *testing.T) {
	t.Parallel()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	resign := func(d *download, _, foreign string) {
		for _, suffix := range []string{"", ".sig"} {
			_ = os.Remove(filepath.Join(d.dir, "terraform-provider-palabra_1.2.3_SHA256SUMS"+suffix))
		}
		d.sign(foreign)
	}
	for name, test := range map[string]struct {
		change func(d *download, own, foreign string)
		want   string // part of the message; empty for success
	}{
		"as released":     {func(*download, string, string) {}, ""},
		"changed archive": {func(d *download, _, _ string) { d.write("terraform-provider-palabra_1.2.3_linux_amd64.zip", "evil") }, "linux_amd64.zip: FAILED"},
		"one asset more":  {func(d *download, _, _ string) { d.write("install.sh", "evil") }, "not in the checksum list: install.sh"},
		"an asset missing": {func(d *download, _, _ string) {
			_ = os.Remove(filepath.Join(d.dir, "palabra-sandbox_1.2.3_linux_amd64.tar.gz"))
		}, "No such file"},
		"changed list": {func(d *download, _, _ string) { d.write("terraform-provider-palabra_1.2.3_SHA256SUMS", "") }, "has no valid signature"},
		"another key":  {resign, "but not with the key"},
		"an archive of which only the SBOM is listed": {func(d *download, _, _ string) {
			d.write("terraform-provider-palabra_1.2.3_linux_arm64.zip", "evil")
		}, "not in the checksum list: terraform-provider-palabra_1.2.3_linux_arm64.zip"},
		"built elsewhere": {func(d *download, _, _ string) { d.attest("echo no attestation >&2; exit 1") }, "no attestation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDownload(t)
			own, foreign := d.key("own"), d.key("foreign")
			d.sign(own)
			test.change(d, own, foreign)
			out, err := d.run(filepath.Join(root, "tools", "verify-release.sh"), d.dir, own)
			if (err != nil) != (test.want != "") || !strings.Contains(out, test.want) {
				t.Errorf("error %v, want %q:\n%s", err, test.want, out)
			}
			if test.want == "" && strings.Count(out, "match")+strings.Count(out, "built by the release workflow") != 2 {
				t.Errorf("the script did not verify everything:\n%s", out)
			}
		})
	}
}

// What a command that could not reach the registry passes on must not let the
// signature of any key through.
func TestVerifyRelease_RefusesPartsOfFingerprints(t *testing.T) {
	t.Parallel()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	d := newDownload(t)
	attacker := d.key("attacker")
	d.sign(attacker)
	script := filepath.Join(root, "tools", "verify-release.sh")
	if out, err := d.run(script, d.dir, strings.ToLower(attacker)); err != nil {
		t.Fatalf("the whole fingerprint: %v\n%s", err, out)
	}
	for _, part := range []string{"", attacker[24:], attacker[:39], ".*", attacker + "\n" + attacker} {
		out, err := d.run(script, d.dir, part)
		if err == nil || !strings.HasPrefix(out, "not a whole fingerprint") {
			t.Errorf("fingerprint %q: error %v, want a refusal before anything else:\n%s", part, err, out)
		}
	}
}
