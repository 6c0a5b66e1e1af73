package examples_test

import (
	"archive/zip"
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// elsewhere are shell blocks that cannot run here, with what they need.
var elsewhere = map[string]string{
	"terraform state rm restapi_object.booth":                                                           "a state that another provider has written",
	"terraform apply -invoke=action.palabra_extend_session.booth -var session_id=ID -var release=1.4.2": "an engine with actions",
}

// queries is the first version of each engine with "query".
var queries = engine.Since{Terraform: "1.14"}

// TestPages_RunAsPasted follows each guide from the top: a configuration goes into an
// empty folder, and the shell blocks after it run there. A page has one sandbox.
func TestPages_RunAsPasted(t *testing.T) {
	t.Parallel()
	commands := replacements(t)
	guides, err := filepath.Glob(filepath.Join("..", "templates", "guides", "*.md.tmpl"))
	if err != nil || len(guides) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	for first := range elsewhere {
		if !slices.ContainsFunc(guides, func(file string) bool {
			return slices.ContainsFunc(blocks(t, file), func(b codeBlock) bool { return strings.HasPrefix(b.content, first+"\n") })
		}) {
			t.Errorf("no page has a block that begins with %q", first)
		}
	}
	for _, file := range guides {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			api := serve(t, "")
			p := page{t: t, api: api, Workspace: prepared.In(t.TempDir(), append(api.Env(), commands)...)}
			if strings.HasPrefix(filepath.Base(file), "install-") {
				p.installByItself(commands)
			}
			for _, each := range blocks(t, file) {
				p.follow(each)
			}
		})
	}
}

// readmeCommands is how many commands the README may need from nothing to managed
// sessions.
const readmeCommands = 12

// TestReadme_ManagesTenSessionsOfAnAccount follows the README as a person with an
// account does: an empty home, other ids than the samples, lifetimes that others
// have set, and the API key in a file. Only the address of the API is not the real
// one.
func TestReadme_ManagesTenSessionsOfAnAccount(t *testing.T) {
	t.Parallel()
	if !prepared.Engine.Has(importForEach) {
		t.Skipf("%s has no for_each in import", prepared.Engine)
	}
	const key = "plbr_of-an-account"
	api := engine.ServeTest(t, sandbox.Options{APIKey: key}, "")
	now := time.Now().UTC().Truncate(time.Second) //nolint:forbidigo // the clock of the sandbox is the machine's
	ends := make(map[string]time.Time)
	for i := range 10 {
		id := fmt.Sprintf("7d0c2b1e-account.%08x.%08x", 77*i, 13*i)
		ends[id] = now.Add([]time.Duration{30 * 24 * time.Hour, 29 * 24 * time.Hour, time.Hour}[i%3])
		api.Put(sandbox.Session{ID: id, CreatedAt: now.Add(-time.Hour), UpdatedAt: now, ExpiresAt: ends[id]})
	}
	home := t.TempDir()
	write(t, filepath.Join(home, ".palabra-api-key"), key+"\n")
	p := page{t: t, api: api, Workspace: engine.Workspace{Engine: prepared.Engine, Dir: t.TempDir(), Env: emptyHome(t, home, api.URL, replacements(t))}}
	counting, commands := false, 0
	for _, block := range blocks(t, filepath.Join("..", "README.md")) {
		if strings.HasPrefix(block.content, "rooms = ") {
			block.content = p.chosenRooms()
		}
		p.follow(block)
		if block.language == "sh" {
			counting = counting || strings.HasPrefix(block.content, "git clone ")
			if counting {
				commands += strings.Count(block.content, "\n")
			}
		}
	}
	if !strings.Contains(p.output, "No changes.") || commands > readmeCommands {
		t.Errorf("%d commands, and the last one printed:\n%s", commands, p.output)
	}
	if managed, err := p.Run(t.Context(), "state", "list"); err != nil || strings.Count(managed, "palabra_session_expiry.room") != len(ends) {
		t.Errorf("%v: the state has\n%s", err, managed)
	}
	for _, session := range api.Sessions() {
		if least := max(ends[session.ID].Sub(now), 30*24*time.Hour); session.ExpiresAt.Before(now.Add(least)) {
			t.Errorf("%s had until %s and has now until %s", session.ID, ends[session.ID], session.ExpiresAt)
		}
	}
}

// importForEach is the first version of each engine with for_each in import blocks.
var importForEach = engine.Since{Terraform: "1.7", OpenTofu: "1.7"}

// emptyHome is the environment of a new user, except for Go's caches. The target
// install of make is the real one.
func emptyHome(t *testing.T, home, url, commands string) []string {
	t.Helper()
	caches, err := exec.CommandContext(t.Context(), "go", "env", "GOPATH", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"HOME=" + home, "PALABRA_API_URL=" + url, "TF_IN_AUTOMATION=1", "TF_CLI_ARGS=-no-color", "CHECKPOINT_DISABLE=1", commands}
	for i, value := range strings.Fields(string(caches)) {
		env = append(env, []string{"GOPATH=", "GOCACHE=", "GOMODCACHE="}[i]+value)
	}
	return env
}

// listed is a line of the README's list of sessions.
var listed = regexp.MustCompile(`\+ "([^"]+)" += "created `)

