// Command mutations says how many faults of the provider the model of a user's life
// finds. Each fault of the list is put into a copy of one file, the tests are built
// with it, and new lives are lived until one breaks a rule or the time is over. What
// the model misses, another test has to find; the command names it.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	folder  = "internal/provider"
	pkg     = "./" + folder
	list    = folder + "/testdata/mutations.txt"
	minimum = 90 // percent that the model has to find
	// others are the tests that may find what the model misses. They start no engine.
	others = "Test(Session|Lifetime|RenewOnly)"
)

var (
	failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	brokenRule = regexp.MustCompile(`-life\.(seed=\d+) -life\.count=1(: .{0,80})`)
)

// mutation is a fault: old is replaced by new in a file of the provider.
type mutation struct {
	name, file, old, new string
	// by is the test that finds what the model misses; empty for the model, or any.
	by string
}

// budget is how long the model looks for a fault.
type budget struct {
	time        time.Duration
	lives, seed uint64
}

func (b budget) flags() []string {
	long := "-life.for=" + b.time.String()
	if b.lives > 0 {
		long = fmt.Sprintf("-life.count=%d", b.lives)
	}
	return []string{"-test.run=^TestLife_", long, fmt.Sprintf("-life.seed=%d", b.seed)}
}

func main() {
	var b budget
	flag.DurationVar(&b.time, "for", 10*time.Minute, "how long the model looks for each fault")
	flag.Uint64Var(&b.lives, "lives", 0, "how many lives the model looks for each fault, instead of -for")
	flag.Uint64Var(&b.seed, "seed", 1, "the first seed of the lives")
	only := flag.String("run", "", "a regular expression for the names of the faults")
	flag.Parse()
	if err := run(context.Background(), b, regexp.MustCompile(*only)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, b budget, only *regexp.Regexp) error {
	content, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	mutations, err := parse(string(content))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutations-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tried, found, missed := 0, 0, 0
	for _, m := range mutations {
		if !only.MatchString(m.name) {
			continue
		}
		tried++
		verdict, byModel, err := m.try(ctx, dir, b)
		if err != nil {
			verdict, missed = err.Error(), missed+1
		}
		if byModel {
			found++
		}
		if verdict == "missed" {
			missed++
		}
		fmt.Printf("%-70s %s\n", m.name, verdict)
	}
	fmt.Printf("%d faults; the model finds %d\n", tried, found)
	if missed > 0 || found*100 < tried*minimum {
		return fmt.Errorf("%d faults are found by nothing, and the model has to find %d%%", missed, minimum)
	}
	return nil
}

// try builds the tests with a fault and lets the model look for it, and then the test
// that is named for it.
func (m mutation) try(ctx context.Context, dir string, b budget) (verdict string, byModel bool, err error) {
	file := filepath.Join(folder, m.file)
	source, err := os.ReadFile(file) // #nosec G304 -- a file of the list
	if err != nil {
		return "", false, err
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		return "", false, fmt.Errorf("%s has the old text %d times, not once", file, n)
	}
	mutated, overlay, binary := filepath.Join(dir, m.file), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "provider.test")
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600); err != nil { // #nosec G703 -- a file of the list
		return "", false, err
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return "", false, err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {absolute: mutated}})
	if err == nil {
		err = os.WriteFile(overlay, replace, 0o600)
	}
	if err != nil {
		return "", false, err
	}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, pkg) // #nosec G204 -- names of this command's own
	if output, err := build.CombinedOutput(); err != nil {
		return "", false, fmt.Errorf("%w\n%s", err, output)
	}
	begun := time.Now() //nolint:forbidigo // how long a search took
	if what, failed := fails(ctx, binary, brokenRule, b.flags()...); failed {
		return fmt.Sprintf("found in %s by %s", time.Since(begun).Round(time.Second), what), true, nil //nolint:forbidigo // as above
	}
	if by, failed := fails(ctx, binary, failedTest, "-test.run=^"+cmp.Or(m.by, others), "-test.skip=Engine"); failed {
		return "missed, found by " + by, false, nil
	}
	return "missed", false, nil
}

// fails returns the first match in the output of tests that fail.
func fails(ctx context.Context, binary string, in *regexp.Regexp, args ...string) (what string, failed bool) {
	tests := exec.CommandContext(ctx, binary, append([]string{"-test.failfast", "-test.timeout=0"}, args...)...) // #nosec G204 -- built above
	tests.Dir, tests.Env = folder, append(os.Environ(), "GOGC=800")                                              // A third of the time goes otherwise into collecting what is small.
	output, err := tests.CombinedOutput()
	if match := in.FindSubmatch(output); match != nil {
		what = string(bytes.Join(match[1:], nil))
	}
	return what, err != nil
}

// parse reads a list: a line with the name, the file, the old lines after a minus,
// and the new lines after a plus.
func parse(content string) (mutations []mutation, err error) {
	for block := range strings.SplitSeq(strings.TrimSpace(content), "\n\n") {
		var m mutation
		for line := range strings.SplitSeq(block, "\n") {
			switch text := line[min(1, len(line)):]; {
			case strings.HasPrefix(line, "# "):
				m.name = line[2:]
			case strings.HasPrefix(line, "in "):
				m.file = line[3:]
			case strings.HasPrefix(line, "by "):
				m.by = line[3:]
			case strings.HasPrefix(line, "-"):
				m.old += text + "\n"
			case strings.HasPrefix(line, "+"):
				m.new += text + "\n"
			default:
				return nil, fmt.Errorf("%s: %q is no line of a fault", list, line)
			}
		}
		if m.name == "" || m.file == "" || m.old == "" {
			return nil, fmt.Errorf("%s: a fault without a name, a file or an old text:\n%s", list, block)
		}
		mutations = append(mutations, m)
	}
	return mutations, nil
}
