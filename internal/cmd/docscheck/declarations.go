package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// block is a top-level block together with its own text.
type block struct {
	*hclsyntax.Block
	text string
}

// cut returns the block's text without some of its parts.
func (b block) cut(parts ...hcl.Range) string {
	text := b.text
	// From the end, so that the offsets of earlier parts still hold.
	slices.SortFunc(parts, func(x, y hcl.Range) int { return y.Start.Byte - x.Start.Byte })
	offset := b.Range().Start.Byte
	for _, part := range parts {
		text = text[:part.Start.Byte-offset] + text[part.End.Byte-offset:]
	}
	return text
}

// parse returns the top-level blocks of a piece of HCL.
func parse(name, source string) ([]block, error) {
	file, diagnostics := hclsyntax.ParseConfig([]byte(source), name, hcl.InitialPos)
	if diagnostics.HasErrors() {
		return nil, diagnostics
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil, fmt.Errorf("%s: not native HCL syntax", name)
	}
	blocks := make([]block, 0, len(body.Blocks))
	for _, b := range body.Blocks {
		blocks = append(blocks, block{Block: b, text: string(b.Range().SliceBytes([]byte(source)))})
	}
	return blocks, nil
}

// declared returns how other blocks refer to what a block declares.
func declared(b block) []string {
	switch b.Type {
	case "resource":
		return []string{strings.Join(b.Labels, ".")}
	case "data", "ephemeral", "action", "list":
		return []string{b.Type + "." + strings.Join(b.Labels, ".")}
	case "variable":
		return []string{"var." + b.Labels[0]}
	case "module":
		return []string{"module." + b.Labels[0]}
	case "check":
		var names []string
		for _, nested := range b.Body.Blocks {
			if nested.Type == "data" {
				names = append(names, "data."+strings.Join(nested.Labels, "."))
			}
		}
		return names
	case "locals":
		names := make([]string, 0, len(b.Body.Attributes))
		for name := range b.Body.Attributes {
			names = append(names, "local."+name)
		}
		return names
	}
	return nil
}

// references returns the addresses that a block needs to be declared.
func references(b block) []string {
	if b.Type == "removed" {
		return nil // Names what is no longer declared.
	}
	var found []string
	_ = hclsyntax.VisitAll(b.Body, func(node hclsyntax.Node) hcl.Diagnostics {
		if expression, ok := node.(*hclsyntax.ScopeTraversalExpr); ok {
			if address := addressOf(expression.Traversal); address != "" {
				found = append(found, address)
			}
		}
		return nil
	})
	return found
}

func addressOf(traversal hcl.Traversal) string {
	length := 2
	switch root := traversal.RootName(); {
	case root == "data" || root == "ephemeral" || root == "action":
		length = 3
	case root == "var" || root == "local" || root == "module" || strings.HasPrefix(root, "palabra_"):
	default:
		return ""
	}
	if len(traversal) < length {
		return ""
	}
	parts := []string{traversal.RootName()}
	for _, step := range traversal[1:length] {
		attribute, ok := step.(hcl.TraverseAttr)
		if !ok {
			return ""
		}
		parts = append(parts, attribute.Name)
	}
	return strings.Join(parts, ".")
}

// complete appends to the blocks those of the context that they refer to but do
// not declare, and what these refer to in turn.
func complete(blocks, context []block) []block {
	have := map[string]bool{}
	for _, b := range blocks {
		for _, name := range declared(b) {
			have[name] = true
		}
	}
	// The slice grows while it is walked, so that additions are completed too.
	for i := 0; i < len(blocks); i++ {
		for _, wanted := range references(blocks[i]) {
			if have[wanted] {
				continue
			}
			if b, ok := declaring(context, wanted); ok {
				blocks = append(blocks, b)
				for _, name := range declared(b) {
					have[name] = true
				}
			}
		}
	}
	return blocks
}

func declaring(blocks []block, address string) (block, bool) {
	for _, b := range blocks {
		if slices.Contains(declared(b), address) {
			return b, true
		}
	}
	return block{}, false
}
