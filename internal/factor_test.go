package architecture_test

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"

	"countersign/internal/flow/factor"
)

// spelling are the places that may name a factor: the list itself, what policies and the log call its entries, and doors
// whose protocol has words of its own for them.
var spelling = []string{
	"internal/flow/factor",
	"internal/domain/policy",
	"internal/domain/audit",
	"internal/api/auth", // what a device can do: "push", "mobile_otp"
}

// wording are the wings in whose texts a factor's name may be another word: an address, a page, a field of a protocol.
var wording = map[string]bool{"api": true, "site": true, "command": true, "demo": true, "client": true}

func TestOnlyTheListOfFactorsNamesOne(t *testing.T) {
	names := map[string]bool{}
	for _, f := range factor.All() {
		for _, name := range []string{f.Prefix + ":", f.Log, f.LogNumber} {
			names[name] = name != ""
		}
		names[f.Name] = !f.Always // the name of a factor that no policy knows is also that of a user's status
	}
	for _, f := range tree(t) {
		if f.test || outside[wing(f.pkg)] || spells(f.pkg) {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && namesFactor(sel) {
				t.Errorf("%s: %s names a factor; read the list in internal/flow/factor", f.at(sel.Pos()), sel.Sel.Name)
			}
			return true
		})
		if wording[wing(f.pkg)] {
			continue
		}
		stringLiterals(f, func(text string, pos token.Pos) {
			if names[text] {
				t.Errorf("%s: %q names a factor; read the list in internal/flow/factor", f.at(pos), text)
			}
		})
	}
}

func spells(pkg string) bool {
	for _, p := range spelling {
		if pkg == p {
			return true
		}
	}
	return false
}

// namesFactor reports policy.Method… and audit.Factor…, but for what the log writes where nothing was proved.
func namesFactor(sel *ast.SelectorExpr) bool {
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return false
	}
	switch name := sel.Sel.Name; x.Name {
	case "policy":
		return strings.HasPrefix(name, "Method") && name != "Methods"
	case "audit":
		return strings.HasPrefix(name, "Factor") && name != "FactorNone" && name != "FactorRemembered" && name != "FactorRestricted"
	}
	return false
}
