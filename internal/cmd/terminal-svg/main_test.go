package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

const transcript = `Building

== Plan
$ terraform plan
  | + a <resource> & "more"

  | noise
  GET    /sessions -> 200

== Apply
$ terraform apply

== Summary
  done
`

func picture(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(args, strings.NewReader(transcript), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPictureIsWellFormedAndEscapesItsText(t *testing.T) {
	t.Parallel()
	svg := picture(t, "-title", `make "demo" & more`)
	decoder := xml.NewDecoder(strings.NewReader(svg))
	var text strings.Builder
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in:\n%s", err, svg)
		}
		if data, ok := token.(xml.CharData); ok {
			text.Write(data)
		}
	}
	for _, want := range []string{`make "demo" & more`, `+ a <resource> & "more"`, "== Summary", "GET\u00a0\u00a0\u00a0\u00a0/sessions -> 200"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the picture does not say %q:\n%s", want, svg)
		}
	}
}

func TestPictureShowsTheSectionsThatAreNamedWithoutDroppedLines(t *testing.T) {
	t.Parallel()
	svg := picture(t, "-section", "Plan", "-section", "Summary", "-drop", "noise")
	for text, want := range map[string]bool{"Building": false, "== Plan": true, "noise": false, "== Apply": false, "done": true} {
		if strings.Contains(svg, text) != want {
			t.Errorf("%q in the picture: %t, want %t", text, !want, want)
		}
	}
}

func TestPictureColoursLinesByHowTheyBegin(t *testing.T) {
	t.Parallel()
	svg := picture(t)
	for _, want := range []string{`class="section"`, `class="command"`, `class="added"`, `class="call"`} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in:\n%s", want, svg)
		}
	}
}

func TestLongLinesAreCutByCharactersNotBytes(t *testing.T) {
	t.Parallel()
	if got := cut("ééééé", 4); got != "ééé…" {
		t.Errorf("got %q", got)
	}
	if got := cut("éééé", 4); got != "éééé" {
		t.Errorf("got %q", got)
	}
}

func TestNothingIsDrawnOfTextThatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		text string
	}{
		"section":      {[]string{"-section", "Destroy"}, transcript},
		"empty":        {nil, "\n\n"},
		"dropped":      {[]string{"-drop", "."}, transcript},
		"bad pattern":  {[]string{"-drop", "("}, transcript},
		"no room":      {[]string{"-columns", "1"}, transcript},
		"unknown flag": {[]string{"-sections", "Plan"}, transcript},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := run(c.args, strings.NewReader(c.text), &out); err == nil || out.Len() > 0 {
				t.Errorf("got %v and %d bytes, want an error and none", err, out.Len())
			}
		})
	}
}
