package examples_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// limits are those of the guide on expiry, by the words in bold with which it names
// them, with a function that shows them on a real engine.
var limits = map[string]func(r *limitRun){
	"Two provider aliases": func(r *limitRun) {
		r.apply(twoAliases + expiry("a", "") + expiry("b", "provider = palabra.b"))
		r.apply(twoAliases + expiry("b", "provider = palabra.b"))
		r.expectDeleted("x")
	},
	"Two resources for one session:": func(r *limitRun) {
		r.apply(expiry("a", "") + expiry("b", ""))
		r.must("destroy", "-auto-approve", "-target=palabra_session_expiry.a")
		r.expectDeleted("x")
	},
	"A tainted instance whose `session_id` changes": func(r *limitRun) {
		r.apply(expiry("a", ""))
		r.must("taint", "palabra_session_expiry.a")
		r.write(expiryOf("a", `"y"`, "") + expiry("b", "depends_on = [palabra_session_expiry.a]"))
		r.fail("does not exist", "apply", "-auto-approve")
		r.expectDeleted("x")
	},
	"Ids known only after apply, with `create_before_destroy`:": func(r *limitRun) {
		both := func(a string) string {
			return idKnownLater("a", a) + expiryOf("a", "terraform_data.a.output", "lifecycle {\n    create_before_destroy = true\n  }") +
				idKnownLater("b", "x") + expiryOf("b", "terraform_data.b.output", "")
		}
		r.know("a", "b")
		r.apply(both("x"))
		r.knowOnceDeleted("b")
		r.write(both("y"))
		r.fail("does not exist", "apply", "-auto-approve", "-replace=terraform_data.b")
		r.expectDeleted("x")
	},
	"Deposed objects.": func(r *limitRun) {
		failing := func(ttl, command string) string {
			return "resource \"terraform_data\" \"again\" {\n  triggers_replace = \"" + ttl + "\"\n}\n" + expiry("a",
				"provisioner \"local-exec\" {\n    command = \""+command+"\"\n  }\n"+
					"  lifecycle {\n    create_before_destroy = true\n    replace_triggered_by  = [terraform_data.again]\n  }")
		}
		r.apply(failing("1", "exit 0"))
		r.write(failing("2", "exit 3"))
		r.fail("exit status 3", "apply", "-auto-approve")
		r.fail("Plan deletes a session that it keeps", "plan")
		r.must("state", "rm", "palabra_session_expiry.a")
		r.must("import", "palabra_session_expiry.a", "x")
		r.apply(failing("2", "exit 0"))
		r.expectDeleted()
	},
	"`-replace` of an instance whose session has ended": func(r *limitRun) {
		r.apply(expiry("a", ""))
		r.api.Remove("x")
		r.must("apply", "-auto-approve")
		r.fail("does not exist", "apply", "-auto-approve", "-replace=palabra_session_expiry.a")
		if managed := r.must("state", "list"); strings.TrimSpace(managed) != "" {
			r.t.Errorf("the state still has %s", managed)
		}
	},
	"Terraform up to 1.11": func(r *limitRun) {
		r.apply(expiry("a", ""))
		r.api.Remove("x")
		r.write(expiry("renamed", ""))
		if r.Engine.Has(engine.Since{Terraform: "1.12", OpenTofu: "1.6"}) {
			r.t.Skipf("%s reads an orphan before it plans its destroy", r.Engine)
		}
		r.fail("Plan deletes a session that it keeps", "plan")
		r.must("apply", "-auto-approve", "-refresh-only")
		r.must("plan")
	},
	"Terraform 1.11 and `plan -refresh-only -detailed-exitcode`:": func(r *limitRun) {
		r.apply(expiry("a", ""))
		out, err := r.Run(r.t.Context(), "plan", "-refresh-only", "-detailed-exitcode")
		if old := !r.Engine.Has(engine.Since{Terraform: "1.12", OpenTofu: "1.6"}); (err != nil) != old {
			r.t.Errorf("%s: %v\n%s", r.Engine, err, out)
		}
	},
}

// shownElsewhere are the limits that a test of the provider shows.
var shownElsewhere = map[string]string{
	"A refused rename, then `terraform destroy`.":            "TestSessionDeletion_DestroyAfterARenameNeedsNoRefresh",
	"A state that does not say which key found its sessions": "TestSessionAccount_OtherAccountChangesNothing",
	"A new API key": "TestSessionAccount_MissingSessionIsBelievedWithAnotherKey",
}

