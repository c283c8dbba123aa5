package signin_test

import (
	"context"
	"errors"
	"testing"

	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// besides is an application of which only the policy matters.
func besides(k *flowkit.Kit, change func(*policy.Policy)) application.Application {
	return k.Application("Vault", func(a *application.Application) { change(&a.Policy) })
}

func forDevices(k *flowkit.Kit, l *flowkit.Login) signin.Session {
	s, err := k.SignIn.ForDevices(context.Background(), l.Session())
	k.OK(err)
	return s
}

// D-40
func TestDevicesAreChangedByWhatTheStrictestApplicationTakes(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.NumberEntry = policy.NumberEntryOff })
		p := k.Enrolled(app, "ana")
		if ways := forDevices(k, k.Begin(app, "ana")).Ways; len(ways) != 2 {
			t.Fatalf("ways where everything goes: %v", ways)
		}
		cookie := k.Prove(app, "ana", p) // by a code
		view := k.View(cookie)
		shown := k.PairPortal(view, "").Link
		proved := k.Begin(app, "ana")
		k.OK(proved.Code(p.Code(), transaction.Manage))

		vault := besides(k, func(p *policy.Policy) { p.Methods, p.NumberEntry = []string{policy.MethodPush}, 4 })
		if _, err := k.Claim(shown); err == nil {
			t.Error("a phone is added by a code though a push-only application would take it")
		}
		if _, err := proved.Portal(); !errors.Is(err, session.ErrProof) {
			t.Errorf("a proof by a code opens the device pages: %v", err)
		}
		l := k.Begin(app, "ana")
		if ways := forDevices(k, l).Ways; len(ways) != 1 || ways[0].Method != policy.MethodPush {
			t.Errorf("ways to the devices: %v", ways)
		}
		if len(l.Session().Ways) != 2 {
			t.Error("the sign-in itself offers fewer ways")
		}
		tx, err := k.SignIn.Start(context.Background(), l.Session(), "push:"+p.ID, transaction.Manage)
		k.OK(err)
		if len(tx.Number) != 4 {
			t.Errorf("a request for the devices with the number %q, where the strictest application shows four digits", tx.Number)
		}
		k.OK(p.Approve(tx))
		_, err = l.Portal()
		k.OK(err)

		vault.Disabled = true // it may be on tomorrow
		k.Save(vault)
		if ways := forDevices(k, k.Begin(app, "ana")).Ways; len(ways) != 1 {
			t.Errorf("an application that is off asks no more: %v", ways)
		}
		vault.Deleted = k.Clock.Now()
		k.Save(vault)
		if ways := forDevices(k, k.Begin(app, "ana")).Ways; len(ways) != 2 {
			t.Errorf("an application that is gone still asks: %v", ways)
		}
	})
}

// D-40
func TestAWeakCodeSignsInAndOpensNoDevices(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.Spare = policy.SpareOff })
		p := k.Enrolled(app, "ana")
		besides(k, func(p *policy.Policy) { p.Methods = []string{policy.MethodPush} })
		l := k.Begin(app, "ana")
		k.Want(l.Code(p.Code(), transaction.Manage), signin.ErrWeak)
		if row := l.Row(); row.Stage != login.Allowed || !row.ManageProof.IsZero() {
			t.Errorf("%+v", row)
		}
		if _, err := l.Portal(); err == nil {
			t.Error("the device pages open")
		}
		_, err := l.Finish()
		k.OK(err)

		l = k.Begin(app, "ana") // a code of the help desk stands for a person who was asked
		k.OK(l.Code(k.BypassCode("ana"), transaction.Manage))
		_, err = l.Portal()
		k.OK(err)
	})
}

// D-40: with nothing strong enough the page says so.
func TestSomebodyWithWeakWaysOnlyIsTold(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.Methods = []string{policy.MethodPasscode} })
		k.Enrolled(app, "ana")
		besides(k, func(p *policy.Policy) { p.Methods = []string{policy.MethodPush} })
		step := signin.Next(forDevices(k, k.Begin(app, "ana")), k.Clock.Now(), transaction.Manage)
		if step.Kind != signin.Prove || step.Reason == nil || step.Reason.Code != "way.weak" {
			t.Errorf("%+v", step)
		}
	})
}
