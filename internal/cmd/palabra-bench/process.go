package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

// processFigures are those of the provider's process itself.
type processFigures struct {
	// start is from its start to the first answered RPC.
	start time.Duration
	// size is that of the binary as released, in bytes.
	size int64
}

func (b *bench) measureProcess(ctx context.Context) (processFigures, error) {
	released := filepath.Join(b.folder, "released")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", released, ".")
	build.Dir = b.root
	if output, err := build.CombinedOutput(); err != nil {
		return processFigures{}, fmt.Errorf("go build: %w\n%s", err, output)
	}
	info, err := os.Stat(released)
	if err != nil {
		return processFigures{}, err
	}
	var starts []time.Duration
	for range 10 {
		took, err := startOnce(ctx, released)
		if err != nil {
			return processFigures{}, err
		}
		starts = append(starts, took)
	}
	slices.Sort(starts)
	return processFigures{start: starts[len(starts)/2], size: info.Size()}, nil
}

// startOnce does what an engine does: the handshake that names the protocol, and
// a first call.
func startOnce(ctx context.Context, binary string) (time.Duration, error) {
	began := stopwatch()
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  6,
			MagicCookieKey:   "TF_PLUGIN_MAGIC_COOKIE",
			MagicCookieValue: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		},
		VersionedPlugins: map[int]plugin.PluginSet{6: {}},
		Cmd:              exec.CommandContext(ctx, binary),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		Logger:           hclog.NewNullLogger(),
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return 0, err
	}
	if err := protocol.Ping(); err != nil {
		return 0, err
	}
	return stopwatch().Sub(began), nil
}
