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
	"syscall"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// chaosShare is how many of all requests meet a fault under --chaos.
const chaosShare = 0.3

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "palabra-sandbox:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("palabra-sandbox", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8787", "address to listen on; port 0 takes a free one")
	seedFile := flags.String("seed", "", "JSON `file` with sessions to start with")
	options := sandbox.Options{OnRequest: func(r sandbox.Request) { logRequest(out, r) }}
	flags.StringVar(&options.ClientID, "client-id", sandbox.DefaultClientID, "ClientID to accept")
	flags.StringVar(&options.ClientSecret, "client-secret", sandbox.DefaultClientSecret, "ClientSecret to accept")
	flags.StringVar(&options.APIKey, "api-key", sandbox.DefaultAPIKey, "API key to accept")
	flags.IntVar(&options.SessionLimit, "session-limit", 0, "how many sessions may live at once (0: 1000)")
	flags.DurationVar(&options.MaxTTL, "max-ttl", 0, "longest lifetime to grant (0: any)")
	flags.IntVar(&options.BadCredentialsStatus, "bad-credentials-status", http.StatusUnauthorized, "status for wrong credentials: 401, 403 or 404")
	latency := flags.Duration("latency", 0, "time to wait before each answer")
	rateLimit := flags.Int("rate-limit", 0, "requests a second before 429 (0: no limit)")
	chaos := flags.Uint64("chaos", 0, "`seed` of a mix of faults that 30 % of all requests meet (0: none)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	options.Seed = *chaos
	s := sandbox.New(options)
	if err := load(s, *seedFile); err != nil {
		return err
	}
	if *rateLimit > 0 {
		s.Inject(sandbox.Fault{Name: "rate limit", Effect: sandbox.LimitRate(*rateLimit)})
	}
	if *chaos > 0 {
		s.Chaos(chaosShare)
	}
	if *latency > 0 {
		s.Inject(sandbox.Fault{Name: "latency", Effect: sandbox.Delay(*latency)})
	}

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *addr)
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	fmt.Fprintf(out, "Palabra sandbox on %s, with %d sessions. Ctrl-C ends it and forgets everything.\n\n", url, len(s.Sessions()))
	fmt.Fprintf(out, "export PALABRA_API_URL=%s\nexport PALABRA_CLIENT_ID=%s\nexport PALABRA_CLIENT_SECRET=%s\n\n", url, options.ClientID, options.ClientSecret)
	return serve(ctx, listener, s)
}

func load(s *sandbox.Sandbox, file string) error {
	if file == "" {
		return nil
	}
	seed, err := os.Open(file) // #nosec G304 -- named by the person who runs this
	if err != nil {
		return err
	}
	defer seed.Close() //nolint:errcheck // only read
	return s.LoadSeed(seed)
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
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
	target := r.Path
	if r.Query != "" {
		target += "?" + r.Query
	}
	status := fmt.Sprint(r.Status)
	if r.Status == 0 {
		status = "cut"
	}
	note := ""
	if r.Fault != "" {
		note = "  [" + r.Fault + "]"
	}
	fmt.Fprintf(out, "%s  %-6s %s  %s  %s%s\n", r.Time.Format(time.TimeOnly), r.Method, target, status, r.Duration.Round(10*time.Microsecond), note)
}
