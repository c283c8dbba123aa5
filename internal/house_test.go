package architecture_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"
)

const longestFile = 500

func TestNoFileIsTooLongToRead(t *testing.T) {
	for _, f := range tree(t) {
		if !f.test && !f.generated && f.lines > longestFile {
			t.Errorf("%s has %d lines; split it by what its parts do (at most %d)", f.path, f.lines, longestFile)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	said, seen := map[string]bool{}, map[string]string{}
	for _, f := range tree(t) {
		if f.test {
			continue
		}
		seen[f.pkg] = f.path
		said[f.pkg] = said[f.pkg] || f.syntax.Doc.Text() != ""
	}
	for pkg, file := range seen {
		if !said[pkg] {
			t.Errorf("%s has no package comment (for example in %s)", pkg, file)
		}
	}
}

func TestNoPackageIsNamedAfterNothing(t *testing.T) {
	empty := map[string]bool{"util": true, "utils": true, "common": true, "helpers": true, "helper": true, "models": true, "types": true, "misc": true, "shared": true}
	for _, f := range tree(t) {
		if empty[path.Base(f.pkg)] {
			t.Errorf("%s: the folder says nothing about what is in it", f.path)
		}
	}
}

func TestNoTestIsSkipped(t *testing.T) {
	for _, f := range tree(t) {
		if !f.test && wing(f.pkg) != "testkit" {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if s := sel.Sel.Name; s == "Skip" || s == "Skipf" || s == "SkipNow" {
					if x, ok := sel.X.(*ast.Ident); ok && (x.Name == "t" || x.Name == "b" || x.Name == "tb") {
						t.Errorf("%s: a skipped test proves nothing; let it fail and name what is missing", f.at(sel.Pos()))
					}
				}
			}
			return true
		})
	}
}

// contract are methods whose meaning the standard library gives; repeating it helps nobody.
var contract = map[string]bool{
	"String": true, "GoString": true, "Error": true, "Unwrap": true, "Is": true, "LogValue": true,
	"MarshalText": true, "UnmarshalText": true, "MarshalJSON": true, "UnmarshalJSON": true,
	"Scan": true, "Value": true, "ServeHTTP": true, "Read": true, "Write": true, "Close": true,
	"Len": true, "Less": true, "Swap": true, "Format": true,
}

func TestEveryExportedNameIsExplained(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || f.generated || f.syntax.Name.Name == "main" {
			continue
		}
		for _, name := range unexplained(f) {
			t.Errorf("%s: %s has no doc comment", f.at(name.Pos()), name.Name)
		}
	}
}

// unexplained lists the exported names of a file that no comment speaks about. A comment above a row of
// one-line functions speaks for the whole row.
func unexplained(f *file) (names []*ast.Ident) {
	said, end := false, 0
	for _, decl := range f.syntax.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			said = d.Doc.Text() != "" || said && f.line(d.Pos()) == end+1
			end = f.line(d.End())
			if unexplainedFunc(d) && !said {
				names = append(names, d.Name)
			}
		case *ast.GenDecl:
			names = append(names, unexplainedNames(f, d)...)
		}
	}
	return names
}

func unexplainedFunc(d *ast.FuncDecl) bool {
	if !d.Name.IsExported() || d.Doc.Text() != "" {
		return false
	}
	return d.Recv == nil || ast.IsExported(receiver(d)) && !contract[d.Name.Name]
}

// receiver names the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	expr := d.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

// unexplainedNames lists the exported types, constants and variables of d, and the methods of its exported
// interfaces, that no comment speaks about. Entries that stand together without an empty line are one
// paragraph: a comment above the group, above an entry or behind it speaks for the entries after it too.
// A constant with a type of ours is one of the values that the type's own comment speaks about.
func unexplainedNames(f *file, d *ast.GenDecl) (names []*ast.Ident) {
	if d.Tok == token.IMPORT {
		return nil
	}
	said, end := d.Doc.Text() != "", f.line(d.Pos())
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc.Text() == "" && s.Comment.Text() == "" && (d.Lparen.IsValid() || !said) {
				names = append(names, s.Name)
			}
			if it, ok := s.Type.(*ast.InterfaceType); ok && s.Name.IsExported() {
				names = append(names, unexplainedMethods(f, it)...)
			}
		case *ast.ValueSpec:
			own := s.Doc.Text() != "" || s.Comment.Text() != ""
			said = own || said && (f.line(s.Pos()) <= end+1 || d.Doc.Text() != "")
			end = f.line(s.End())
			typed, _ := s.Type.(*ast.Ident)
			value := d.Tok == token.CONST && typed != nil && typed.IsExported()
			for _, name := range s.Names {
				if name.IsExported() && !said && !value {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// unexplainedMethods: the first paragraph of an interface is spoken for by the interface's own comment.
func unexplainedMethods(f *file, it *ast.InterfaceType) (names []*ast.Ident) {
	said, end := true, f.line(it.Pos())
	for _, m := range it.Methods.List {
		own := m.Doc.Text() != "" || m.Comment.Text() != ""
		said = own || said && f.line(m.Pos()) <= end+1
		end = f.line(m.End())
		for _, name := range m.Names {
			if name.IsExported() && !contract[name.Name] && !said {
				names = append(names, name)
			}
		}
	}
	return names
}

// british are words that are spelled otherwise in America. A field of the phone protocol is one; pages quote it as code.
var british = regexp.MustCompile(`\b\w*(?:organis|recognis|normalis|serialis|synchronis|capitalis|initialis|authoris|summaris|minimis|optimis|colour|behaviour|favour|honour|neighbour|enrolment|labelled|dialling|licence|centre|judgement)\w*`)

// code is what a page quotes: it is spelled as it stands there.
var code = regexp.MustCompile("(?s)```.*?```|`[^`]*`")

func TestCommentsAndPagesAreSpelledAsInAmerica(t *testing.T) {
	for _, f := range tree(t) {
		for _, group := range f.syntax.Comments {
			if word := british.FindString(group.Text()); word != "" {
				t.Errorf("%s: %q", f.at(group.Pos()), word)
			}
		}
	}
	maps(t, func(at, page string) {
		if word := british.FindString(code.ReplaceAllString(page, "")); word != "" {
			t.Errorf("%s: %q", at, word)
		}
	})
}

func TestTheDocRuleSeesWhatItShould(t *testing.T) {
	const source = `package p

// Kind is documented.
type Kind int

const (
	First Kind = iota
	Loose = "nobody says why"

	// Said speaks for the next one too.
	Said  = 1
	After = 2

	Alone = 3
)

type Bare struct{}

// Store is documented.
type Store interface {
	First()

	Second()
	// Third is documented.
	Third()
	Fourth()
}

func Open() {}

// Shut and Lock are documented in one row.
func Shut() {}
func Lock() {}

func (Bare) String() string { return "" }
func (Bare) Do()            {}
func (b *bare) Do()         {}
`
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range unexplained(&file{syntax: syntax, set: set}) {
		got = append(got, name.Name)
	}
	if want := "Loose Alone Bare Second Open Do"; strings.Join(got, " ") != want {
		t.Errorf("unexplained = %v, want %s", got, want)
	}
}
