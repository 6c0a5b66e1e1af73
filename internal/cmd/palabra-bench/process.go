package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/protobuf/types/known/emptypb"
)

// processFigures are those of the provider's process itself.
type processFigures struct {
	// start is from its start to the first answered RPC, the schemas.
	start time.Duration
	// size is that of the binary, built as for a release, in bytes.
	size int64
}

func (b *bench) measureProcess(ctx context.Context) (processFigures, error) {
	info, err := os.Stat(b.binary)
	if err != nil {
		return processFigures{}, err
	}
	var starts []time.Duration
	for range 10 {
		began := stopwatch()
		if err := start(ctx, exec.CommandContext(ctx, b.binary)); err != nil {
			return processFigures{}, err
		}
		starts = append(starts, stopwatch().Sub(began))
	}
	slices.Sort(starts)
	return processFigures{start: starts[len(starts)/2], size: info.Size()}, nil
}

// start does what an engine does: the handshake that names the protocol, and its
// first call, which asks for the schemas.
func start(ctx context.Context, provider *exec.Cmd) error {
	// go-plugin keeps standard error for itself, and hands it on.
	stderr := provider.Stderr
	provider.Stderr = nil
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  6,
			MagicCookieKey:   "TF_PLUGIN_MAGIC_COOKIE",
			MagicCookieValue: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		},
		VersionedPlugins: map[int]plugin.PluginSet{6: {}},
		Cmd:              provider,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		Stderr:           stderr,
		Logger:           hclog.NewNullLogger(),
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	grpcClient, ok := protocol.(*plugin.GRPCClient)
	if !ok {
		return fmt.Errorf("the provider speaks %T, want gRPC", protocol)
	}
	// The messages' Go types are internal to terraform-plugin-go. An empty message
	// is the request, and takes any answer as unknown fields.
	return grpcClient.Conn.Invoke(ctx, "/tfplugin6.Provider/GetProviderSchema", &emptypb.Empty{}, &emptypb.Empty{})
}
