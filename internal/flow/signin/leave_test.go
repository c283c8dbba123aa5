package signin_test

import (
	"context"
	"errors"
	"testing"

	"countersign/internal/base/phonewire"
	"countersign/internal/base/secret"
	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit/flowkit"
)

// AC-005, RULE-43: whoever hangs up while a code is looked at has tried it.
func TestACodeWhoseCallerLeavesIsCounted(t *testing.T) {
	for _, desk := range []bool{false, true} {
		flowkit.Each(t, func(k *flowkit.Kit) {
			app := k.Application("Payroll")
			p := k.Enrolled(app, "ana")
			code := p.Wrong()
			if desk {
				k.BypassCode("ana")
				code = "111111111"
			}
			var do func()
			k.Rewire(func(n *flowkit.Needs) { n.SignIn.DB = between{n.SignIn.DB, &do} })
			for n := 1; n <= 5; n++ {
				ctx, leave := context.WithCancel(context.Background())
				l := k.Begin(app, "ana")
				do = leave
				_ = k.SignIn.Code(ctx, l.Session(), code, transaction.SignIn)
				if got := k.Reload("ana").Failures; got != n {
					k.Fatalf("help desk %v: %d counted of %d", desk, got, n)
				}
			}
		})
	}
}

// RULE-14, AC-034: a plain request that policy would not send any more lets nobody in.
func TestAPlainRequestIsNotEnoughOnceANumberIsAskedFor(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.NumberEntry = policy.NumberEntryOff })
		p := k.Enrolled(app, "ana")
		l := k.Begin(app, "ana")
		tx, err := l.Push(transaction.SignIn)
		k.OK(err)
		app.Policy.NumberEntry = 4
		k.Save(app)
		if state, err := p.Send(p.Answer(tx, phonewire.Approve)); err != nil || state == phonewire.StateApproved || l.Stage() == login.Allowed {
			t.Errorf("%s, %v, %s", state, err, l.Stage())
		}
	})
}

// RULE-42: a sign-in by a remembered browser ends with the browser.
func TestASignInByABrowserThatIsForgottenGoesNoFurther(t *testing.T) {
	ctx := context.Background()
	for when, forget := range map[string]func(k *flowkit.Kit, app application.Application){
		"the help desk forgets it": func(k *flowkit.Kit, _ application.Application) {
			_, _, err := k.Directory.ForgetUserBrowsers(ctx, directory.CommandLine, "ana")
			k.OK(err)
		},
		"policy remembers none": func(k *flowkit.Kit, app application.Application) {
			app.Policy.RememberDays = policy.RememberOff
			k.Save(app)
		},
	} {
		t.Run(when, func(t *testing.T) {
			flowkit.Each(t, func(k *flowkit.Kit) {
				app := remembering(k, "Payroll")
				value := kept(k, app, "ana", k.Enrolled(app, "ana"))
				late, spent := again(k, app, "ana", value), again(k, app, "ana", value)
				grant, err := spent.Finish()
				k.OK(err)
				forget(k, app)
				if _, err := late.Finish(); !errors.Is(err, login.ErrStale) {
					t.Errorf("finished: %v", err)
				}
				if _, err := k.SignIn.Collect(ctx, grant, app.ID); !errors.Is(err, login.ErrGrant) {
					t.Errorf("collected: %v", err)
				}
			})
		})
	}
}

// D-40: pages that a code opened change nothing once a push-only application is there.
func TestOpenDevicePagesAskForTheProofThatIsDemandedByNow(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "ana")
		view := k.View(k.Prove(app, "ana", p))
		k.OK(k.Devices.Rename(context.Background(), view, p.ID, "Mine"))
		besides(k, func(p *policy.Policy) { p.Methods = []string{policy.MethodPush} })
		if err := k.Devices.Rename(context.Background(), view, p.ID, "Yours"); err == nil {
			t.Error("renamed by a code")
		}
	})
}

// RULE-43: a right code of the help desk turns no codes of the phone off.
func TestARightCodeOfTheHelpDeskIsNoGuess(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "ana")
		k.Write(func(st flow.Store) error {
			for range 99 {
				if _, _, err := st.CountGuess(context.Background(), account.Guess{On: account.App, ID: p.ID, Chance: 1, Time: k.Clock.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		code := k.BypassCode("ana", func(r *directory.BypassRequest) { r.Code = secret.NewText("314159") })
		k.OK(k.Begin(app, "ana").Code(code, transaction.SignIn))
		if row := p.Row(); !row.Guesses.Off.IsZero() {
			t.Error("the codes of the phone are off")
		}
	})
}
