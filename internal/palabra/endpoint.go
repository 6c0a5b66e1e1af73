package palabra

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// ValidateEndpoint says why an endpoint cannot be used: it must be an absolute
// https URL without credentials, query or fragment; http is allowed on a
// loopback address only, because the headers carry secrets.
func ValidateEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		// The error of url.Parse quotes its input, which may hold a password.
		return errors.New("it is not a URL")
	case u.Host == "" || u.Hostname() == "":
		return errors.New("it must be an absolute URL such as " + DefaultEndpoint)
	case u.User != nil:
		return errors.New("it must not hold a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("it must not have a query or fragment")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	default:
		return errors.New("it must start with https:// (http:// is allowed only on a loopback address), because the request carries credentials")
	}
}

func isLoopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}