// chosenRooms names the sessions that the last command has listed.
func (p *page) chosenRooms() string {
	var b strings.Builder
	for i, line := range listed.FindAllStringSubmatch(p.output, -1) {
		fmt.Fprintf(&b, "  room_%d = %q\n", i, line[1])
	}
	return "rooms = {\n" + b.String() + "}\n"
}

// replacements is a PATH that begins with the engine under its usual name, and
// imitations of commands that would leave the test. That of make proves that the
// target exists, and only installs the provider.
func replacements(t *testing.T) string {
	t.Helper()
	makePath, err := exec.LookPath("make")
	if err != nil {
		t.Skip("the pages are for machines with make")
	}
	found := func(command string) string {
		path, err := exec.LookPath(command)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	curl := fmt.Sprintf(`case $* in *"/releases/download/"*) exec cp "$RELEASE_ZIP" "${2##*/}";; *) exec %q "$@";; esac`, found("curl"))
	for name, script := range map[string]string{
		"terraform":    fmt.Sprintf("exec %q \"$@\"", prepared.Engine.Path),
		"make":         fmt.Sprintf("case $1.$TF_CLI_CONFIG_FILE in install.) ;; *) set -- -n \"$@\";; esac; exec %q -C %q \"$@\" > /dev/null", makePath, root),
		"git":          "mkdir terraform-provider-palabra",
		"curl":         curl,
		"your-program": "test -n \"$PALABRA_WS_URL\" && test -n \"$PALABRA_TOKEN\"",
		"go":           fmt.Sprintf("case $* in *@VERSION*) ;; *) exec %q \"$@\";; esac", found("go")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { // #nosec G306 -- a command
			t.Fatal(err)
		}
	}
	return "PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")
}

// codeBlock is a fenced block of a page.
type codeBlock struct{ language, content string }

// installByItself gives the page an empty home, in which the engine has no provider.
// Archives of a release come from $RELEASE_ZIP, and the mirror that the page names
// is the folder "mirror" of the home.
func (p *page) installByItself(commands string) {
	p.t.Helper()
	home := p.t.TempDir()
	mirror := httptest.NewTLSServer(http.FileServer(http.Dir(filepath.Join(home, "mirror"))))
	p.t.Cleanup(mirror.Close)
	certificate := filepath.Join(p.t.TempDir(), "ca.pem")
	write(p.t, certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: mirror.Certificate().Raw})))
	p.mirror = mirror.URL
	p.Env = append(emptyHome(p.t, home, p.api.URL, commands),
		"PALABRA_API_KEY="+sandbox.DefaultAPIKey, "SSL_CERT_FILE="+certificate, "RELEASE_ZIP="+releaseZip(p.t))
}

// releaseZip is an archive of the provider as releases have it.
func releaseZip(t *testing.T) string {
	t.Helper()
	binary, err := engine.BuildProvider(t.Context(), t.TempDir(), "0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	archive := zip.NewWriter(&content)
	header := &zip.FileHeader{Name: filepath.Base(binary), Method: zip.Deflate}
	header.SetMode(0o755)
	packed, err := archive.CreateHeader(header)
	if err == nil {
		_, err = io.WriteString(packed, read(t, binary))
	}
	if err = errors.Join(err, archive.Close()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "release.zip")
	write(t, file, content.String())
	return file
}

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
	// mirror is the address of the page's network mirror.
	mirror string
	// output is what the last shell block printed.
	output string
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
		p.hcl(block.content)
	case "sh":
		p.run(block.content)
	case "text":
		p.compare(block.content)
	}
}

// hcl writes a suite, a query, or values of variables.
func (p *page) hcl(content string) {
	p.t.Helper()
	if why := lacks(p.Engine, content); why != "" {
		p.t.Log("a suite of the page", why)
		return
	}
	p.files++
	name := fmt.Sprintf("file%d.tftest.hcl", p.files)
	switch {
	case strings.Contains(content, "\nlist \""):
		name = fmt.Sprintf("file%d.tfquery.hcl", p.files)
	case !runBlock.MatchString(content):
		name = "terraform.tfvars"
	}
	write(p.t, filepath.Join(p.Dir, name), content)
}

// run runs a block with the address and the key of the sandbox, and answers yes to
// every question. What the block exports holds for the next ones.
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
	script := strings.NewReplacer("http://127.0.0.1:8787", p.api.URL, "https://mirror.example.com", p.mirror).Replace(block)
	exported := filepath.Join(p.t.TempDir(), "env")
	cmd := exec.CommandContext(p.t.Context(), "bash", "-euo", "pipefail", "-c", script+"\nenv -0 > "+exported) // #nosec G204 -- our own pages
	cmd.Dir, cmd.Env, cmd.Stdin = p.Dir, p.Env, strings.NewReader(strings.Repeat("yes\n", 10))
	output, err := cmd.CombinedOutput()
	p.output = string(output)
	if err != nil {
		p.t.Errorf("%v\n%s\n%s", err, block, output)
		return
	}
	p.Env = strings.Split(strings.TrimSuffix(read(p.t, exported), "\x00"), "\x00")
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
		files, _ := filepath.Glob(filepath.Join(folder, "*.tf*"))
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
