package architecture_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"
)

// wires are the wings that build flows: they alone hold a whole database and all keys. A store implements the one.
var wires = map[string]bool{"server": true, "command": true, "demo": true, "adapter": true}

// handed are the types that a flow is built of. A struct that shows one hands it on to whoever has the struct.
var handed = map[string]bool{
	"flow.Part": true, "flow.DB": true, "flow.Store": true, "flow.Bell": true, "flow.Doorbell": true, "flow.Notices": true,
	"flow.Alerts": true, "secret.Keyring": true,
}

// names gives the names by which a file knows the packages it imports: those of ours as "flow", "flow/signin", "audit".
func (f *file) names() map[string]string {
	known := map[string]string{}
	for _, spec := range f.syntax.Imports {
		from := strings.Trim(spec.Path.Value, `"`)
		name := path.Base(from)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		in := strings.TrimPrefix(from, module+"/internal/")
		known[name] = strings.TrimPrefix(strings.TrimPrefix(in, "domain/"), "base/")
	}
	return known
}

// breaches lists what a file does that the walls between flows and the rest forbid, each with what to do instead.
func breaches(f *file) (all []string) {
	known := f.names()
	say := func(n ast.Node, what string) { all = append(all, f.at(n.Pos())+": "+what) }
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				if what := beyond(f.pkg, known[x.Name], n.Sel.Name); what != "" {
					say(n, what)
				}
			}
			if name := n.Sel.Name; !keepsLog(f.pkg) && (name == "LogAuthentication" || name == "LogAction") {
				say(n, "calls "+name+"; rows of the log are written by internal/flow/journal: call its Attempt or Act")
			}
		case *ast.CompositeLit:
			if row := rowOfLog(known, n.Type); row != "" && !keepsLog(f.pkg) {
				say(n, "makes an "+row+"; only internal/flow/journal does: call its Attempt or Act")
			}
		case *ast.ValueSpec:
			if row := rowOfLog(known, n.Type); row != "" && !keepsLog(f.pkg) {
				say(n, "declares an "+row+" to fill; only internal/flow/journal makes one: call its Attempt or Act")
			}
		case *ast.CallExpr:
			if fun, ok := n.Fun.(*ast.Ident); ok && fun.Name == "new" && len(n.Args) == 1 && rowOfLog(known, n.Args[0]) != "" && !keepsLog(f.pkg) {
				say(n, "makes a row of the log; only internal/flow/journal does: call its Attempt or Act")
			}
		case *ast.TypeSpec:
			if s, ok := n.Type.(*ast.StructType); ok && wing(f.pkg) == "flow" && n.Name.Name != "Needs" && f.pkg != "internal/flow/factor" {
				for _, field := range s.Fields.List {
					if what := shown(known, field); what != "" {
						say(field, n.Name.Name+" shows its "+what+"; keep it in an unexported field, and take it from Needs in New")
					}
				}
			}
		}
		return true
	})
	return all
}

// beyond says what is wrong with a package that speaks of a name of another package of ours.
func beyond(pkg, of, name string) string {
	w := wing(pkg)
	switch {
	case wires[w]:
		return ""
	case of == "secret" && name == "Keyring" && w != "flow" && w != "base":
		return "holds the keyring; declare a Keys interface with the methods it calls, and let server give it no more"
	case of == "flow" && (name == "DB" || name == "Store" || name == "PartOf"):
		return "knows the whole database; declare a Store with the methods it uses: server gives a flow.Part of it"
	case of == "flow" && name == "Part" && w != "flow":
		return "holds a database; declare an interface with what it asks for, which a flow or a noun's store implements"
	case w != "flow" && strings.HasPrefix(of, "flow/") && (name == "Needs" || name == "Store" || name == "New"):
		return "builds a flow or holds its store; declare an interface with what it asks of the flow: server builds it"
	}
	return ""
}

// rowOfLog is the name of a row's type of one of the two logs; "" for any other type.
func rowOfLog(known map[string]string, expr ast.Expr) string {
	sel, ok := expr.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok || known[x.Name] != "audit" || sel.Sel.Name != "Authentication" && sel.Sel.Name != "Action" {
		return ""
	}
	return "audit." + sel.Sel.Name
}

// shown is the type of handed that an exported field has, or an embedded one; "" for none.
func shown(known map[string]string, field *ast.Field) string {
	open := len(field.Names) == 0
	for _, name := range field.Names {
		open = open || name.IsExported()
	}
	expr := field.Type
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	if of, ok := expr.(*ast.IndexExpr); ok {
		expr = of.X
	}
	sel, ok := expr.(*ast.SelectorExpr)
	if !open || !ok {
		return ""
	}
	if x, ok := sel.X.(*ast.Ident); ok && handed[known[x.Name]+"."+sel.Sel.Name] {
		return known[x.Name] + "." + sel.Sel.Name
	}
	return ""
}

