package architecture_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// outside are the wings that stand above or beside the product's inner rules.
var outside = map[string]bool{"cmd": true, "bench": true, "compat": true, "testkit": true, "tools": true}

// stringLiterals visits every string of a file, import paths and struct tags excepted.
func stringLiterals(f *file, visit func(text string, pos token.Pos)) {
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			n.Tag = nil
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				if text, err := strconv.Unquote(n.Value); err == nil {
					visit(text, n.Pos())
				}
			}
		}
		return true
	})
}

var statement = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|CREATE)\s+[A-Za-z_*("$]`)

func TestOnlySqlstoreContainsSQL(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || outside[wing(f.pkg)] || strings.HasPrefix(f.pkg+"/", "internal/adapter/sqlstore/") {
			continue
		}
		if f.pkg == "internal/adapter/bus" { // it speaks LISTEN and NOTIFY, which hold no data
			continue
		}
		stringLiterals(f, func(text string, pos token.Pos) {
			if m := statement.FindStringSubmatch(text); m != nil {
				t.Errorf("%s: a string starts like SQL (%s …); only adapter/sqlstore speaks SQL", f.at(pos), m[1])
			}
		})
	}
}

// drivers are the libraries that talk to a database, and who may know each.
var drivers = map[string][]string{
	"modernc.org/":      {"internal/adapter/sqlstore/sqlite"},
	"zombiezen.com/":    {"internal/adapter/sqlstore/sqlite"},
	"github.com/jackc/": {"internal/adapter/sqlstore/postgres", "internal/adapter/bus"},
}

func TestOnlyEnginesKnowDrivers(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || outside[wing(f.pkg)] {
			continue
		}
		f.imports(func(path string, pos token.Pos) {
			for driver, known := range drivers {
				if strings.HasPrefix(path, driver) && !slices.ContainsFunc(known, func(p string) bool { return f.pkg == p || inside(f.pkg, p) }) {
					t.Errorf("%s: %s imports %s; only the engine of a database knows its driver", f.at(pos), f.pkg, path)
				}
			}
			to := strings.TrimPrefix(path, module+"/"+store+"/")
			if (to == "sqlite" || to == "postgres") && f.path != store+"/open.go" && f.path != store+"/unopened.go" {
				t.Errorf("%s: no noun knows which database it is in", f.at(pos))
			}
		})
	}
}

// ambient are the calls that read the world instead of a field.
var ambient = map[string]string{
	"time.Now":       "take Now func() time.Time as a field",
	"time.Since":     "it reads the clock; take Now func() time.Time as a field",
	"time.Until":     "it reads the clock; take Now func() time.Time as a field",
	"os.Getenv":      "configuration comes from server as a field",
	"os.LookupEnv":   "configuration comes from server as a field",
	"os.Environ":     "configuration comes from server as a field",
	"os.ExpandEnv":   "configuration comes from server as a field",
	"uuid.New":       "it draws randomness; take Rand io.Reader as a field",
	"rand.Text":      "take Rand io.Reader as a field",
	"syscall.Getenv": "configuration comes from server as a field",
}

func TestBelowServerTheWorldComesAsAField(t *testing.T) {
	for _, f := range tree(t) {
		w := wing(f.pkg)
		if f.test || outside[w] || w == "command" || w == "demo" || w == "server" || w == "client" || fake(f.pkg) {
			continue // a client is a program of its own: it stands outside the server
		}
		f.imports(func(path string, pos token.Pos) {
			switch {
			case path == "crypto/rand" && f.pkg != "internal/base/secret":
				t.Errorf("%s: %s imports crypto/rand; take Rand io.Reader as a field", f.at(pos), f.pkg)
			case (path == "math/rand" || path == "math/rand/v2") && w != "adapter": // an adapter spreads its retries
				t.Errorf("%s: %s imports %s; take Rand io.Reader as a field", f.at(pos), f.pkg, path)
			}
		})
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok {
				if advice := ambient[x.Name+"."+sel.Sel.Name]; advice != "" {
					t.Errorf("%s: %s uses %s.%s; %s", f.at(sel.Pos()), f.pkg, x.Name, sel.Sel.Name, advice)
				}
			}
			return true
		})
	}
}

// speaksDuo are the places that may know whose clients knock: the doors, their signature, and the
// programs that stand on the client's side of the wire.
func speaksDuo(pkg string) bool {
	w := wing(pkg)
	return w == "api" || w == "demo" || outside[w] || strings.HasPrefix(pkg+"/", "internal/base/duosign/")
}

func TestOnlyTheDoorsKnowTheNameOfTheProtocolsOwner(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || speaksDuo(f.pkg) {
			continue
		}
		if strings.Contains(strings.ToLower(f.path), "duo") {
			t.Errorf("%s: the path names the owner of a wire format; such formats live in base/duosign and api", f.path)
		}
		f.imports(func(path string, pos token.Pos) {
			if strings.Contains(strings.ToLower(path), "duo") {
				t.Errorf("%s: %s imports %s; wire formats live in base/duosign and api", f.at(pos), f.pkg, path)
			}
		})
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && strings.Contains(strings.ToLower(id.Name), "duo") {
				t.Errorf("%s: the name %s speaks of the owner of a wire format; such formats live in base/duosign and api", f.at(id.Pos()), id.Name)
			}
			return true
		})
	}
}

func TestOnlyTheDoorsKnowTheirAddresses(t *testing.T) {
	for _, f := range tree(t) {
		if w := wing(f.pkg); f.test || outside[w] || w == "api" || w == "demo" {
			continue
		}
		stringLiterals(f, func(text string, pos token.Pos) {
			for _, prefix := range []string{"/auth/v2", "/oauth/v1", "/rest/v1", "/admin/v1"} {
				if strings.HasPrefix(text, prefix) {
					t.Errorf("%s: %s names the address %s; only api, demo and tests do", f.at(pos), f.pkg, text)
				}
			}
		})
	}
}

// keepsLog are the places that may make or write a row of a log: the journal, and the store behind it.
func keepsLog(pkg string) bool {
	return pkg == "internal/flow/journal" || strings.HasPrefix(pkg+"/", "internal/adapter/sqlstore/") || pkg == "internal/domain/audit"
}
