package engine

import (
	"cmp"
	"net/http/httptest"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// API is a sandbox served on the loopback address.
type API struct {
	*sandbox.Sandbox
	*httptest.Server
	key string
}

// Serve serves a sandbox until Close. It starts with the sessions of seedFile,
// which may be empty.
func Serve(options sandbox.Options, seedFile string) (*API, error) {
	a := &API{Sandbox: sandbox.New(options), key: cmp.Or(options.APIKey, sandbox.DefaultAPIKey)}
	if err := a.LoadSeedFile(seedFile); err != nil {
		return nil, err
	}
	a.Server = httptest.NewServer(a.Sandbox)
	return a, nil
}

// Env returns the variables that give the provider the endpoint and the key.
func (a *API) Env() []string { return []string{"PALABRA_API_URL=" + a.URL, "PALABRA_API_KEY=" + a.key} }
