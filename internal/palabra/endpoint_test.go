package palabra_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

func TestEndpoint_MustBeHTTPSExceptOnLoopback(t *testing.T) {
	t.Parallel()
	const ok = ""
	for endpoint, want := range map[string]string{
		"https://api.palabra.ai":         ok,
		"HTTPS://api.palabra.ai":         ok,
		"https://example.com/prefix/":    ok,
		"http://127.0.0.1:8080":          ok,
		"http://[::1]:8080":              ok,
		"http://localhost:8080":          ok,
		"http://api.palabra.ai":          "must start with https://",
		"http://127.0.0.1.example.com":   "must start with https://",
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
		insecure, err := palabra.ValidateEndpoint(endpoint, false)
		if insecure {
			t.Errorf("%q: insecure", endpoint)
		}
		if want == ok {
			if err != nil {
				t.Errorf("%q: %v", endpoint, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", endpoint, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "pass@") || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: the error shows a password: %v", endpoint, err)
		}
	}
}

func TestEndpoint_PlainHTTPElsewhereIsAllowedOnlyExplicitly(t *testing.T) {
	t.Parallel()
	const elsewhere = "http://sandbox:8920"
	if _, err := palabra.ValidateEndpoint(elsewhere, false); !errors.Is(err, palabra.ErrInsecureEndpoint) {
		t.Errorf("error %v, want ErrInsecureEndpoint", err)
	}
	if insecure, err := palabra.ValidateEndpoint(elsewhere, true); err != nil || !insecure {
		t.Errorf("allowed: insecure %t, error %v", insecure, err)
	}
	for _, secure := range []string{"https://sandbox:8920", "http://127.0.0.1:8920"} {
		if insecure, err := palabra.ValidateEndpoint(secure, true); err != nil || insecure {
			t.Errorf("%s: insecure %t, error %v", secure, insecure, err)
		}
	}
	if _, err := palabra.ValidateEndpoint("ftp://sandbox", true); err == nil {
		t.Error("ftp was allowed")
	}
}
