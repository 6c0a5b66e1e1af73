package main

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// unit is what is validated together: an example, or a code block with what
// surrounds it.
type unit struct {
	name    string // for people: a folder, a file, or a file and a line
	source  string // HCL
	context string // HCL from which missing declarations are taken
	folder  string // of a root module that is validated as a whole, else ""
}

// generatorFolders hold examples in tfplugindocs's layout: each file is shown
// on its own.
var generatorFolders = []string{
	"provider", "data-sources", "resources", "ephemeral-resources", "actions", "list-resources",
}

func collect(tree fs.FS) ([]unit, error) {
	var units []unit
	folders := map[string][]string{}
	err := fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); strings.HasPrefix(name, ".") && name != "." || name == "node_modules" || name == "dist" {
				return fs.SkipDir
			}
			return nil
		}
		switch {
		case path.Ext(file) == ".md":
			content, err := fs.ReadFile(tree, file)
			if err != nil {
				return err
			}
			units = append(units, codeBlocks(file, string(content))...)
		case strings.HasPrefix(file, "examples/") && isConfiguration(file):
			folders[path.Dir(file)] = append(folders[path.Dir(file)], file)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for folder, files := range folders {
		more, err := exampleUnits(tree, folder, files)
		if err != nil {
			return nil, err
		}
		units = append(units, more...)
	}
	slices.SortFunc(units, func(a, b unit) int { return strings.Compare(a.name, b.name) })
	return units, nil
}

func isConfiguration(file string) bool {
	return strings.HasSuffix(file, ".tf") || strings.HasSuffix(file, ".tfquery.hcl")
}

func exampleUnits(tree fs.FS, folder string, files []string) ([]unit, error) {
	if !slices.Contains(generatorFolders, strings.Split(folder, "/")[1]) {
		return []unit{{name: folder, folder: folder}}, nil
	}
	var all strings.Builder
	units := make([]unit, 0, len(files))
	for _, file := range files {
		content, err := fs.ReadFile(tree, file)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&all, "%s\n", content)
		units = append(units, unit{name: file, source: string(content)})
	}
	for i := range units {
		units[i].context = all.String()
	}
	return units, nil
}

// codeBlocks returns the blocks of a Markdown file that are fenced as HCL.
// The rest of the page's HCL is each block's context.
func codeBlocks(file, content string) []unit {
	var units []unit
	var block, all strings.Builder
	fence, wanted, start := "", false, 0
	for number, line := range strings.Split(content, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case fence == "" && (strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~")):
			fence = trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, trimmed[:1]))]
			language := strings.ToLower(strings.TrimSpace(trimmed[len(fence):]))
			wanted = language == "terraform" || language == "hcl" || language == "tf"
			start = number + 2
			block.Reset()
		case fence != "" && trimmed == fence:
			if wanted {
				units = append(units, unit{name: fmt.Sprintf("%s:%d", file, start), source: block.String()})
				all.WriteString(block.String())
			}
			fence = ""
		case fence != "":
			block.WriteString(line + "\n")
		}
	}
	for i := range units {
		units[i].context = all.String()
	}
	return units
}
