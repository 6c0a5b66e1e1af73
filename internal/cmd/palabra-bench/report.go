package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/template"
)

//go:embed bench.svg.tmpl
var plotSource string

var plotTemplate = template.Must(template.New("").Parse(plotSource))

func writeReport(b *bench, results []result, process processFigures) error {
	if err := os.MkdirAll(b.options.folder, 0o755); err != nil {
		return err
	}
	machine := b.options.machine
	if machine == "" {
		machine = fmt.Sprintf("%d cores, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "# What a run costs\n\nWritten by `make bench-engine` with %s, on %s, %s of latency per request, parallelism 10: medians of %d runs (%d with 1,000 instances),\n"+
		"each with %d refreshes. The ratio is wall time ÷ that of `terraform_data` with the same values just before. A provider that does nothing has the same schema, sends no requests\n"+
		"and returns what it is given: what it costs is the engine's own time for any provider.\n\n![Ratio to terraform_data by step](bench.svg)\n\n",
		b.engine, machine, b.options.latency, b.options.runs, min(b.options.runs, workload{instances: 1000}.maxRuns()), refreshes)
	table.WriteString("| instances | of sessions | step | managed by | wall | ratio | requests | connections |\n| ---: | ---: | --- | --- | ---: | ---: | ---: | ---: |\n")
	var bars []bar
	for _, r := range results {
		fmt.Fprintf(&table, "| %d | %d | %s | %s | %.2f s | %.2f | %d | %d |\n", r.workload.instances, max(r.workload.account, r.workload.instances),
			r.step, r.variant, r.sample.wall.Seconds(), r.ratio, r.sample.requests, r.sample.connections)
		// One instance costs the start of a process, next to which the ratios of
		// the others would not be seen.
		if class := barClasses[r.variant]; class != "" && r.workload.account == 0 && r.workload.instances > 1 {
			bars = append(bars, bar{
				Label: fmt.Sprintf("%s, N = %d", r.step, r.workload.instances), Class: class, Ratio: r.ratio, Requests: r.sample.requests,
			})
		}
	}
	fmt.Fprintf(&table, "\n| the provider's process | |\n| --- | ---: |\n| start to the first answered call | %d ms |\n| size of the released binary | %.1f MB |\n",
		process.start.Milliseconds(), float64(process.size)/1e6)
	fmt.Print(table.String())
	if err := os.WriteFile(filepath.Join(b.options.folder, "README.md"), []byte(table.String()), 0o644); err != nil {
		return err
	}
	return writePlot(filepath.Join(b.options.folder, "bench.svg"), bars)
}

// barClasses are the styles of the variants that the plot shows.
var barClasses = map[variant]string{idle: "idle", bulkRead: "bulk", singleReads: "single"}

type bar struct {
	Label, Class string
	Ratio        float64
	Requests     int
	// Y and Width are where it is drawn.
	Y, Width float64
}

func writePlot(file string, bars []bar) error {
	const rowHeight, groupGap, top, full = 20.0, 10.0, 70.0, 400.0
	longest := 1.0
	for _, b := range bars {
		longest = max(longest, b.Ratio)
	}
	bottom := top
	for i := range bars {
		if i > 0 && bars[i].Label != bars[i-1].Label {
			bottom += groupGap
		}
		bars[i].Y = bottom
		bars[i].Width = bars[i].Ratio / longest * full
		bottom += rowHeight
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	err = plotTemplate.Execute(out, map[string]any{
		"Bars": bars, "Height": bottom + 20, "One": 260 + full/longest, "Bottom": bottom,
	})
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}
