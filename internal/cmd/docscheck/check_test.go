package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/go-version"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

// asked records what an engine would be asked to validate.
type asked struct {
	content files
	err     error
}

func (a *asked) validate(_ context.Context, _ string, content files) error {
	a.content = content
	return a.err
}

func newChecker(t *testing.T, name, number string) (checker, *asked) {
	t.Helper()
	s, err := loadSchema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := &asked{}
	able := abilities{engine: engine.Engine{Name: name}, version: version.Must(version.NewVersion(number))}
	return checker{able: able, schema: s, validate: a.validate}, a
}

func TestCollectFindsEveryCodeBlockAndExample(t *testing.T) {
	t.Parallel()

	units, err := collect(fstest.MapFS{
		"README.md":                               {Data: []byte("# A\n\n```terraform\nlocals {}\n```\n\n```sh\nmake\n```\n")},
		"docs/guides/one.md":                      {Data: []byte("  ```hcl\n  locals {}\n  ```\n")},
		"examples/guides/one/main.tf":             {Data: []byte("locals {}")},
		"examples/guides/one/variables.tf":        {Data: []byte("locals {}")},
		"examples/resources/x/resource.tf":        {Data: []byte("locals {}")},
		"examples/resources/x/import.tf":          {Data: []byte("locals {}")},
		".terraform/modules/README.md":            {Data: []byte("```hcl\nbroken\n```\n")},
		"examples/list-resources/x/q.tfquery.hcl": {Data: []byte("locals {}")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, u := range units {
		names = append(names, u.name)
	}
	want := "README.md:4 docs/guides/one.md:2 examples/guides/one examples/list-resources/x/q.tfquery.hcl examples/resources/x/import.tf examples/resources/x/resource.tf"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAFragmentIsCompletedFromItsPage(t *testing.T) {
	t.Parallel()

	c, a := newChecker(t, engine.Terraform, "1.14.0")
	r := c.check(t.Context(), unit{
		source: "output \"end\" {\n  value = palabra_session_expiry.booth.expires_at\n}\n",
		context: `
variable "session" {}
variable "unrelated" {}
resource "palabra_session_expiry" "booth" {
  session_id = var.session
}`,
	})
	if !r.validated || len(r.problems) > 0 {
		t.Fatalf("not validated: %v", r.problems)
	}
	for _, want := range []string{`output "end"`, `resource "palabra_session_expiry" "booth"`, `variable "session"`} {
		if !strings.Contains(a.content[mainFile], want) {
			t.Errorf("the engine does not see %s:\n%s", want, a.content[mainFile])
		}
	}
	if strings.Contains(a.content[mainFile], "unrelated") {
		t.Error("more of the page than is referred to was added")
	}
}

func TestWhatTheEngineRejectsIsAProblem(t *testing.T) {
	t.Parallel()

	c, a := newChecker(t, engine.Terraform, "1.14.0")
	a.err = errors.New("unsupported argument")
	r := c.check(t.Context(), unit{source: "locals {}\n"})
	if r.validated || len(r.problems) != 1 || r.problems[0] != "unsupported argument" {
		t.Errorf("validated %v, problems %v", r.validated, r.problems)
	}
}

func TestBrokenOrUnformattedHCLIsAProblemWhateverTheEngine(t *testing.T) {
	t.Parallel()

	for name, source := range map[string]string{
		"syntax": "resource \"palabra_session_expiry\" {",
		"format": "locals {\na = 1\n}\n",
	} {
		c, _ := newChecker(t, engine.Terraform, "1.14.0")
		if r := c.check(t.Context(), unit{source: source}); len(r.problems) != 1 {
			t.Errorf("%s: problems %v, want one", name, r.problems)
		}
	}
}

func TestWhatTheEngineDoesNotKnowIsComparedWithTheSchema(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		source string
		want   []string
	}{
		"good identity": {
			source: "import {\n  to       = palabra_session_expiry.a\n  identity = { session_id = \"x\" }\n}\n",
		},
		"wrong identity": {
			source: "import {\n  to       = palabra_session_expiry.a\n  identity = { id = \"x\" }\n}\n",
			want:   []string{"identity of palabra_session_expiry has no id", "identity of palabra_session_expiry needs session_id"},
		},
		"unknown list": {
			source: "list \"palabra_room\" \"a\" {\n  provider = palabra\n}\n",
			want:   []string{`the provider has no list "palabra_room"`},
		},
		"unknown action": {
			source: "action \"palabra_explode\" \"a\" {}\n",
			want:   []string{`the provider has no action "palabra_explode"`},
		},
		"wrong ephemeral argument": {
			source: "ephemeral \"palabra_session\" \"a\" {\n  color = \"red\"\n}\n",
			want:   []string{`ephemeral "palabra_session" has no argument color`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c, a := newChecker(t, engine.Terraform, "1.9.0")
			r := c.check(t.Context(), unit{source: test.source})
			if strings.Join(r.problems, "; ") != strings.Join(test.want, "; ") {
				t.Errorf("problems %q, want %q", r.problems, test.want)
			}
			if len(r.beyond) != 1 {
				t.Errorf("notices %v, want one", r.beyond)
			}
			if strings.Contains(a.content[mainFile], test.source) {
				t.Error("the engine is asked about what it does not know")
			}
		})
	}
}

func TestANewEngineIsAskedAboutEverything(t *testing.T) {
	t.Parallel()

	c, a := newChecker(t, engine.Terraform, "1.14.0")
	source := `resource "palabra_session_expiry" "a" {
  lifecycle {
    action_trigger {
      events = [after_create]
    }
  }
}

import {
  to       = palabra_session_expiry.a
  identity = { session_id = "x" }
}

list "palabra_session_expiry" "all" {
  provider = palabra
}
`
	r := c.check(t.Context(), unit{source: source})
	if len(r.beyond) > 0 {
		t.Errorf("notices %v", r.beyond)
	}
	for file, want := range map[string]string{mainFile: "action_trigger", queryFile: `list "palabra_session_expiry"`} {
		if !strings.Contains(a.content[file], want) {
			t.Errorf("%s lacks %s:\n%s", file, want, a.content[file])
		}
	}
	old, b := newChecker(t, engine.OpenTofu, "1.12.6")
	if r := old.check(t.Context(), unit{source: source}); len(r.beyond) != 2 {
		t.Errorf("notices %v, want action triggers and lists", r.beyond)
	}
	if text := b.content[mainFile]; strings.Contains(text, "action_trigger") || !strings.Contains(text, "identity") {
		t.Errorf("wrong parts were left out:\n%s", text)
	}
}

func TestAnotherProvidersBlocksAreOnlyParsed(t *testing.T) {
	t.Parallel()

	c, a := newChecker(t, engine.Terraform, "1.14.0")
	r := c.check(t.Context(), unit{source: "resource \"restapi_object\" \"a\" {}\n"})
	if r.validated || a.content != nil || len(r.beyond) != 1 || !strings.Contains(r.beyond[0], "restapi") {
		t.Errorf("validated %v, notices %v", r.validated, r.beyond)
	}
}

func TestADataSourceInsideACheckIsDeclaredThere(t *testing.T) {
	t.Parallel()

	c, a := newChecker(t, engine.Terraform, "1.14.0")
	r := c.check(t.Context(), unit{
		source: `check "limit" {
  data "palabra_sessions" "all" {}

  assert {
    condition     = length(data.palabra_sessions.all.ids) < 40
    error_message = "Near the limit."
  }
}
`,
		context: `data "palabra_sessions" "all" {}`,
	})
	if len(r.problems) > 0 || strings.Count(a.content[mainFile], `data "palabra_sessions"`) != 1 {
		t.Errorf("problems %v, content:\n%s", r.problems, a.content[mainFile])
	}
}

func TestATestFileIsCheckedWithoutTheModulesBesideIt(t *testing.T) {
	t.Parallel()

	c, a := newChecker(t, engine.Terraform, "1.14.0")
	r := c.check(t.Context(), unit{
		source:  "run \"other\" {\n  module {\n    source = \"./elsewhere\"\n  }\n\n  variables {\n    n = var.n\n  }\n}\n",
		context: `variable "n" {}`,
	})
	suite := a.content[testFile]
	if len(r.problems) > 0 || strings.Contains(suite, "elsewhere") || !strings.Contains(suite, "n = var.n") {
		t.Errorf("problems %v, suite:\n%s", r.problems, suite)
	}
	if !strings.Contains(a.content[mainFile], `variable "n"`) {
		t.Errorf("the variable is not where the module's are: %v", a.content)
	}
}
