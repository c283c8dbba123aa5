// Package architecture_test reads the whole source tree and holds it to the house rules: which package
// may import which (architecture_test.go), what may be called where (boundary_test.go), and how the code
// explains itself (house_test.go). It compiles nothing, so it also speaks about packages that do not build.
package architecture_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "countersign"

// file is one Go file of the module.
type file struct {
	path      string // from the module root, slashes
	pkg       string // folder from the module root, "" for the root itself
	test      bool   // ends in _test.go
	generated bool
	lines     int
	syntax    *ast.File
	set       *token.FileSet
}

func (f *file) at(pos token.Pos) string {
	return f.path + ":" + strconv.Itoa(f.line(pos))
}

func (f *file) line(pos token.Pos) int { return f.set.Position(pos).Line }

// imports lists the import paths with the place of each.
func (f *file) imports(visit func(path string, pos token.Pos)) {
	for _, spec := range f.syntax.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			visit(path, spec.Pos())
		}
	}
}

// tree parses every Go file of the module once.
func tree(t *testing.T) []*file {
	t.Helper()
	const root = ".."
	set := token.NewFileSet()
	var files []*file
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			hidden := strings.HasPrefix(name, ".") && path != root || strings.HasPrefix(name, "_")
			if hidden || name == "node_modules" || name == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		syntax, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%s does not parse: %v", rel, err)
			return nil
		}
		pkg := strings.TrimSuffix(rel, name)
		files = append(files, &file{
			path: rel, pkg: strings.TrimSuffix(pkg, "/"), test: strings.HasSuffix(name, "_test.go"),
			generated: ast.IsGenerated(syntax), lines: set.File(syntax.Pos()).LineCount(), syntax: syntax, set: set,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 5 {
		t.Fatalf("found only %d Go files; the test looks in the wrong place", len(files))
	}
	return files
}
