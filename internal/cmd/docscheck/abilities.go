package main

import (
	"fmt"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

// abilities tell what of the language an engine knows.
type abilities struct {
	engine  engine.Engine
	version *version.Version
}

func abilitiesOf(e engine.Engine) (abilities, error) {
	v, err := version.NewVersion(e.Version)
	if err != nil {
		return abilities{}, fmt.Errorf("version of %s: %w", e.Path, err)
	}
	return abilities{engine: e, version: v.Core()}, nil
}

// since is the first version of each engine with a part of the language; none
// is the empty string.
type since struct{ terraform, tofu string }

var (
	ephemeralResources = since{terraform: "1.10.0", tofu: "1.11.0"}
	importByIdentity   = since{terraform: "1.12.0", tofu: "1.12.0"}
	listsAndActions    = since{terraform: "1.14.0"}
)

func (a abilities) know(s since) bool {
	first := s.terraform
	if a.engine.Name == engine.OpenTofu {
		first = s.tofu
	}
	return first != "" && a.version.GreaterThanOrEqual(version.Must(version.NewVersion(first)))
}

// without returns the block's text less what the engine does not know, and what
// that was; both are empty or whole in most cases.
func (a abilities) without(b block) (text, lacks string) {
	switch b.Type {
	case "ephemeral":
		if !a.know(ephemeralResources) {
			return "", "ephemeral resources"
		}
	case "action", "list":
		if !a.know(listsAndActions) {
			return "", b.Type + " blocks"
		}
	case "import":
		if _, ok := b.Body.Attributes["identity"]; ok && !a.know(importByIdentity) {
			return "", "import by identity"
		}
	case "resource":
		if triggers := nestedBlocks(b, "lifecycle", "action_trigger"); len(triggers) > 0 && !a.know(listsAndActions) {
			return b.cut(triggers...), "action triggers"
		}
	case "run":
		// The module lies beside the test, of which the page shows no more.
		return b.cut(nestedBlocks(b, "module")...), ""
	case "terraform":
		if wanted, ok := b.Body.Attributes["required_version"]; ok && !a.satisfies(wanted) {
			return b.cut(wanted.SrcRange), "required_version of another engine"
		}
	}
	return b.text, ""
}

// nestedBlocks returns where the blocks of a type are, or of several types inside
// each other.
func nestedBlocks(b block, types ...string) []hcl.Range {
	bodies := []*hclsyntax.Body{b.Body}
	var ranges []hcl.Range
	for _, wanted := range types {
		var inside []*hclsyntax.Body
		ranges = nil
		for _, body := range bodies {
			for _, nested := range body.Blocks {
				if nested.Type == wanted {
					inside = append(inside, nested.Body)
					ranges = append(ranges, nested.Range())
				}
			}
		}
		bodies = inside
	}
	return ranges
}

// satisfies leaves it to the engine to complain about what is no constraint.
func (a abilities) satisfies(wanted *hclsyntax.Attribute) bool {
	value, diagnostics := wanted.Expr.Value(nil)
	if diagnostics.HasErrors() || value.Type().FriendlyName() != "string" {
		return true
	}
	constraints, err := version.NewConstraint(value.AsString())
	return err != nil || constraints.Check(a.version)
}
