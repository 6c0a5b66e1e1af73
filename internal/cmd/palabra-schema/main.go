// Command palabra-schema prints the provider's schema as JSON, in the form of
// `terraform providers schema -json`, for the documentation generator.
//
// It asks the provider itself and needs no engine: what an engine prints lacks
// whatever that engine is too old to know, so the pages would depend on the
// machine that generated them.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

func main() {
	server := providerserver.NewProtocol6(provider.New("dev")())()
	if err := write(context.Background(), os.Stdout, server); err != nil {
		fmt.Fprintln(os.Stderr, "palabra-schema:", err)
		os.Exit(1)
	}
}

func write(ctx context.Context, w io.Writer, server tfprotov6.ProviderServer) error {
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return err
	}
	if err := failed(schemas.Diagnostics); err != nil {
		return err
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return err
	}
	if err := failed(identities.Diagnostics); err != nil {
		return err
	}
	document, err := convert(schemas, identities)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

func failed(diagnostics []*tfprotov6.Diagnostic) error {
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return fmt.Errorf("%s: %s", d.Summary, d.Detail)
		}
	}
	return nil
}
