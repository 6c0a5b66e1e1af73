package main

import (
	"bytes"
	"fmt"
	"html"

	"strings"
)

// Sizes in pixels, for a font of 12 pixels.
const (
	charWidth  = 7.3
	lineHeight = 17
	margin     = 18
	titleBar   = 34
)

// style holds a background of its own, so that the text is readable whatever
// the page around the picture looks like.
const style = `  <style>
    text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: #1f2328; }
    .page { fill: #ffffff; stroke: #d0d7de; }
    .bar { stroke: #d0d7de; }
    .dot { fill: #d0d7de; }
    .soft { fill: #59636e; }
    .section { font-weight: bold; }
    .command { fill: #0550ae; }
    .added { fill: #116329; }
    .changed { fill: #7d4e00; }
    .removed { fill: #a40e26; }
    .call { fill: #6639ba; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .page { fill: #0d1117; stroke: #3d444d; }
      .bar { stroke: #3d444d; }
      .dot { fill: #3d444d; }
      .soft { fill: #9198a1; }
      .command { fill: #79c0ff; }
      .added { fill: #7ee787; }
      .changed { fill: #f0b849; }
      .removed { fill: #ffa198; }
      .call { fill: #d2a8ff; }
    }
  </style>
`

func draw(out *bytes.Buffer, title string, columns int, lines []string) {
	width := int(float64(columns)*charWidth) + 2*margin
	height := titleBar + len(lines)*lineHeight + 2*margin - lineHeight/2
	name := html.EscapeString(title)
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Terminal: %s">`+"\n", width, height, name)
	fmt.Fprint(out, style)
	fmt.Fprintf(out, `  <rect class="page" x="0.5" y="0.5" width="%d" height="%d" rx="8"/>`+"\n", width-1, height-1)
	fmt.Fprintf(out, `  <path class="bar" d="M0.5 %d.5h%d"/>`+"\n", titleBar, width-1)
	for i := range 3 {
		fmt.Fprintf(out, `  <circle class="dot" cx="%d" cy="%d" r="5"/>`+"\n", margin+4+i*18, titleBar/2)
	}
	fmt.Fprintf(out, `  <text class="soft" x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", width/2, titleBar/2+4, name)
	for i, line := range lines {
		if line == "" {
			continue
		}
		drawLine(out, titleBar+margin+i*lineHeight+lineHeight/2, cut(line, columns))
	}
	fmt.Fprintln(out, "</svg>")
}

func drawLine(out *bytes.Buffer, y int, line string) {
	const quoted = "  | "
	x := float64(margin)
	if rest, ok := strings.CutPrefix(line, quoted); ok {
		fmt.Fprintf(out, `  <text class="soft" x="%.1f" y="%d">|</text>`+"\n", x+2*charWidth, y)
		line, x = rest, x+float64(len(quoted))*charWidth
	}
	// Blanks at the beginning become a position: not every viewer keeps them.
	text := strings.TrimLeft(line, " ")
	x += float64(len(line)-len(text)) * charWidth
	class := ""
	if c := classOf(text); c != "" {
		class = fmt.Sprintf(` class=%q`, c)
	}
	fmt.Fprintf(out, `  <text%s x="%.1f" y="%d" textLength="%.1f">%s</text>`+"\n",
		class, x, y, float64(len([]rune(text)))*charWidth, escape(text))
}

// escape also makes blanks of a kind that no viewer collapses.
func escape(text string) string {
	return strings.ReplaceAll(html.EscapeString(text), "  ", "\u00a0\u00a0")
}

// classOf says what a line is by how it begins.
func classOf(text string) string {
	first, _, _ := strings.Cut(text, " ")
	switch first {
	case "==":
		return "section"
	case "$":
		return "command"
	case "+":
		return "added"
	case "~":
		return "changed"
	case "-":
		return "removed"
	case "GET", "POST", "DELETE":
		return "call"
	}
	return ""
}

// cut shortens a line to so many characters.
func cut(line string, columns int) string {
	runes := []rune(line)
	if len(runes) <= columns {
		return line
	}
	return string(runes[:columns-1]) + "…"
}
