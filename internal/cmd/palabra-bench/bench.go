package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/palabra-community/terraform-provider-palabra/internal/engine"
	"github.com/palabra-community/terraform-provider-palabra/internal/mirror"
)

// variant is what manages the values.
type variant string

const (
	terraformData variant = "terraform_data"
	bulkRead      variant = "palabra"
	singleReads   variant = "palabra, bulk_read = false"
	// idle is what no provider can be faster than: one with the same schema that
	// sends no requests and returns what it is given.
	idle variant = "a provider that does nothing"
)

var variants = []variant{terraformData, idle, bulkRead, singleReads}

type step string

const (
	create  step = "create"
	refresh step = "refresh, nothing to change"
	update  step = "update"
	destroy step = "destroy"
)

var allSteps = []step{create, refresh, update, destroy}

// workload is how many instances there are, in an account of at least as many
// sessions.
type workload struct {
	instances, account int
	steps              []step
}

// maxRuns keeps the engine, whose own time grows with the square of the number
// of instances, from taking hours.
func (w workload) maxRuns() int {
	if w.instances >= 1000 {
		return 1
	}
	return math.MaxInt
}

// refreshes is how often each run measures a refresh, which can be repeated as it
// changes nothing.
const refreshes = 3

type sample struct {
	wall                  time.Duration
	requests, connections int
}

type result struct {
	workload workload
	step     step
	variant  variant
	sample   sample
	// ratio is the median of the wall time divided by that of terraform_data just
	// before.
	ratio float64
}

// version is what both providers are laid out as.
const version = "0.0.1"

type bench struct {
	options options
	engine  engine.Engine
	root    string
	folder  string
	binary  string
	env     []string
	idleEnv []string
}

func newBench(ctx context.Context, o options) (*bench, error) {
	cache, err := engine.CacheDir()
	if err != nil {
		return nil, err
	}
	found, err := engine.Find(ctx, cache)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "palabra-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, engine: found, root: filepath.Dir(filepath.Dir(cache)), folder: folder}
	if err := b.prepare(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) prepare(ctx context.Context) error {
	var err error
	if b.binary, err = mirror.Build(ctx, b.root, b.folder, version); err != nil {
		return err
	}
	if b.env, err = b.lay("palabra", b.binary); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.idleEnv, err = b.lay("idle", self)
	return err
}

// lay returns the environment in which an engine takes binary for the provider.
func (b *bench) lay(name, binary string) ([]string, error) {
	laid, cliConfig := filepath.Join(b.folder, name), filepath.Join(b.folder, name+".tfrc")
	if _, err := mirror.Lay(laid, binary, version); err != nil {
		return nil, err
	}
	return mirror.Environ(cliConfig), mirror.Configure(cliConfig, laid)
}

func (b *bench) close() { _ = os.RemoveAll(b.folder) }

// measure runs each step for each variant in turn, so that what else the machine
// does meets all of them alike.
func (b *bench) measure(ctx context.Context, w workload) ([]result, error) {
	type key struct {
		step    step
		variant variant
	}
	samples, ratios := make(map[key][]sample), make(map[key][]float64)
	for run := range min(b.options.runs, w.maxRuns()) {
		at, err := b.runOnce(ctx, w, func(s step, v variant, one, base sample) {
			fmt.Printf("%d instances, run %d, %s, %s: %.2f s\n", w.instances, run+1, s, v, one.wall.Seconds())
			samples[key{s, v}] = append(samples[key{s, v}], one)
			ratios[key{s, v}] = append(ratios[key{s, v}], one.wall.Seconds()/base.wall.Seconds())
		})
		if err != nil {
			return nil, fmt.Errorf("%s with %d instances: %w", at, w.instances, err)
		}
	}
	var results []result
	for _, s := range w.steps {
		for _, v := range variants {
			k := key{s, v}
			results = append(results, result{w, s, v, summarize(samples[k]), median(ratios[k])})
		}
	}
	return results, nil
}

// summarize takes the median of the times, and the largest counts.
func summarize(samples []sample) sample {
	var walls []time.Duration
	var all sample
	for _, s := range samples {
		walls = append(walls, s.wall)
		all.requests = max(all.requests, s.requests)
		all.connections = max(all.connections, s.connections)
	}
	all.wall = median(walls)
	return all
}

func median[T time.Duration | float64](values []T) T {
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}

// runOnce reports each step's samples, with that of terraform_data, and returns
// the variant at which it failed.
func (b *bench) runOnce(ctx context.Context, w workload, report func(step, variant, sample, sample)) (variant, error) {
	workspaces := make(map[variant]*workspace)
	defer func() {
		for _, ws := range workspaces {
			ws.close()
		}
	}()
	for _, v := range variants {
		ws, err := b.open(ctx, w, v)
		if err != nil {
			return v, err
		}
		workspaces[v] = ws
	}
	for _, s := range w.steps {
		times := 1
		if s == refresh {
			times = refreshes
		}
		for range times {
			if v, err := b.runStep(ctx, s, workspaces, report); err != nil {
				return v, err
			}
		}
	}
	return "", nil
}

func (b *bench) runStep(ctx context.Context, s step, workspaces map[variant]*workspace, report func(step, variant, sample, sample)) (variant, error) {
	var base sample
	for _, v := range variants {
		ws := workspaces[v]
		ws.reset()
		began := stopwatch()
		if err := b.command(ctx, ws, arguments(s)...); err != nil {
			return v, err
		}
		one := sample{stopwatch().Sub(began), int(ws.requests.Load()), int(ws.connections.Load())}
		if v == terraformData {
			base = one
		}
		report(s, v, one, base)
	}
	return "", nil
}

func stopwatch() time.Time {
	return time.Now() //nolint:forbidigo // what a benchmark is for
}

func arguments(s step) []string {
	switch s {
	case create:
		return []string{"apply", "-auto-approve", "-var=ttl_seconds=3600"}
	case refresh:
		return []string{"plan", "-detailed-exitcode", "-var=ttl_seconds=3600"}
	case update:
		return []string{"apply", "-auto-approve", "-var=ttl_seconds=7200"}
	case destroy:
		return []string{"destroy", "-auto-approve", "-var=ttl_seconds=7200"}
	}
	return nil
}
