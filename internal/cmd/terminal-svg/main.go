// Command terminal-svg draws text from standard input as a picture of a
// terminal, an SVG on standard output that is readable in light and dark.
//
//	go run ./internal/cmd/palabra-demo | go run ./internal/cmd/terminal-svg -title "make demo" -section Summary
//
// Lines that begin with "== " start a section, "$ " is a command, and "  | "
// marks the output of another program.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "terminal-svg:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	var (
		flags    = flag.NewFlagSet("terminal-svg", flag.ContinueOnError)
		title    = flags.String("title", "terminal", "text of the title bar and name of the picture")
		columns  = flags.Int("columns", 100, "width in characters; longer lines are cut")
		sections []string
		drop     *regexp.Regexp
	)
	flags.Func("section", "`title` of a section to draw; repeat for more (default: everything)", func(section string) error {
		sections = append(sections, section)
		return nil
	})
	flags.Func("drop", "`pattern` of lines to leave out", func(pattern string) (err error) {
		drop, err = regexp.Compile(pattern)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *columns < 2 {
		return fmt.Errorf("-columns is %d, and must be 2 at least", *columns)
	}
	lines, err := selectLines(in, sections, drop)
	if err != nil {
		return err
	}
	// Written at once, so that an error leaves no half of a picture.
	var picture bytes.Buffer
	draw(&picture, *title, *columns, lines)
	_, err = out.Write(picture.Bytes())
	return err
}

const sectionMark = "== "

// selectLines returns the lines of the wanted sections, of all when none is
// named. A section that the text does not have is an error: a picture that
// silently lost a part would go unnoticed.
func selectLines(in io.Reader, sections []string, drop *regexp.Regexp) ([]string, error) {
	var (
		lines   []string
		found   []string
		wanted  = len(sections) == 0
		scanner = bufio.NewScanner(in)
	)
	for scanner.Scan() {
		line := strings.TrimRight(scanner.Text(), " ")
		if section, ok := strings.CutPrefix(line, sectionMark); ok && len(sections) > 0 {
			if wanted = slices.Contains(sections, section); wanted {
				found = append(found, section)
			}
		}
		if wanted && (drop == nil || !drop.MatchString(line)) {
			lines = append(lines, line)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	for _, section := range sections {
		if !slices.Contains(found, section) {
			return nil, fmt.Errorf("the text has no section %q", section)
		}
	}
	lines = squeeze(lines)
	if len(lines) == 0 {
		return nil, errors.New("there is no text to draw")
	}
	return lines, nil
}

// squeeze removes empty lines at both ends, and all but one of several.
func squeeze(lines []string) []string {
	lines = slices.CompactFunc(lines, func(a, b string) bool { return a == "" && b == "" })
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
