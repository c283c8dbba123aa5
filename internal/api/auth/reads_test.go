package auth

import (
	"testing"

	"countersign/internal/adapter/sqlstore"
	"countersign/internal/domain/application"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

// A call reads the application, checks its signature with that row, and then the person: what is decided is decided by
// what they are then. Who signs wrong has nobody read, so that no answer takes longer for a name that is known.
func TestACallReadsApplicationAndPersonAsTheyAre(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		w := newWorldOn(flowkit.New(t, db))
		p := w.person("alice")
		asks := func(what string, sqlite, postgres int64, do func()) {
			t.Helper()
			before := db.(*sqlstore.DB).Asked()
			do()
			most := map[string]int64{sqlstore.SQLite: sqlite, sqlstore.PostgreSQL: postgres}[db.(*sqlstore.DB).Dialect()]
			if n := db.(*sqlstore.DB).Asked() - before; n > most {
				t.Errorf("%s asks %d times, more than %d", what, n, most)
			}
		}
		asks("preauth", 2, 2, func() { w.ok("POST", "preauth", "username", "alice") })
		right := w.skey
		w.skey = "another"
		for _, name := range []string{"alice", "nobody"} {
			asks("a wrong signature", 1, 1, func() { w.fails(40103, "", "POST", "preauth", "username", name) })
		}
		w.skey = right
		code := p.Code()
		asks("auth", 8, 6, func() {
			if a := w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", code); a.Result != "allow" {
				t.Errorf("a good code: %+v", a)
			}
		})
		if a := w.ok("POST", "preauth", "username", "nobody"); a.Result != "enroll" {
			t.Errorf("nobody: %+v", a)
		}
		w.Status("alice", user.Disabled)
		if a := w.ok("POST", "preauth", "username", "alice"); a.Result != "deny" {
			t.Errorf("somebody disabled: %+v", a)
		}
		if a := w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", p.Code()); a.Result != "deny" {
			t.Errorf("a code of somebody disabled: %+v", a)
		}
		w.Status("alice", user.Active)
		for rule, want := range map[application.Normalization]string{application.NormalizationSimple: "auth", application.NormalizationNone: "deny"} {
			w.app.Normalization = rule
			w.Save(w.app)
			if a := w.ok("POST", "preauth", "username", "alice@example.edu"); a.Result != want {
				t.Errorf("her name with a domain under the rule %q: %+v", rule, a)
			}
		}
		w.app.Disabled = true
		w.Save(w.app)
		w.fails(40301, "This application is turned off.", "POST", "preauth", "username", "alice")
	})
}
