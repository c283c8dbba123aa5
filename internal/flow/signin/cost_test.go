package signin_test

import (
	"context"
	"testing"

	"countersign/internal/adapter/sqlstore"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// The database is what a sign-in costs. BEGIN and COMMIT are statements, too; PostgreSQL is sent several in one round trip.
func TestHowOftenASignInAsksTheDatabase(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		db := k.DB.(*sqlstore.DB)
		app := k.Application("Payroll", passcodes("hotp"), func(a *application.Application) { a.Policy.Spare = policy.SpareOff })
		p := k.Enrolled(app, "alice")
		k.OK(k.Begin(app, "alice").Code(p.Code(), transaction.SignIn)) // the way used last: nothing starts by itself
		asks := func(what string, sqlite, postgres int64, do func() error) {
			t.Helper()
			before := db.Asked()
			k.OK(do())
			most := map[string]int64{sqlstore.SQLite: sqlite, sqlstore.PostgreSQL: postgres}[db.Dialect()]
			if n := db.Asked() - before; n != most {
				t.Errorf("%s asks %d times, not %d", what, n, most)
			}
		}
		var l *flowkit.Login
		var s signin.Session
		var ticket secret.Text
		code, start := p.Code(), db.Asked()
		// What the door does, too: it reads who signed, and spends the assertion.
		asks("authorize", 5, 3, func() (err error) {
			if _, err = db.Read().ApplicationByID(ctx, app.ID); err == nil {
				l, err = k.TryBegin(app, "alice")
			}
			return err
		})
		asks("a page", 1, 1, func() (err error) { s, err = k.SignIn.Resume(ctx, l.ID, l.Cookie); return err })
		asks("a code", 9, 3, func() (err error) {
			if s, err = k.SignIn.Resume(ctx, l.ID, l.Cookie); err == nil {
				ticket, err = k.SignIn.Enter(ctx, s, code)
			}
			return err
		})
		asks("a token", 6, 3, func() error {
			a, err := db.Read().ApplicationByID(ctx, app.ID)
			if err == nil {
				_, err = k.SignIn.CollectFor(ctx, ticket, a, func(ctx context.Context, s signin.Spender) error {
					return s.SpendAssertion(ctx, app.ID, []byte("assertion"), k.Clock.Now())
				})
			}
			return err
		})
		asked := db.Asked() - start
		if most := map[string]int64{sqlstore.SQLite: 21, sqlstore.PostgreSQL: 10}[db.Dialect()]; asked != most {
			t.Errorf("a whole sign-in asks %d times, not %d", asked, most)
		}

		auth := k.Application("VPN", passcodes("hotp"), func(a *application.Application) { a.Type = application.TypeAuthAPI })
		r := signin.Request{Door: "auth", Application: auth, Username: "alice"}
		var g signin.Gate
		asks("preauth", 1, 1, func() (err error) { g, err = k.SignIn.Preauth(ctx, r); return err })
		code = p.Code()
		asks("auth", 6, 2, func() error {
			_, err := k.SignIn.Prove(ctx, signin.Attempt{Gate: g, Request: r, InCall: true}, code)
			return err
		})

		wiki := k.Application("Wiki", func(a *application.Application) {
			a.Policy.NumberEntry, a.Policy.Methods = policy.NumberEntryOff, []string{policy.MethodPush}
		})
		l = k.Begin(wiki, "alice")
		sent := l.Session().Transaction
		asks("an approval", 11, 4, func() error { return p.Approve(sent) })
	})
}
