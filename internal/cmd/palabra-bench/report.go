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
	fmt.Fprintf(&table, "# What a run costs\n\nWritten by `make bench-engine` with %s, on %s, %s of latency per request, parallelism 10, median of %d.\n"+
		"The ratio is wall time ÷ that of `terraform_data` with the same values in the same run.\n\n![Ratio to terraform_data by step](bench.svg)\n\n",
		b.engine, machine, b.options.latency, b.options.runs)
	table.WriteString("| instances | of sessions | step | managed by | wall | ratio | requests | connections |\n| ---: | ---: | --- | --- | ---: | ---: | ---: | ---: |\n")
	var bars []bar
	for _, r := range results {
		fmt.Fprintf(&table, "| %d | %d | %s | %s | %.2f s | %.2f | %d | %d |\n", r.workload.instances, max(r.workload.account, r.workload.instances),
			r.step, r.variant, r.median.wall.Seconds(), r.ratio, r.median.requests, r.median.connections)
		if r.variant == bulkRead || r.variant == singleReads {
			bars = append(bars, bar{
				Label: fmt.Sprintf("%s, N = %d", r.step, r.workload.instances), Ratio: r.ratio, Bulk: r.variant == bulkRead, Requests: r.median.requests,
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

type bar struct {
	Label    string
	Ratio    float64
	Bulk     bool
	Requests int
	// Y and Width are where it is drawn.
	Y, Width float64
}

func writePlot(file string, bars []bar) error {
	const rowHeight, top, full = 24.0, 70.0, 420.0
	longest := 1.0
	for _, b := range bars {
		longest = max(longest, b.Ratio)
	}
	for i := range bars {
		bars[i].Y = top + float64(i)*rowHeight
		bars[i].Width = bars[i].Ratio / longest * full
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	err = plotTemplate.Execute(out, map[string]any{
		"Bars": bars, "Height": top + float64(len(bars))*rowHeight + 20, "One": 300 + full/longest, "Bottom": top + float64(len(bars))*rowHeight,
	})
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}
