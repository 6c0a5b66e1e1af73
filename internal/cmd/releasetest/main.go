// Command releasetest proves that release archives can be used: it checks a
// folder of goreleaser's against the registries' rules, unpacks the archive for
// this machine into a filesystem mirror, and runs init, apply, plan and destroy
// of an example against the sandbox, without development overrides.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: releasetest DIST")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Args[1])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "releasetest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, dist string) error {
	r, err := openRelease(dist)
	if err != nil {
		return err
	}
	if err := r.verify(); err != nil {
		return err
	}
	fmt.Fprintf(w, "version %s: %d archives and the manifest match their checksums\n", r.version, len(r.platforms))

	cache, err := engine.CacheDir()
	if err != nil {
		return err
	}
	found, err := engine.Find(ctx, cache)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "releasetest-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()

	binary, err := r.unpack(filepath.Join(tmp, "archive"), runtime.GOOS+"_"+runtime.GOARCH)
	if err != nil {
		return err
	}
	agent, err := try(ctx, found, tmp, binary, r.version)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s: init, apply, empty plan and destroy passed; the API saw %q\n", found, agent)
	return nil
}
