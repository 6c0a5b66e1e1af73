package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/mirror"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

// workspace is a folder with a configuration, and the server that it talks to.
type workspace struct {
	*server
	folder string
	env    []string
}

func (b *bench) open(ctx context.Context, w workload, v variant) (*workspace, error) {
	folder, err := os.MkdirTemp(b.folder, "run-")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, "main.tf"), []byte(configuration(w, v)), 0o600); err != nil {
		return nil, err
	}
	served, err := b.serve(ctx, w)
	if err != nil {
		return nil, err
	}
	ws := &workspace{server: served, folder: folder, env: b.env}
	if v == idle {
		ws.env = b.idleEnv
	}
	if err := b.command(ctx, ws, "init"); err != nil {
		ws.close()
		return nil, err
	}
	return ws, nil
}

func (b *bench) command(ctx context.Context, ws *workspace, args ...string) error {
	command := exec.CommandContext(ctx, b.engine.Path, append(args, "-no-color")...)
	command.Dir = ws.folder
	command.Env = append(slices.Clone(ws.env),
		"PALABRA_API_URL="+ws.url, "PALABRA_CLIENT_ID="+sandbox.DefaultClientID, "PALABRA_CLIENT_SECRET="+sandbox.DefaultClientSecret)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", b.engine.Name, args, err, output[max(0, len(output)-2000):])
	}
	return nil
}

// configuration manages the newest sessions of the account, which are last in
// its list.
func configuration(w workload, v variant) string {
	head := fmt.Sprintf(`
variable "ttl_seconds" {
  type = number
}

locals {
  ids = toset([for i in range(%d, %d) : format("bench-user.%%08d", i)])
}
`, max(w.account, w.instances)-w.instances, max(w.account, w.instances))
	if v == terraformData {
		return head + `
resource "terraform_data" "session" {
  for_each = local.ids
  input = {
    session_id  = each.key
    ttl_seconds = var.ttl_seconds
  }
}
`
	}
	return head + fmt.Sprintf(`
terraform {
  required_providers {
    palabra = {
      source = %q
    }
  }
}

provider "palabra" {
  bulk_read = %t
}

resource "palabra_session_expiry" "session" {
  for_each    = local.ids
  session_id  = each.key
  ttl_seconds = var.ttl_seconds
}
`, mirror.Source, v != singleReads)
}

// server is a sandbox behind a wire with latency, which counts.
type server struct {
	url                   string
	http                  *http.Server
	requests, connections atomic.Int64
}

func (b *bench) serve(ctx context.Context, w workload) (*server, error) {
	api := sandbox.New(sandbox.Options{})
	created := stopwatch().Add(-24 * time.Hour)
	for i := range max(w.account, w.instances) {
		api.Put(sandbox.Session{ID: fmt.Sprintf("bench-user.%08d", i), CreatedAt: created.Add(time.Duration(i) * time.Second)})
	}
	api.Inject(sandbox.Fault{Name: "latency", Effect: sandbox.Delay(b.options.latency)})
	s := &server{}
	s.http = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.requests.Add(1)
			api.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.connections.Add(1)
			}
		},
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url = "http://" + listener.Addr().String()
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

func (s *server) reset() { s.requests.Store(0); s.connections.Store(0) }
func (s *server) close() { _ = s.http.Close() }
