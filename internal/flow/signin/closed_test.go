package signin_test

import (
	"context"
	"countersign/internal/domain/application"
	"errors"
	"testing"
	"time"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// AC-034: what the policy says when the proof is given counts, for codes and requests as for approvals.
func TestAPolicyThatDeniesMeanwhileStopsEveryProof(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "ana")
		l := k.Begin(app, "ana")
		app.Policy.Authentication = policy.AuthenticationDeny
		k.Save(app)
		k.Want(l.Code(p.Code(), transaction.SignIn), login.ErrStale)
		if last := k.Last("ana"); last.Reason != audit.DeniedByPolicy || last.Result != audit.Denied || l.Stage() != login.Open {
			t.Errorf("the sign-in is %s, logged %+v", l.Stage(), last)
		}
		_, err := l.Push(transaction.SignIn)
		k.Want(err, login.ErrStale)
		_, err = l.Finish()
		k.Want(err, login.ErrStale)
		if step := l.Step(); step.Kind != signin.Refused || step.Reason.Code != "way.denied" {
			t.Errorf("the page says %+v", step)
		}
		if n := k.Reload("ana").Failures; n != 0 {
			t.Errorf("%d failures counted", n)
		}
	})
}

// AC-034: between the moment a page or a door has read what holds and its proof, an administrator may have said no. What
// the change itself reads counts: nobody is let in, no code is spent, no phone rings.
func TestWhatHoldsIsReadByTheChangeThatDecides(t *testing.T) {
	for what, forbid := range map[string]func(k *flowkit.Kit, app *application.Application){
		"policy denies": func(_ *flowkit.Kit, app *application.Application) {
			app.Policy.Authentication = policy.AuthenticationDeny
		},
		"the application is off":  func(_ *flowkit.Kit, app *application.Application) { app.Disabled = true },
		"the application is gone": func(k *flowkit.Kit, app *application.Application) { app.Deleted = k.Clock.Now() },
		"the factors are others": func(_ *flowkit.Kit, app *application.Application) {
			app.Policy.Methods = []string{policy.MethodPush}
		},
	} {
		t.Run(what, func(t *testing.T) {
			flowkit.Each(t, func(k *flowkit.Kit) {
				ctx := context.Background()
				app, vpn := k.Application("Payroll"), k.Application("VPN", func(a *application.Application) { a.Type = application.TypeAuthAPI })
				p := k.Enrolled(app, "ana")
				s := k.Begin(app, "ana").Session()
				r := signin.Request{Door: "auth", Application: vpn, Username: "ana"}
				g, err := k.SignIn.Gate(ctx, r)
				k.OK(err)
				failures := k.Reload("ana").Failures
				for _, a := range []*application.Application{&app, &vpn} {
					forbid(k, a)
					k.Save(*a)
				}
				code := p.Code()
				if err := k.SignIn.Code(ctx, s, code, transaction.SignIn); err == nil {
					k.Error("the prompt let in")
				}
				if grant, err := k.SignIn.Enter(ctx, s, code); err == nil || !grant.Empty() {
					k.Error("the prompt finished")
				}
				if d, err := k.SignIn.Prove(ctx, signin.Attempt{Gate: g, Request: r}, code); err != nil || d.State != transaction.Denied {
					k.Errorf("the door says %+v, %v", d, err)
				}
				if what != "the factors are others" {
					k.Want(k.SignIn.Code(ctx, s, code, transaction.SignIn), login.ErrStale)
					if n := k.Reload("ana").Failures; n != failures {
						k.Errorf("%d failures counted", n-failures)
					}
					if last := k.Last("ana"); last.Reason != audit.DeniedByPolicy || last.Result != audit.Denied {
						k.Errorf("logged %+v", last)
					}
					if _, err := k.SignIn.Send(ctx, signin.Attempt{Gate: g, Request: r}, "push:"+p.ID); !errors.Is(err, signin.ErrPolicy) {
						k.Errorf("the door's request: %v", err)
					}
					way, _ := s.First()
					_, err := k.SignIn.Start(ctx, s, way.ID, transaction.SignIn)
					k.Want(err, login.ErrStale)
				}
				for _, a := range []*application.Application{&app, &vpn} { // the code is still good
					a.Disabled, a.Deleted, a.Policy.Authentication, a.Policy.Methods = false, time.Time{}, "", nil
					k.Save(*a)
				}
				k.OK(k.SignIn.Code(ctx, k.Begin(app, "ana").Session(), code, transaction.SignIn))
			})
		})
	}
}
