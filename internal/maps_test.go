package architecture_test

import (
	"fmt"
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The maps are what a newcomer goes by: README.md, ARCHITECTURE.md, CONTRIBUTING.md and the pages in docs. What they
// name exists, and what exists has its place.

var (
	column    = regexp.MustCompile(`^(.+?)(?:  .*)?$`)                // of the list of folders: names, two spaces, what they are
	link      = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)\s]*)?\)`)  // to a file of the repository
	named     = regexp.MustCompile("`(?:\\./)?([\\w.-]+/[\\w./-]*)`") // what may be a path
	target    = regexp.MustCompile("(?m)(?:`|^)make ([a-z]+)")
	folder    = regexp.MustCompile(`^(?:cmd|internal|docs|e2e|compat|bench|scripts|tools|command|demo|server|api|site|flow|domain|adapter|client|base|testkit)/`)
	generated = regexp.MustCompile(`\.\w+/|node_modules|^(?:bench|demo|tls|data)/?$`)
)

// foldersOf lists the folders that the first block of ARCHITECTURE.md names. A line without indent is a wing, or several
// with commas between; an indented one lists folders of the wing above it.
func foldersOf(page string) (list []string) {
	_, block, _ := strings.Cut(page, "```\n")
	block, _, _ = strings.Cut(block, "```")
	wing := ""
	for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
		rest, indented := strings.CutPrefix(line, "  ")
		names := strings.FieldsFunc(column.FindStringSubmatch(rest)[1], func(r rune) bool { return r == ' ' || r == ',' })
		for _, name := range names {
			if indented {
				name = path.Join(wing, name)
			}
			list = append(list, name)
		}
		if !indented {
			wing = names[0]
		}
	}
	return list
}

// missing lists the paths that a page names and that is does not find. in is the folder of the page.
func missing(in, page string, exists func(string) bool) (list []string) {
	for _, m := range link.FindAllStringSubmatch(page, -1) {
		if p := path.Join(in, m[1]); !exists(p) {
			list = append(list, p)
		}
	}
	for _, m := range named.FindAllStringSubmatch(page, -1) {
		if p := m[1]; folder.MatchString(p) && !generated.MatchString(p) && !exists(p) && !exists("internal/"+p) {
			list = append(list, p)
		}
	}
	return list
}

// maps visits the pages for people who work on the product.
func maps(t *testing.T, visit func(path, page string)) {
	t.Helper()
	texts(t, func(path string, source []byte) {
		if strings.HasSuffix(path, ".md") && path != "CHANGELOG.md" {
			visit(path, string(source))
		}
	})
}

func TestEveryPackageHasItsPlaceInTheArchitecture(t *testing.T) {
	page, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := foldersOf(string(page))
	for _, f := range listed {
		if info, err := os.Stat("../" + f); err != nil || !info.IsDir() {
			t.Errorf("ARCHITECTURE.md lists %s, which is no folder", f)
		}
	}
	for _, f := range tree(t) {
		if !f.test && !slices.Contains(listed, f.pkg) {
			t.Errorf("ARCHITECTURE.md has no line for %s", f.pkg)
			listed = append(listed, f.pkg)
		}
	}
}

func TestEveryPathThatThePagesNameExists(t *testing.T) {
	maps(t, func(at, page string) {
		for _, p := range missing(path.Dir(at), page, func(p string) bool { _, err := os.Stat("../" + p); return err == nil }) {
			t.Errorf("%s names %s, which does not exist", at, p)
		}
	})
}

func TestEveryTargetThatThePagesNameExists(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	maps(t, func(at, page string) {
		for _, m := range target.FindAllStringSubmatch(page, -1) {
			if !regexp.MustCompile(`(?m)^(?:[a-z]+ )*` + m[1] + `(?: [a-z]+)*:`).Match(makefile) {
				t.Errorf("%s names make %s, which the Makefile does not have", at, m[1])
			}
		}
	})
}

