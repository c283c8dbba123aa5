package architecture_test

import (
	"fmt"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

// rank orders the wings; imports point from a higher rank to a lower one.
var rank = map[string]int{
	"cmd":     100,
	"bench":   100,
	"compat":  100,
	"testkit": 90,
	"command": 80,
	"demo":    70,
	"server":  60,
	"api":     50,
	"client":  50, // speaks to the server from outside, like any other program
	"site":    40,
	"flow":    30,
	"adapter": 30, // implements what domain and flow declare; see arrow
	"domain":  20,
	"base":    10,
}

// shared are the packages of the wing api that its doors build on, each with those of them it may import itself.
var shared = map[string][]string{
	"internal/api/reply":   nil,
	"internal/api/menu":    nil,
	"internal/api/hosts":   nil,
	"internal/api/outage":  {"internal/api/reply"},
	"internal/api/signed":  {"internal/api/reply", "internal/api/outage"},
	"internal/api/attempt": {"internal/api/reply", "internal/api/outage", "internal/api/menu"},
}

// door reports that a package of the wing api may import another one of it.
func door(from, to string) bool {
	_, common := shared[to]
	needs, own := shared[from]
	return common && (!own || slices.Contains(needs, to))
}

// wing names the part of the house that a folder belongs to: "cmd", "site", "adapter", …; "" for none.
func wing(pkg string) string {
	parts := strings.Split(pkg, "/")
	if parts[0] == "internal" {
		if len(parts) < 2 {
			return ""
		}
		return parts[1]
	}
	return parts[0]
}

// fake reports a package of recording fakes beside its adapter: mailtest, pushtest.
func fake(pkg string) bool {
	return wing(pkg) == "adapter" && strings.HasSuffix(path.Base(pkg), "test")
}

// store is the one adapter of several folders.
const store = "internal/adapter/sqlstore"

// inside reports that child lies in a folder below parent.
func inside(child, parent string) bool { return strings.HasPrefix(child, parent+"/") }

// arrow says what is wrong with a non-test file of package from importing package to; both are folders
// from the module root. The empty string means that nothing is.
func arrow(from, to string) string {
	a, b := wing(from), wing(to)
	if _, known := rank[a]; !known {
		return fmt.Sprintf("%s belongs to no wing that ARCHITECTURE.md knows", from)
	}
	if _, known := rank[b]; !known {
		return fmt.Sprintf("%s imports %s, which belongs to no wing that ARCHITECTURE.md knows", from, to)
	}
	switch {
	case b == "testkit":
		if a != "testkit" && a != "bench" {
			return fmt.Sprintf("%s imports %s: testkit is for tests and bench programs only", from, to)
		}
	case fake(to):
		if a != "testkit" && !fake(from) {
			return fmt.Sprintf("%s imports the fake %s: fakes are for tests and testkit only", from, to)
		}
	case a == "testkit" || a == "bench" || a == "compat" || a == "cmd" && b != "cmd":
		// These stand outside and above the product.
	case fake(from) && b == "adapter":
		// A fake may use the adapter that it stands beside.
	case inside(from, to):
		// A package may import the ones whose folder it lies in: flow/signin imports flow.
	case from == "internal/server" && b == "server":
		// The server reads its configuration and takes its certificate from its own folders.
	case a == "site" && to == "internal/site/control" && from != "internal/site/web":
		// One controller runs the sign-ins and device sessions of all pages; it knows none of them.
	case from == "internal/"+a && a == b:
		return fmt.Sprintf("%s imports %s: a wing's root is imported by its folders, not the other way round", from, to)
	case a == "client":
		if b != "base" {
			return fmt.Sprintf("%s imports %s: a client knows the wire only, so it may import base and nothing else", from, to)
		}
	case b == "client":
		if rank[a] < rank["demo"] {
			return fmt.Sprintf("%s imports %s: only command, demo and tests act as clients", from, to)
		}
	case a == "adapter" && inside(to, from), inside(from, store) && to == store+"/engine":
		// The nouns stand above an engine for each database, and all of these above what engines have in common.
	case a == "adapter":
		if b == "adapter" {
			return fmt.Sprintf("%s imports %s: an adapter never imports another adapter", from, to)
		}
		if b != "domain" && b != "flow" && b != "base" {
			return fmt.Sprintf("%s imports %s: an adapter implements what domain and flow declare and knows nothing above them", from, to)
		}
	case inside(to, store):
		return fmt.Sprintf("%s imports %s: the engines of the store are known to the store alone", from, to)
	case b == "adapter":
		if a != "server" && a != "command" && a != "demo" {
			return fmt.Sprintf("%s imports %s: adapters are named only by server, command and demo; declare an interface instead", from, to)
		}
	case a == "base" && b == "base":
		// errs is the one leaf that other leaves may hang on: every error has the same meaning everywhere.
		if to != "internal/base/errs" {
			return fmt.Sprintf("%s imports %s: base packages are leaves and import no other leaf than errs", from, to)
		}
	case to == "internal/domain/policy" && a == "domain":
		// policy is a plain value without a store of its own: application and settings carry one.
	case to == "internal/domain/account" && a == "domain":
		// account is who may own what other nouns are: a name and a kind.
	case a == "domain" && b == "domain":
		return fmt.Sprintf("%s imports %s: a noun never imports a noun; combine them in flow", from, to)
	case a == "api" && b == "site":
		return fmt.Sprintf("%s imports %s: a door opens pages through a small interface that server wires", from, to)
	case a == "command" && b == "demo":
		return fmt.Sprintf("%s imports %s: cmd/countersign gives the demo to its command", from, to)
	case from == "internal/site/storybook" && b == "site":
		// The storybook shows every page, so it knows every site; nothing imports it but programs.
	case a == "site" && b == "site":
		if !inside(to+"/", "internal/site/web") {
			return fmt.Sprintf("%s imports %s: sites share only site/web and site/control", from, to)
		}
	case a == "api" && b == "api" && door(from, to):
		// A door reads, runs and answers its calls with what doors share.
	case a == "flow" && (to == "internal/flow/factor" || to == "internal/flow/journal"):
		// What every flow shares beside flow itself: the factors there are, and the log.
	case a == b && (a == "flow" || a == "api"):
		return fmt.Sprintf("%s imports %s: that points sideways; declare a small interface and let server wire it", from, to)
	case rank[a] < rank[b]:
		return fmt.Sprintf("%s imports %s: that points up (cmd > command, demo > server > api > site > flow > domain > base)", from, to)
	}
	return ""
}

func TestImportsPointDown(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || wing(f.pkg) == "tools" {
			continue
		}
		f.imports(func(path string, pos token.Pos) {
			if to, ours := strings.CutPrefix(path, module+"/"); ours {
				if complaint := arrow(f.pkg, to); complaint != "" {
					t.Errorf("%s: %s", f.at(pos), complaint)
				}
			}
		})
	}
}

