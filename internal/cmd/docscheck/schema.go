package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

// schema is what the provider says of itself.
type schema struct {
	objects    *tfprotov6.GetProviderSchemaResponse
	identities map[string]*tfprotov6.ResourceIdentitySchema
}

func loadSchema(ctx context.Context) (*schema, error) {
	server := providerserver.NewProtocol6(provider.New("dev")())()
	objects, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return nil, err
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return nil, err
	}
	return &schema{objects: objects, identities: identities.IdentitySchemas}, nil
}

// check compares a block that the engine does not know with the schema: every
// argument must exist, and every required one must be there.
func (s *schema) check(b block) []string {
	switch b.Type {
	case "ephemeral":
		return s.checkBody(b, s.objects.EphemeralResourceSchemas[b.Labels[0]], b.Body)
	case "list":
		return s.checkBody(b, s.objects.ListResourceSchemas[b.Labels[0]], configOf(b))
	case "action":
		if action, ok := s.objects.ActionSchemas[b.Labels[0]]; ok {
			return s.checkBody(b, action.Schema, configOf(b))
		}
		return s.checkBody(b, nil, b.Body)
	case "import":
		return s.checkIdentity(b)
	}
	return nil
}

// configOf returns the arguments that go to the provider: lists and actions
// have them in a nested block, which may be absent.
func configOf(b block) *hclsyntax.Body {
	for _, nested := range b.Body.Blocks {
		if nested.Type == "config" {
			return nested.Body
		}
	}
	return &hclsyntax.Body{}
}

func (s *schema) checkBody(b block, known *tfprotov6.Schema, body *hclsyntax.Body) []string {
	if known == nil {
		return []string{fmt.Sprintf("the provider has no %s %q", b.Type, b.Labels[0])}
	}
	var problems []string
	names := []string{"provider", "count", "for_each", "depends_on"}
	for _, attribute := range known.Block.Attributes {
		names = append(names, attribute.Name)
		if _, ok := body.Attributes[attribute.Name]; attribute.Required && !ok {
			problems = append(problems, fmt.Sprintf("%s %q needs %s", b.Type, b.Labels[0], attribute.Name))
		}
	}
	for name := range body.Attributes {
		if !slices.Contains(names, name) {
			problems = append(problems, fmt.Sprintf("%s %q has no argument %s", b.Type, b.Labels[0], name))
		}
	}
	slices.Sort(problems)
	return problems
}

func (s *schema) checkIdentity(b block) []string {
	to, ok := b.Body.Attributes["to"]
	if !ok {
		return []string{"import without a target"}
	}
	variables := to.Expr.Variables()
	if len(variables) == 0 {
		return []string{"import into something that is no resource"}
	}
	resource := variables[0].RootName()
	known, ok := s.identities[resource]
	if !ok {
		return []string{fmt.Sprintf("%s has no identity", resource)}
	}
	object, ok := b.Body.Attributes["identity"].Expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return []string{"identity is no object"}
	}
	var problems []string
	given := map[string]bool{}
	for _, item := range object.Items {
		key, diagnostics := item.KeyExpr.Value(nil)
		if diagnostics.HasErrors() {
			return []string{diagnostics.Error()}
		}
		given[key.AsString()] = true
	}
	for _, attribute := range known.IdentityAttributes {
		if attribute.RequiredForImport && !given[attribute.Name] {
			problems = append(problems, fmt.Sprintf("identity of %s needs %s", resource, attribute.Name))
		}
		delete(given, attribute.Name)
	}
	for name := range given {
		problems = append(problems, fmt.Sprintf("identity of %s has no %s", resource, name))
	}
	slices.Sort(problems)
	return problems
}