func TestGuide_LimitsHold(t *testing.T) {
	t.Parallel()
	for name, show := range limits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := engine.ServeTest(t, sandbox.Options{}, "")
			r := &limitRun{t, prepared.In(t.TempDir(), api.Env()...), api}
			for _, id := range []string{"x", "y"} {
				api.Put(sandbox.Session{ID: id})
			}
			show(r)
		})
	}
}

// A limit without a test, and a test of a limit that the guide lacks, are errors.
func TestGuide_EveryLimitHasATest(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(read(t, filepath.Join("..", "templates", "guides", "expiry-and-renewal.md.tmpl")), "### What the provider cannot see\n")
	var named []string
	for _, bullet := range regexp.MustCompile(`(?m)^- \*\*(.+?)\*\*`).FindAllStringSubmatch(section, -1) {
		named = append(named, bullet[1])
		if limits[bullet[1]] == nil && shownElsewhere[bullet[1]] == "" {
			t.Errorf("no test shows the limit %q", bullet[1])
		}
	}
	if len(named) != len(limits)+len(shownElsewhere) {
		t.Errorf("the guide has %d limits, and the tests %d", len(named), len(limits)+len(shownElsewhere))
	}
	files, err := filepath.Glob(filepath.Join("..", "internal", "provider", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for limit, test := range shownElsewhere {
		if !slices.ContainsFunc(files, func(file string) bool { return strings.Contains(read(t, file), "\nfunc "+test+"(") }) {
			t.Errorf("%s, which shows the limit %q, does not exist", test, limit)
		}
	}
}

const twoAliases = `
provider "palabra" {}

provider "palabra" {
  alias = "b"
}
`

// idKnownLater is an id that is known once a file of that name exists.
func idKnownLater(name, id string) string {
	return "\nresource \"terraform_data\" \"" + name + "\" {\n  input            = \"" + id + "\"\n  triggers_replace = \"" + id +
		"\"\n  provisioner \"local-exec\" {\n    command = \"for _ in $(seq 300); do test -e " + name + " && break; sleep 0.1; done\"\n  }\n}\n"
}

// know makes ids of idKnownLater known.
func (r *limitRun) know(names ...string) {
	for _, name := range names {
		write(r.t, filepath.Join(r.Dir, name), "")
	}
}

// knowOnceDeleted makes an id of idKnownLater known when a session has been deleted.
func (r *limitRun) knowOnceDeleted(name string) {
	if err := os.Remove(filepath.Join(r.Dir, name)); err != nil {
		r.t.Fatal(err)
	}
	r.api.Inject(sandbox.Fault{Operation: sandbox.OperationDelete, Through: true, Effect: func(w http.ResponseWriter, req *http.Request, api http.Handler) {
		api.ServeHTTP(w, req)
		r.know(name)
	}})
}

func expiry(name, more string) string { return expiryOf(name, `"x"`, more) }

func expiryOf(name, session, more string) string {
	return "\nresource \"palabra_session_expiry\" \"" + name + "\" {\n  session_id  = " + session + "\n  ttl_seconds = 30 * 24 * 3600\n  " + more + "\n}\n"
}

// limitRun is an engine in a folder, with the sessions x and y.
type limitRun struct {
	t *testing.T
	engine.Workspace
	api *engine.API
}

func (r *limitRun) write(configuration string) {
	r.t.Helper()
	write(r.t, filepath.Join(r.Dir, "main.tf"), read(r.t, filepath.Join("provider", "key-pair", "versions.tf"))+configuration)
	if _, err := os.Stat(filepath.Join(r.Dir, ".terraform")); err != nil {
		r.must("init", "-input=false")
	}
}

func (r *limitRun) apply(configuration string) {
	r.t.Helper()
	r.write(configuration)
	r.must("apply", "-auto-approve")
}

func (r *limitRun) must(args ...string) string {
	r.t.Helper()
	return r.MustRun(r.t, args...)
}

func (r *limitRun) fail(want string, args ...string) {
	r.t.Helper()
	out, err := r.Run(r.t.Context(), args...)
	// The engine breaks lines.
	if err == nil || !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(out, "│", "")), " "), want) {
		r.t.Errorf("%v fails with %v, want %q in\n%s", args, err, want, out)
	}
}

func (r *limitRun) expectDeleted(want ...string) {
	r.t.Helper()
	var got []string
	for _, request := range r.api.Requests() {
		if request.Method == "DELETE" {
			got = append(got, request.SessionID)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		r.t.Errorf("deleted %q, want %q", got, want)
	}
}
