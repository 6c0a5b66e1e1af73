package provider_test

import (
	"net/http"
	"sync"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

const otherClientID = "other-client-id"

// accounts sends each request to the account that its credentials belong to.
type accounts struct {
	own, other *sandbox.Sandbox
	busy       sync.RWMutex
}

func (a *accounts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.busy.RLock()
	defer a.busy.RUnlock()
	if r.Header.Get("ClientID") == otherClientID {
		a.other.ServeHTTP(w, r)
		return
	}
	a.own.ServeHTTP(w, r)
}

// wait returns when every request is over, also those that nobody waits for any
// more.
func (a *accounts) wait() {
	a.busy.Lock()
	defer a.busy.Unlock()
}

func (a *accounts) requests() []sandbox.Request {
	return append(a.own.Requests(), a.other.Requests()...)
}

func (a *accounts) reset() {
	a.own.ResetRequests()
	a.other.ResetRequests()
}

// newAccounts are two accounts with one clock.
func newAccounts(options sandbox.Options) *accounts {
	options.ClientID, options.ClientSecret, options.APIKey = testClientID, testClientSecret, testAPIKey
	other := sandbox.Options{ClientID: otherClientID, ClientSecret: testClientSecret, Now: options.Now}
	return &accounts{own: sandbox.New(options), other: sandbox.New(other)}
}

func pairOf(url, clientID string) attributes {
	return attributes{
		"endpoint": url, "client_id": clientID, "client_secret": testClientSecret,
		"max_retries": 0, "bulk_read": false,
	}
}

func keyOf(url string) attributes {
	return attributes{"endpoint": url, "api_key": testAPIKey, "max_retries": 0, "bulk_read": false}
}
