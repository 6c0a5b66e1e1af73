// Command palabra-sandbox runs the imitation of the Palabra Session Storage API.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// chaosShare is the share of requests that get a fault under --chaos.
const chaosShare = 0.3

// planLimit is how many sessions a plan of the vendor allows, according to its
// pricing page of August 2026.
const planLimit = 10

// version is set by the linker; a build of a module's version knows it by itself.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "palabra-sandbox:", err)
		os.Exit(1)
	}
}

// settings are the flags that the sandbox's own options do not hold.
type settings struct {
	sandbox.Options
	addr, seed  string
	latency     time.Duration
	rateLimit   int
	chaos       uint64
	clockSpeed  float64
	showVersion bool
}

func parse(args []string) (settings, error) {
	var o settings
	flags := flag.NewFlagSet("palabra-sandbox", flag.ContinueOnError)
	flags.BoolVar(&o.showVersion, "version", false, "print the version and exit")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8787", "`address` to listen on; port 0 takes a free one")
	flags.StringVar(&o.seed, "seed", "", "JSON `file` with sessions to start with")
	flags.Func("host", "`name` with a dot by which the dashboard and the control calls may be reached; may be repeated", func(name string) error {
		o.Hosts = append(o.Hosts, strings.ToLower(name))
		return nil
	})
	flags.BoolVar(&o.Control, "control", false, "answer POST /sandbox/{advance,put,connect,hang-up,delete,reset}, and offer them on the dashboard")
	flags.Float64Var(&o.clockSpeed, "clock-speed", 1, "how many `times` as fast as real time the clock runs")
	flags.StringVar(&o.APIKey, "api-key", sandbox.DefaultAPIKey, "API `key` to accept")
	flags.StringVar(&o.ClientID, "client-id", sandbox.DefaultClientID, "ClientID to accept")
	flags.StringVar(&o.ClientSecret, "client-secret", sandbox.DefaultClientSecret, "ClientSecret to accept")
	flags.IntVar(&o.BadCredentialsStatus, "bad-credentials-status", http.StatusUnauthorized, "`status` for wrong credentials: 401, 403 or 404")
	flags.IntVar(&o.SessionLimit, "session-limit", planLimit, "how many sessions may live at once; those of --seed and of put count, and are not refused")
	flags.IntVar(&o.SessionLimitStatus, "session-limit-status", http.StatusForbidden, "`status` for a create over the limit")
	flags.DurationVar(&o.MaxTTL, "max-ttl", 0, "longest lifetime to grant (0: any)")
	flags.TextVar(&o.Envelope, "envelope", sandbox.EnvelopeData, "`shape` of lists: data, next, sessions, sessions-next, top-level, items, no-token or array")
	flags.BoolVar(&o.JWTIDs, "jwt-ids", false, "give created sessions ids in the form of a JWT")
	flags.BoolVar(&o.KeepUpdatedAt, "keep-updated-at", false, "do not move updated_at when a lifetime is set")
	flags.BoolVar(&o.ConnectResetsToNow, "connect-resets-to-now", false, "set the expiry of a session that connects to now, for a minute")
	flags.BoolVar(&o.AnyContentType, "any-content-type", false, "accept bodies without Content-Type: application/json")
	flags.DurationVar(&o.latency, "latency", 0, "time to wait before each answer")
	flags.IntVar(&o.rateLimit, "rate-limit", 0, "requests a second before 429 (0: no limit)")
	flags.Uint64Var(&o.chaos, "chaos", 0, "`seed` of a mix of faults that 30 % of all requests meet (0: none)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is not a flag; see --help", flags.Arg(0))
	}
	if err := o.validate(); err != nil {
		return o, err
	}
	o.Seed = o.chaos
	o.Now = sandbox.Faster(nil, o.clockSpeed)
	return o, nil
}

// maxClockSpeed keeps the clock within what Go's durations hold for a day.
const maxClockSpeed = 100_000

