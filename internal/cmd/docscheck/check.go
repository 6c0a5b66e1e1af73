package main

import (
	"context"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
)

// files are what a root module is made of: content by file name.
type files map[string]string

// Names of the files into which the blocks of one unit are sorted.
const (
	mainFile  = "main.tf"
	testFile  = "suite.tftest.hcl"
	queryFile = "list.tfquery.hcl"
)

type checker struct {
	able   abilities
	schema *schema
	// validate asks the engine about a folder of examples, or about content.
	validate func(ctx context.Context, folder string, content files) error
}

type result struct {
	validated bool     // by the engine
	beyond    []string // what the engine could not judge, and how it was judged instead
	problems  []string
}

func (c checker) check(ctx context.Context, u unit) result {
	if u.folder != "" {
		if err := c.validate(ctx, u.folder, nil); err != nil {
			return result{problems: []string{err.Error()}}
		}
		return result{validated: true}
	}
	var r result
	blocks, err := parse(u.name, u.source)
	if err != nil {
		return result{problems: []string{err.Error()}}
	}
	if strings.TrimSpace(string(hclwrite.Format([]byte(u.source)))) != strings.TrimSpace(u.source) {
		r.problems = append(r.problems, "not formatted as `terraform fmt` does it")
	}
	if len(blocks) == 0 || blocks[0].Type == "provider_installation" {
		r.beyond = append(r.beyond, "values or CLI configuration: syntax only")
		return r
	}
	for _, b := range blocks {
		if foreign := foreignProvider(b); foreign != "" {
			r.beyond = append(r.beyond, "needs the provider "+foreign+": syntax only")
			return r
		}
	}
	content := c.sort(&r, blocks, u)
	if len(content) == 0 {
		return r
	}
	if err := c.validate(ctx, "", content); err != nil {
		r.problems = append(r.problems, err.Error())
		return r
	}
	r.validated = true
	return r
}

// sort completes the blocks from the unit's context and spreads them over the
// files that an engine wants them in, less what it does not know yet.
func (c checker) sort(r *result, blocks []block, u unit) files {
	context, err := parse(u.name, u.context)
	if err != nil {
		context = nil // Whatever is wrong there is reported as its own unit.
	}
	own, isTest := len(blocks), false
	for _, b := range blocks {
		isTest = isTest || b.Type == "run"
	}
	content := files{}
	for i, b := range complete(blocks, context) {
		text, lacks := c.able.without(b)
		if lacks != "" {
			r.beyond = append(r.beyond, lacks+": checked against the schema only")
			r.problems = append(r.problems, c.schema.check(b)...)
		}
		if text == "" {
			continue
		}
		file := mainFile
		switch {
		case isTest && i < own:
			file = testFile
		case b.Type == "list":
			file = queryFile
		}
		content[file] += text + "\n\n"
	}
	return content
}

// foreignProvider returns the provider, other than ours and the built-in one,
// that a block needs: it may not be to be had where the check runs.
func foreignProvider(b block) string {
	switch b.Type {
	case "provider", "mock_provider":
		if name := b.Labels[0]; name != "palabra" {
			return name
		}
	case "resource", "data", "ephemeral", "action", "list":
		name, _, _ := strings.Cut(b.Labels[0], "_")
		if name != "palabra" && name != "terraform" {
			return name
		}
	}
	return ""
}
