package engine

import (
	"net/http/httptest"
	"os"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// API is a sandbox that is served on the loopback address.
type API struct {
	*sandbox.Sandbox
	URL    string
	server *httptest.Server
	key    string
}

// Serve serves a sandbox until Close. It begins with the sessions of the seed
// file, or with none where that is empty.
func Serve(options sandbox.Options, seedFile string) (*API, error) {
	if options.APIKey == "" {
		options.APIKey = sandbox.DefaultAPIKey
	}
	a := &API{Sandbox: sandbox.New(options), key: options.APIKey}
	if seedFile != "" {
		seed, err := os.Open(seedFile)
		if err != nil {
			return nil, err
		}
		defer func() { _ = seed.Close() }()
		if err := a.LoadSeed(seed); err != nil {
			return nil, err
		}
	}
	a.server = httptest.NewServer(a.Sandbox)
	a.URL = a.server.URL
	return a, nil
}

// Env tells the provider where the API is and how to log in.
func (a *API) Env() []string { return []string{"PALABRA_API_URL=" + a.URL, "PALABRA_API_KEY=" + a.key} }

// Close ends it.
func (a *API) Close() { a.server.Close() }