func TestTestsOfALowWingDoNotReachUpToServerOrDemo(t *testing.T) {
	low := map[string]bool{"base": true, "domain": true}
	for _, f := range tree(t) {
		if !f.test || !low[wing(f.pkg)] {
			continue
		}
		f.imports(func(path string, pos token.Pos) {
			if to, ours := strings.CutPrefix(path, module+"/"); ours && rank[wing(to)] > rank["flow"] && wing(to) != "testkit" {
				t.Errorf("%s: a test of %s imports %s; a test of a leaf or a noun needs nothing above it", f.at(pos), f.pkg, to)
			}
		})
	}
}

func TestABasePackageNamesOneLibraryAtMost(t *testing.T) {
	libraries := map[string]map[string]bool{}
	for _, f := range tree(t) {
		if f.test || wing(f.pkg) != "base" {
			continue
		}
		f.imports(func(path string, _ token.Pos) {
			first, _, _ := strings.Cut(path, "/")
			if !strings.Contains(first, ".") {
				return // the standard library, or ours
			}
			parts := strings.SplitN(path, "/", 4)
			if libraries[f.pkg] == nil {
				libraries[f.pkg] = map[string]bool{}
			}
			libraries[f.pkg][strings.Join(parts[:min(3, len(parts))], "/")] = true
		})
	}
	for pkg, used := range libraries {
		if len(used) > 1 {
			t.Errorf("%s uses %d libraries %v; a base package uses the one it is named for", pkg, len(used), used)
		}
	}
}

