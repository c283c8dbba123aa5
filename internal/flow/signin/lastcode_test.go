package signin_test

import (
	"context"
	"testing"

	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// RULE-12: whoever locks the account learns it with that code, in a prompt and at a door without a browser alike.
func TestTheWrongCodeThatLocksSaysSoAtEveryDoor(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 2 })
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.Methods = []string{"passcode"} })
		ctx := context.Background()
		for name, try := range map[string]func(l *flowkit.Login, wrong string) error{
			"prompt":  func(l *flowkit.Login, wrong string) error { return l.Code(wrong, transaction.SignIn) },
			"devices": func(l *flowkit.Login, wrong string) error { return l.Code(wrong, transaction.Manage) },
			"program": func(l *flowkit.Login, wrong string) error {
				r := signin.Request{Application: app, Username: l.Row().Username, IP: flowkit.Address(1)}
				g, err := k.SignIn.Gate(ctx, r)
				k.OK(err)
				_, err = k.SignIn.Prove(ctx, signin.Attempt{Gate: g, Request: r}, wrong)
				return err
			},
		} {
			p := k.Enrolled(app, name)
			k.Want(k.Begin(app, name).Code(p.Wrong(), transaction.SignIn), signin.ErrCodeWrong)
			k.Want(try(k.Begin(app, name), p.Wrong()), user.ErrLocked)
			if u := k.Reload(name); u.Status != user.LockedOut || k.Count(name, audit.InvalidPasscode) != 2 {
				k.Errorf("%s: %+v", name, u)
			}
		}
	})
}
