// Package provider is the Terraform side: one file per Terraform object.
package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

var _ provider.Provider = (*palabraProvider)(nil)

type palabraProvider struct {
	version string
}

// New returns a constructor of the provider; version becomes part of the user
// agent.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &palabraProvider{version: version} }
}

func (p *palabraProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "palabra"
	resp.Version = p.version
}

func (p *palabraProvider) Schema(_ context.Context, _ provider.SchemaRequest, _ *provider.SchemaResponse) {
}

func (p *palabraProvider) Configure(_ context.Context, _ provider.ConfigureRequest, _ *provider.ConfigureResponse) {
}

func (p *palabraProvider) Resources(_ context.Context) []func() resource.Resource { return nil }

func (p *palabraProvider) DataSources(_ context.Context) []func() datasource.DataSource { return nil }
