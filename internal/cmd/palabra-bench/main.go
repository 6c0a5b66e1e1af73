// Command palabra-bench measures the provider with a real engine against the
// sandbox with latency, next to terraform_data with the same values, to a
// provider that does nothing, and to itself with bulk reads off, and writes a
// table and a plot. Compare ratios of one run only: machines differ, and are
// noisy.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if startedByEngine() {
		if err := serveIdle(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "palabra-bench:", err)
			os.Exit(1)
		}
		return
	}
	runs := flag.Int("runs", 3, "how often to measure each step; the median counts")
	latency := flag.Duration("latency", 50*time.Millisecond, "time that each answer takes")
	machine := flag.String("machine", "", "what to call this machine in the report")
	folder := flag.String("out", filepath.Join("examples", "bench"), "folder for README.md and bench.svg")
	quick := flag.Bool("quick", false, "measure few and small workloads, to see that it works")
	flag.Parse()
	if err := run(ctx, options{runs: *runs, latency: *latency, machine: *machine, folder: *folder, quick: *quick}); err != nil {
		fmt.Fprintln(os.Stderr, "palabra-bench:", err)
		os.Exit(1)
	}
}

type options struct {
	runs            int
	latency         time.Duration
	machine, folder string
	quick           bool
}

func run(ctx context.Context, o options) error {
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	workloads := []workload{
		{instances: 1, steps: allSteps},
		{instances: 200, steps: allSteps},
		{instances: 1000, steps: allSteps},
		{instances: 3, account: 10_000, steps: []step{create, refresh}},
	}
	if o.quick {
		workloads = []workload{{instances: 5, steps: allSteps}, {instances: 3, account: 500, steps: []step{create, refresh}}}
	}
	var results []result
	for _, w := range workloads {
		measured, err := b.measure(ctx, w)
		if err != nil {
			return err
		}
		results = append(results, measured...)
	}
	process, err := b.measureProcess(ctx)
	if err != nil {
		return err
	}
	return writeReport(b, results, process)
}