// dotted is a Go name that a page quotes: of a package (`signin.Next`) or of a type (`Session.With`).
var dotted = regexp.MustCompile("`([a-zA-Z]\\w*)((?:\\.[A-Z]\\w*)+)(?:\\(\\))?`")

// members lists what may stand behind a dot: after the name of a package its exported names and methods, after a type its
// methods and fields. Packages and types of one name are taken together.
func members(files []*file) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	add := func(of string, names ...*ast.Ident) {
		if all[of] == nil {
			all[of] = map[string]bool{}
		}
		for _, n := range names {
			all[of][n.Name] = true
		}
	}
	for _, f := range files {
		if f.test {
			continue
		}
		pkg := f.syntax.Name.Name
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				add(pkg, n.Name)
				if n.Recv != nil {
					add(receiver(n), n.Name)
				}
				return false
			case *ast.ValueSpec:
				add(pkg, n.Names...)
			case *ast.TypeSpec:
				add(pkg, n.Name)
				add(n.Name.Name)
				var fields *ast.FieldList
				switch of := n.Type.(type) {
				case *ast.StructType:
					fields = of.Fields
				case *ast.InterfaceType:
					fields = of.Methods
				default:
					return true
				}
				for _, field := range fields.List {
					add(n.Name.Name, field.Names...)
				}
			}
			return true
		})
	}
	return all
}

// unknown lists the Go names of a page that nothing has. A package that is not ours may have whatever it wants.
func unknown(page string, have map[string]map[string]bool) (list []string) {
	for _, m := range dotted.FindAllStringSubmatch(page, -1) {
		of := m[1]
		for _, name := range strings.Split(m[2], ".")[1:] {
			if have[of] == nil && !ast.IsExported(of) {
				break
			}
			if !have[of][name] {
				list = append(list, of+"."+name)
			}
			of = name
		}
	}
	return list
}

func TestEveryGoNameThatThePagesQuoteExists(t *testing.T) {
	have := members(tree(t))
	maps(t, func(at, page string) {
		for _, name := range unknown(page, have) {
			t.Errorf("%s quotes %s, which does not exist", at, name)
		}
	})
	if got := unknown("`signin.Next` `Session.With` `http.Anything` `signin.Request.Kind` `policy.AllowsApp` `signin.Gone` `Session.Gone` `Gone.With`", have); !slices.Equal(got, []string{"signin.Gone", "Session.Gone", "Gone.With"}) {
		t.Errorf("the test itself finds %v", got)
	}
}

func TestEveryDecisionIsInTheIndex(t *testing.T) {
	index, err := os.ReadFile("../docs/decisions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../docs/decisions/[0-9]*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(len(pages), err)
	}
	for _, p := range pages {
		if name := filepath.Base(p); strings.Count(string(index), fmt.Sprintf("[%s](%s)", name[:4], name)) != 1 {
			t.Errorf("docs/decisions/README.md does not list %s once", name)
		}
	}
}

func TestTheMapsAreReadRight(t *testing.T) {
	got := foldersOf("# How\n```\ncmd/a      parse\ninternal/b   talk\n  c          one\n  d e/f      two\ng, h       more\n```\n```\nx\n```\n")
	if want := []string{"cmd/a", "internal/b", "internal/b/c", "internal/b/d", "internal/b/e/f", "g", "h"}; !slices.Equal(got, want) {
		t.Errorf("folders: %v, want %v", got, want)
	}
	there := map[string]bool{"docs/a.md": true, "internal/flow/b.go": true, "scripts/c": true}
	page := "[a](a.md) [gone](gone.md#here) [site](https://example.edu/x) `flow/b.go` `flow/gone.go` `scripts/c` `scripts/gone` `domain/<noun>` `/auth/v2` `text/html`"
	if got, want := missing("docs", page, func(p string) bool { return there[p] }), []string{"docs/gone.md", "flow/gone.go", "scripts/gone"}; !slices.Equal(got, want) {
		t.Errorf("missing: %v, want %v", got, want)
	}
}
