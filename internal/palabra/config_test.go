package palabra

import (
	"errors"
	"strings"
	"testing"
)

func TestEndpoint_MustBeHTTPSExceptOnLoopback(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"https://api.palabra.ai":       "",
		"HTTPS://api.palabra.ai":       "",
		"https://example.com/prefix/":  "",
		"http://127.0.0.1:8080":        "",
		"http://[::1]:8080":            "",
		"http://localhost:8080":        "",
		"http://api.palabra.ai":        "must start with https://",
		"http://127.0.0.1.example.com": "must start with https://",
		// net/http sends these to the proxy of the environment.
		"http://LOCALHOST:8920":          "localhost in lower case",
		"http://Localhost.":              "localhost in lower case",
		"http://localhost.example.com":   "must start with https://",
		"http://2130706433":              "must start with https://",
		"ftp://127.0.0.1":                "must start with https://",
		"127.0.0.1:8920":                 `add "http://"`,
		"localhost:8920/":                `add "http://"`,
		"[::1]:8920":                     `add "http://"`,
		"api.palabra.ai":                 `add "https://"`,
		"api.palabra.ai:443":             `add "https://"`,
		"user:pass@example.com":          `add "https://"`,
		"":                               "no scheme",
		"https://":                       "absolute URL",
		"https://:8080":                  "absolute URL",
		"https://user:pass@example.com":  "user name or password",
		"https://example.com?x=y":        "query or fragment",
		"https://api.palabra.ai/v1?":     "query or fragment",
		"https://example.com#x":          "query or fragment",
		"https://exa mple.com":           "not a URL",
		"https://user:hunter2@[::1]:bad": "not a URL",
	} {
		err := ValidateEndpoint(endpoint)
		if want == "" && err != nil {
			t.Errorf("%q: %v", endpoint, err)
		}
		if want != "" {
			expectError(t, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "pass@") || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: the error shows a password: %v", endpoint, err)
		}
	}
}

func TestEndpoint_AllowsPlainHTTPElsewhereOnlyOnDemand(t *testing.T) {
	t.Parallel()
	const elsewhere = "http://sandbox:8920"
	for endpoint, allowed := range map[string]bool{elsewhere: true, "ftp://sandbox": false} {
		for demand := range map[bool]bool{false: true, true: true} {
			_, err := New(Config{Endpoint: endpoint, APIKey: "key", AllowInsecureEndpoint: demand})
			if (err == nil) != (demand && allowed) || errors.Is(err, ErrInsecureEndpoint) != (allowed && !demand) {
				t.Errorf("%s, on demand %t: %v", endpoint, demand, err)
			}
		}
	}
}
