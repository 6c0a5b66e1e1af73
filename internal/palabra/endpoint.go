package palabra

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// ErrInsecureEndpoint says that an endpoint would send the credentials
// unencrypted through a network.
var ErrInsecureEndpoint = errors.New("it must start with https://, because the request carries credentials (http:// is allowed on a loopback address)")

// ValidateEndpoint says why an endpoint cannot be used: it must be an absolute
// https URL without credentials, query or fragment. The headers carry secrets, so
// http is allowed only on a loopback address and, with allowInsecure, elsewhere:
// insecure is then true.
func ValidateEndpoint(endpoint string, allowInsecure bool) (insecure bool, err error) {
	if host, _, _ := strings.Cut(endpoint, "/"); !strings.Contains(endpoint, "://") {
		return false, errors.New(`it has no scheme: add "` + schemeFor(host) + `://" in front of it`)
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		// The error of url.Parse quotes its input, which may hold a password.
		return false, errors.New("it is not a URL such as " + DefaultEndpoint)
	case u.Host == "" || u.Hostname() == "":
		return false, errors.New("it must be an absolute URL such as " + DefaultEndpoint)
	case u.User != nil:
		return false, errors.New("it must not hold a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return false, errors.New("it must not have a query or fragment")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return false, nil
	case u.Scheme == "http" && allowInsecure:
		return true, nil
	case u.Scheme == "http":
		return false, ErrInsecureEndpoint
	default:
		return false, errors.New("it must start with https://")
	}
}

// schemeFor is the most likely scheme for a host that was given without one.
func schemeFor(hostAndPort string) string {
	host := hostAndPort
	if name, _, err := net.SplitHostPort(hostAndPort); err == nil {
		host = name
	}
	if isLoopback(strings.Trim(host, "[]")) {
		return "http"
	}
	return "https"
}

func isLoopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}
