package signin_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// AC-034: an operator who is told that an application is off, or that the policy denies, is told so when nobody is about to
// be let in any more.
func TestNobodyIsLetInOnceItWasAcknowledgedThatNobodyIs(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx, by := context.Background(), directory.CommandLine
		app := k.Application("Payroll", func(a *application.Application) {
			a.Policy.Spare, a.Policy.NumberEntry = policy.SpareOff, policy.NumberEntryOff
		})
		p := k.Enrolled(app, "ana")
		var late func()
		k.Rewire(func(n *flowkit.Needs) {
			n.SignIn.DB = flow.PartOf[signin.Store](flowkit.LastMoment{DB: k.DB, Do: &late})
		})
		yes, no, deny, enforce := true, false, policy.AuthenticationDeny, policy.AuthenticationEnforce
		off := func(v *bool) func() error {
			return func() error {
				_, err := k.Directory.SetApplication(ctx, by, app.ID, directory.ApplicationChange{Disabled: v})
				return err
			}
		}
		says := func(v *policy.Authentication) func() error {
			return func() error {
				_, err := k.Directory.SetSettings(ctx, by, directory.SettingsChange{Policy: directory.PolicyChange{Authentication: v}})
				return err
			}
		}
		for what, take := range map[string]struct{ away, back func() error }{
			"off": {off(&yes), off(&no)}, "denied": {says(&deny), says(&enforce)},
		} {
			for how, prepare := range map[string]func() (decide func() error){
				"a code": func() func() error {
					l := k.Begin(app, "ana")
					return func() error { return l.Code(p.Code(), transaction.SignIn) }
				},
				"a code that is looked at twice": func() func() error {
					seen := k.Begin(app, "ana").Session()
					k.Settings(func(s *settings.Settings) { s.Help += "!" }) // not as it was read
					return func() error { return k.SignIn.Code(ctx, seen, p.Code(), transaction.SignIn) }
				},
				"an answer": func() func() error {
					k.Clock.Advance(signin.MissedWindow)
					l := k.Begin(app, "ana")
					sent := l.Session().Transaction
					if sent.ID == "" {
						var err error
						sent, err = l.Push(transaction.SignIn)
						k.OK(err)
					}
					return func() error { return p.Approve(sent) }
				},
				"a token": func() func() error {
					l := k.Begin(app, "ana")
					k.OK(l.Code(p.Code(), transaction.SignIn))
					grant, err := l.Finish()
					k.OK(err)
					return func() error { _, err := k.SignIn.CollectFor(ctx, grant, app, nil); return err }
				},
			} {
				decide, ended := prepare(), make(chan error, 1)
				overtaken := false
				late = func() {
					go func() { ended <- take.away() }()
					select {
					case err := <-ended:
						ended <- err
						overtaken = true
					case <-time.After(100 * time.Millisecond):
					}
				}
				if err := decide(); err != nil {
					k.Fatalf("%s, %s: %v", how, what, err)
				}
				if late != nil {
					k.Fatalf("%s decided nothing", how)
				}
				k.OK(<-ended)
				if overtaken {
					k.Errorf("%s let in after it was acknowledged: %s", how, what)
				}
				k.OK(take.back())
			}
		}
	})
}