func TestTheWallsOfFlowsHold(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || outside[wing(f.pkg)] {
			continue
		}
		for _, what := range breaches(f) {
			t.Error(what)
		}
	}
}

// A Store of a flow that names more than the flow calls is a wall with a hole.
func TestAFlowNamesNoMethodOfTheStoreThatItDoesNotUse(t *testing.T) {
	named, used := map[string][]*ast.Field{}, map[string]map[string]bool{}
	for _, f := range tree(t) {
		if f.test || !inside(f.pkg, "internal/flow") {
			continue
		}
		if used[f.pkg] == nil {
			used[f.pkg] = map[string]bool{}
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				used[f.pkg][n.Sel.Name] = true
			case *ast.TypeSpec:
				if it, ok := n.Type.(*ast.InterfaceType); ok && n.Name.Name == "Store" {
					named[f.pkg] = it.Methods.List
				}
			}
			return true
		})
	}
	if len(named) < 5 {
		t.Fatalf("found stores in %d flows; the test looks in the wrong place", len(named))
	}
	for pkg, methods := range named {
		for _, m := range methods {
			if len(m.Names) == 1 && !used[pkg][m.Names[0].Name] {
				t.Errorf("%s: its Store names %s, which it does not call; take it away", pkg, m.Names[0].Name)
			}
		}
	}
}

// The rules themselves, so that a slip in breaches does not open a wall in silence.
func TestTheWallsRefuseWhatTheyAreFor(t *testing.T) {
	const flows, audits, keys = `import "countersign/internal/flow"`, `import "countersign/internal/domain/audit"`, `import "countersign/internal/base/secret"`
	const signins = `import "countersign/internal/flow/signin"`
	for _, c := range []struct {
		pkg, imports, code string
		ok                 bool
	}{
		{"internal/flow/signin", flows, "type Flow struct { db flow.Part[Store] }", true},
		{"internal/flow/signin", flows, "type Needs struct { DB flow.Part[Store]; Bell flow.Bell }", true},
		{"internal/flow/signin", flows, "func send(st flow.MailStore) {}", true},
		{"internal/server", flows, "type Server struct { DB flow.DB }", true},
		{"internal/server", signins, "var f = signin.New(signin.Needs{})", true},
		{"internal/site/portal", signins, "type Portal struct { SignIn *signin.Flow }", true},
		{"internal/site/portal", keys, "var name secret.Text", true},
		{"internal/flow/directory", audits, "func log() (rows []audit.Action) { return rows }", true},
		{"internal/flow/journal", audits, "var row = audit.Action{}", true},

		{"internal/flow/signin", flows, "type Flow struct { DB flow.Part[Store] }", false},
		{"internal/flow/signin", flows, "type Flow struct { flow.Part[Store] }", false},
		{"internal/flow/signin", flows, "type Flow struct { Bell flow.Bell }", false},
		{"internal/flow/signin", keys, "type Flow struct { Keys *secret.Keyring }", false},
		{"internal/flow/signin", flows, "type Flow struct { db flow.DB }", false},
		{"internal/flow/signin", flows, "func write(st flow.Store) {}", false},
		{"internal/api/phone", flows, "type Door struct { DB flow.DB }", false},
		{"internal/api/phone", flows, "type Door struct { db flow.Part[interface{}] }", false},
		{"internal/api/oidc", keys, "type Door struct { Keys *secret.Keyring }", false},
		{"internal/api/oidc", `import hidden "countersign/internal/base/secret"`, "var keys *hidden.Keyring", false},
		{"internal/site/portal", signins, "var st signin.Store", false},
		{"internal/site/portal", signins, "var f = signin.New(signin.Needs{})", false},
		{"internal/flow/directory", audits, "var row = audit.Action{}", false},
		{"internal/flow/directory", audits, "var row audit.Authentication", false},
		{"internal/flow/directory", audits, "var row = new(audit.Action)", false},
		{"internal/flow/directory", `import a "countersign/internal/domain/audit"`, "var row = a.Action{}", false},
		{"internal/server", flows, "func log(st flow.Store) { st.LogAction(nil, row) }", false},
	} {
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, c.pkg+"/x.go", "package x\n"+c.imports+"\n"+c.code, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		got := breaches(&file{path: c.pkg + "/x.go", pkg: c.pkg, syntax: syntax, set: set})
		if (len(got) == 0) != c.ok {
			t.Errorf("%s: %s: %q, want ok = %v", c.pkg, c.code, got, c.ok)
		}
	}
}