// The rules themselves, so that a slip in arrow does not open every door in silence.
func TestTheRuleRefusesArrowsThatPointUpOrSideways(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"cmd/countersign", "internal/command", true},
		{"cmd/countersign", "internal/demo", true},
		{"internal/command", "internal/client/phone", true},
		{"internal/demo", "internal/server", true},
		{"internal/server", "internal/adapter/sqlstore", true},
		{"internal/server", "internal/api/oidc", true},
		{"internal/server", "internal/site/prompt", true},
		{"internal/api/oidc", "internal/site/prompt", false},
		{"internal/site/prompt", "internal/site/web", true},
		{"internal/site/prompt", "internal/flow/signin", true},
		{"internal/site/storybook", "internal/site/portal", true},
		{"internal/site/portal", "internal/site/control", true},
		{"internal/site/control", "internal/site/web", true},
		{"internal/server", "internal/server/config", true},
		{"internal/flow/signin", "internal/flow", true},
		{"internal/flow/signin", "internal/domain/user", true},
		{"internal/flow/signin", "internal/flow/factor", true},
		{"internal/adapter/sqlstore", "internal/domain/user", true},
		{"internal/adapter/sqlstore", "internal/adapter/sqlstore/sqlite", true},
		{"internal/adapter/sqlstore/sqlite", "internal/adapter/sqlstore/engine", true},
		{"internal/adapter/mail/mailtest", "internal/adapter/mail", true},
		{"internal/testkit", "internal/adapter/mail/mailtest", true},
		{"internal/domain/user", "internal/base/errs", true},
		{"internal/base/id", "internal/base/errs", true},
		{"internal/domain/application", "internal/domain/policy", true},
		{"internal/domain/phone", "internal/domain/account", true},
		{"bench", "internal/testkit", true},

		{"internal/domain/user", "internal/domain/phone", false},
		{"internal/domain/user", "internal/flow/signin", false},
		{"internal/base/otp", "internal/base/secret", false},
		{"internal/base/otp", "internal/domain/user", false},
		{"internal/flow/enroll", "internal/flow/signin", false},
		{"internal/flow", "internal/flow/signin", false},
		{"internal/flow/signin", "internal/adapter/sqlstore", false},
		{"internal/flow/signin", "internal/site/web", false},
		{"internal/site/prompt", "internal/site/portal", false},
		{"internal/site/portal", "internal/site/prompt", false},
		{"internal/site/control", "internal/site/prompt", false},
		{"internal/site/web", "internal/site/control", false},
		{"internal/site/prompt", "internal/site/storybook", false},
		{"internal/site/web", "internal/site/prompt", false},
		{"internal/site/prompt", "internal/api/oidc", false},
		{"internal/site/prompt", "internal/adapter/bus", false},
		{"internal/api/oidc", "internal/api/auth", false},
		{"internal/api/auth", "internal/api/attempt", true},
		{"internal/api/attempt", "internal/api/outage", true},
		{"internal/api/attempt", "internal/api/signed", false},
		{"internal/api/attempt", "internal/api/auth", false},
		{"internal/api/outage", "internal/api/signed", false},
		{"internal/api/oidc", "internal/client/phone", false},
		{"internal/adapter/mail", "internal/adapter/sqlstore", false},
		{"internal/adapter/mail", "internal/adapter/sqlstore/engine", false},
		{"internal/adapter/sqlstore/sqlite", "internal/adapter/sqlstore/postgres", false},
		{"internal/adapter/sqlstore/engine", "internal/adapter/sqlstore/sqlite", false},
		{"internal/server", "internal/adapter/sqlstore/sqlite", false},
		{"internal/adapter/mail", "internal/site/web", false},
		{"internal/server", "internal/adapter/mail/mailtest", false},
		{"internal/server", "internal/demo", false},
		{"internal/demo", "internal/command", false},
		{"internal/command", "internal/demo", false},
		{"internal/demo", "internal/testkit", false},
		{"internal/client/phone", "internal/domain/transaction", false},
		{"internal/util", "internal/base/errs", false},
		{"internal/server", "internal/util", false},
	} {
		if got := arrow(c.from, c.to); (got == "") != c.ok {
			t.Errorf("arrow(%s -> %s) = %q, want ok = %v", c.from, c.to, got, c.ok)
		}
	}
}
