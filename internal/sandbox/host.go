package sandbox

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// guarded reports whether a path is the dashboard's or a control call's. They need no
// credentials, so any web page that can reach them could use them.
func guarded(path string) bool {
	return path == "/" || path == "/events" || strings.HasPrefix(path, controlPath)
}

// answersFor reports whether a Host header names this sandbox. A web page reaches a
// sandbox under a name of its own when that name changes its address in between (DNS
// rebinding). It cannot own an address, or a name without a dot such as localhost or
// that of a service container.
func (s *Sandbox) answersFor(host string) bool {
	name := strings.ToLower((&url.URL{Host: host}).Hostname())
	return net.ParseIP(name) != nil || !strings.Contains(name, ".") || slices.Contains(s.options.Hosts, name)
}

// refuseHost answers a request that was sent to a name of something else.
func refuseHost(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, r, http.StatusMisdirectedRequest, "Misdirected request",
		fmt.Sprintf("The dashboard and the control calls do not answer for %q. Start the sandbox with --host and this name if it is its own.", r.Host), 100421)
}
