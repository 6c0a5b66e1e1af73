// Command palabra-demo builds the provider and takes a real engine through
// plan, apply, change and destroy against an embedded sandbox, showing the API
// calls of each step. It needs no account and no network beyond Go modules.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "palabra-demo: interrupted; everything temporary was removed")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "palabra-demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	d, err := newDemo(ctx, out)
	if err != nil {
		return err
	}
	defer d.close()

	for _, s := range steps {
		if err := d.run(ctx, s); err != nil {
			return err
		}
	}
	d.summarize()
	return nil
}
