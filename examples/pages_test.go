package examples_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// elsewhere are shell blocks that cannot run here, with what they need.
var elsewhere = map[string]string{
	"terraform state rm restapi_object.booth": "a state that another provider has written",
}

// queries is the first version of each engine with "query".
var queries = engine.Since{Terraform: "1.14"}

// TestPages_RunAsPasted follows the README and each guide from the top: a
// configuration goes into an empty folder, and the shell blocks after it run there.
// A page has one sandbox.
func TestPages_RunAsPasted(t *testing.T) {
	t.Parallel()
	commands := replacements(t)
	guides, err := filepath.Glob(filepath.Join("..", "templates", "guides", "*.md.tmpl"))
	if err != nil || len(guides) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	files := append(guides, filepath.Join("..", "README.md"))
	for first := range elsewhere {
		if !slices.ContainsFunc(files, func(file string) bool {
			return slices.ContainsFunc(blocks(t, file), func(b codeBlock) bool { return strings.HasPrefix(b.content, first+"\n") })
		}) {
			t.Errorf("no page has a block that begins with %q", first)
		}
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			api := serve(t, "")
			path := "PATH=" + commands + string(os.PathListSeparator) + os.Getenv("PATH")
			p := page{t: t, api: api, Workspace: prepared.In(t.TempDir(), append(api.Env(), path)...)}
			for _, each := range blocks(t, file) {
				p.follow(each)
			}
		})
	}
}

// replacements is a folder with the engine under its usual name, and imitations of
// commands that would leave the test. That of make only proves that the target
// exists.
func replacements(t *testing.T) string {
	t.Helper()
	makePath, err := exec.LookPath("make")
	if err != nil {
		t.Skip("the pages are for machines with make")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, script := range map[string]string{
		"terraform": fmt.Sprintf("exec %q \"$@\"", prepared.Engine.Path),
		"make":      fmt.Sprintf("exec %q -n -C %q \"$@\" > /dev/null", makePath, root),
		"git":       "mkdir terraform-provider-palabra",
		"go":        "exit 0",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { // #nosec G306 -- a command
			t.Fatal(err)
		}
	}
	return dir
}

// codeBlock is a fenced block of a page.
type codeBlock struct{ language, content string }

// blocks renders a page as tfplugindocs does and returns its code blocks.
func blocks(t *testing.T, file string) []codeBlock {
	t.Helper()
	include := func(language, name string) (string, error) {
		content, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
		return "```" + language + "\n" + strings.TrimSpace(string(content)) + "\n```", err
	}
	page, err := template.New(filepath.Base(file)).Funcs(template.FuncMap{
		"codefile": include,
		"tffile":   func(name string) (string, error) { return include("terraform", name) },
	}).ParseFiles(file)
	if err != nil {
		t.Fatal(err)
	}
	var rendered bytes.Buffer
	if err := page.Execute(&rendered, nil); err != nil {
		t.Fatal(err)
	}
	var found []codeBlock
	source := rendered.Bytes()
	err = ast.Walk(goldmark.DefaultParser().Parse(text.NewReader(source)), func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if code, ok := node.(*ast.FencedCodeBlock); ok && entering {
			found = append(found, codeBlock{string(code.Language(source)), string(code.Lines().Value(source))})
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// page is a reader's place on a page.
type page struct {
	t *testing.T
	// Workspace has the present folder.
	engine.Workspace
	api   *engine.API
	files int
}

// request is a line of the sandbox's output.
var request = regexp.MustCompile(`^(GET|POST|DELETE) +(\S+) +(\d{3})$`)

func (p *page) follow(block codeBlock) {
	p.t.Helper()
	switch block.language {
	case "terraform":
		// Without a provider it is a fragment, which the page explains.
		if strings.Contains(block.content, "required_providers") {
			p.Dir = p.t.TempDir()
			write(p.t, filepath.Join(p.Dir, "main.tf"), block.content)
		}
	case "hcl":
		if why := lacks(p.Engine, block.content); why != "" {
			p.t.Log("a suite of the page", why)
			return
		}
		p.files++
		kind := "tftest"
		if strings.Contains(block.content, "\nlist \"") {
			kind = "tfquery"
		}
		write(p.t, filepath.Join(p.Dir, fmt.Sprintf("file%d.%s.hcl", p.files, kind)), block.content)
	case "sh":
		p.run(block.content)
	case "text":
		p.compare(block.content)
	}
}

// run runs a block with the address and the key of the sandbox, and answers yes to
// every question.
func (p *page) run(block string) {
	p.t.Helper()
	first, _, _ := strings.Cut(block, "\n")
	if needs := elsewhere[first]; needs != "" {
		p.t.Logf("%q is not run: it needs %s", first, needs)
		return
	}
	if strings.Contains(block, "terraform query") && !p.Engine.Has(queries) {
		p.t.Logf("%s has no query", p.Engine)
		return
	}
	if strings.Contains(block, "/palabra-sandbox@") {
		p.api.Reset() // The block starts another sandbox.
	}
	script := strings.NewReplacer("http://127.0.0.1:8787", p.api.URL, "plbr_your-key", sandbox.DefaultAPIKey).Replace(block)
	cmd := exec.CommandContext(p.t.Context(), "bash", "-euo", "pipefail", "-c", script) // #nosec G204 -- our own pages
	cmd.Dir, cmd.Env, cmd.Stdin = p.Dir, p.Env, strings.NewReader(strings.Repeat("yes\n", 10))
	if output, err := cmd.CombinedOutput(); err != nil {
		p.t.Errorf("%v\n%s\n%s", err, block, output)
	}
}

// compare expects the requests of a block, if it shows any, to be the last ones
// that the sandbox got.
func (p *page) compare(block string) {
	p.t.Helper()
	var want, got []string
	for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
		fields := request.FindStringSubmatch(line)
		if fields == nil {
			return
		}
		want = append(want, strings.Join(fields[1:], " "))
	}
	for _, seen := range p.api.Requests() {
		got = append(got, fmt.Sprintf("%s %s %d", seen.Method, seen.Target(), seen.Status))
	}
	if len(got) < len(want) || !slices.Equal(got[len(got)-len(want):], want) {
		p.t.Errorf("the page shows %q at the end, the sandbox got %q", want, got)
	}
}

var configuration = regexp.MustCompile("(?ms)^[ \t]*(?:```|~~~)(?:terraform|hcl|tf)\n(.*?)^[ \t]*(?:```|~~~)$")

// Only blocks that are files of the examples are validated.
func TestPages_TakeConfigurationsFromTheExamples(t *testing.T) {
	t.Parallel()
	var all []string
	for _, folder := range folders(t) {
		files, _ := filepath.Glob(filepath.Join(folder, "*.tf"))
		for _, file := range files {
			all = append(all, read(t, file))
		}
	}
	pages, _ := filepath.Glob(filepath.Join("..", "templates", "*", "*.md.tmpl"))
	more, _ := filepath.Glob(filepath.Join("..", "*.md"))
	pages = append(pages, filepath.Join("..", "templates", "index.md.tmpl"))
	for _, page := range append(pages, more...) {
		for _, found := range configuration.FindAllStringSubmatch(read(t, page), -1) {
			if !slices.Contains(all, found[1]) {
				t.Errorf("%s has a block that is not a file of the examples; include one with tffile:\n%s", page, found[1])
			}
		}
	}
}