// validate refuses what the sandbox would silently take for something else.
func (o settings) validate() error {
	switch {
	case !(o.clockSpeed > 0 && o.clockSpeed <= maxClockSpeed): // also NaN
		return fmt.Errorf("--clock-speed has to be more than 0, and at most %d", maxClockSpeed)
	case !slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, o.BadCredentialsStatus):
		return errors.New("--bad-credentials-status has to be 401, 403 or 404")
	case o.SessionLimitStatus < 400 || o.SessionLimitStatus > 499:
		return errors.New("--session-limit-status has to be from 400 to 499")
	case o.SessionLimit < 1:
		return errors.New("--session-limit has to be at least 1")
	case o.MaxTTL < 0 || o.MaxTTL%time.Second != 0:
		return errors.New("--max-ttl has to be whole seconds, or 0")
	case o.latency < 0 || o.rateLimit < 0:
		return errors.New("--latency and --rate-limit cannot be negative")
	}
	return nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.showVersion {
		fmt.Fprintln(out, "palabra-sandbox", versionOf(version))
		return nil
	}
	o.OnRequest = func(r sandbox.Request) { logRequest(out, r) }
	s := sandbox.New(o.Options)
	if err := s.LoadSeedFile(o.seed); err != nil {
		return err
	}
	if o.rateLimit > 0 {
		s.Inject(sandbox.Fault{Name: "rate limit", Through: true, Effect: sandbox.LimitRate(o.rateLimit)})
	}
	if o.latency > 0 {
		s.Inject(sandbox.Fault{Name: "latency", Through: true, Effect: sandbox.Delay(o.latency)})
	}
	if o.chaos > 0 {
		s.Chaos(chaosShare)
	}
	listener, err := listen(ctx, o.addr)
	if err != nil {
		return err
	}
	introduce(out, o, listener.Addr(), len(s.Sessions()))
	return serve(ctx, listener, s)
}

// versionOf falls back on what the build knows, as with "go run …@VERSION".
func versionOf(linked string) string {
	if linked != "" {
		return linked
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// addressInUse is what Windows says instead of syscall.EADDRINUSE.
const addressInUse = syscall.Errno(10048)

func listen(ctx context.Context, addr string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, addressInUse) {
		return nil, fmt.Errorf("%s is in use, perhaps by another sandbox: end that, or choose another port with --addr 127.0.0.1:0 (make sandbox ADDR=127.0.0.1:0)", addr)
	}
	return listener, err
}

// introduce prints what a shell needs. The key comes first, because new customers of
// the API have one. The provider refuses both kinds at once.
func introduce(out io.Writer, o settings, addr net.Addr, sessions int) {
	host, port, _ := net.SplitHostPort(addr.String())
	everywhere := net.ParseIP(host).IsUnspecified()
	if everywhere {
		host = "127.0.0.1"
	}
	url := "http://" + net.JoinHostPort(host, port)
	fmt.Fprintf(out, "Palabra sandbox on %s, with %d sessions. Ctrl-C ends it and forgets everything.\nOpen that address in a browser for the dashboard.\n\n", url, sessions)
	fmt.Fprintf(out, "export PALABRA_API_URL=%s\nexport PALABRA_API_KEY=%s\n\n", url, o.APIKey)
	fmt.Fprintf(out, "Instead of the key, the pair:\n  unset PALABRA_API_KEY; export PALABRA_CLIENT_ID=%s PALABRA_CLIENT_SECRET=%s\n\n", o.ClientID, o.ClientSecret)
	if everywhere {
		fmt.Fprintf(out, "From another host:\n  export PALABRA_API_URL=http://HOST:%s PALABRA_ALLOW_INSECURE_ENDPOINT=true\n\n", port)
	}
}

// newServer bounds how long a client may take to send the head of a request.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := newServer(handler)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

func logRequest(out io.Writer, r sandbox.Request) {
	status := fmt.Sprint(r.Status)
	if r.Status == 0 {
		status = "cut"
	}
	note := ""
	if r.Fault != "" {
		note = "  [" + r.Fault + "]"
	}
	fmt.Fprintf(out, "%s  %-6s %s  %s  %s%s\n", r.Time.Format(time.TimeOnly), r.Method, r.Target(), status, r.Duration.Round(10*time.Microsecond), note)
}
