package mobile_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/mobile"
	"countersign/internal/testkit/flowkit"
)

// AC-034: once an operator was told that an application is off, it brings nobody a phone, and no link to one.
func TestNothingIsSetUpOnceItWasAcknowledgedThatTheApplicationIsOff(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		var late func()
		k.Rewire(func(n *flowkit.Needs) {
			n.Mobile.DB = flow.PartOf[mobile.Store](flowkit.LastMoment{DB: k.DB, Do: &late})
			n.Enroll.DB = flow.PartOf[enroll.Store](flowkit.LastMoment{DB: k.DB, Do: &late})
		})
		for how, prepare := range map[string]func(app application.Application) func() error{
			"a link": func(app application.Application) func() error {
				alice := k.User("alice")
				return func() error { _, err := k.Enroll.Portal(ctx, app, alice.ID, "alice"); return err }
			},
			"a link for somebody new": func(app application.Application) func() error {
				return func() error { _, err := k.Enroll.Portal(ctx, app, "", "newcomer"); return err }
			},
			"the code of a link": func(app application.Application) func() error {
				k.User("bob")
				code := followed(k, linkOf(k, app, "bob")).Pair().Link
				return func() error { _, err := k.Claim(code); return err }
			},
			"the code of a sign-in": func(app application.Application) func() error {
				code := k.Begin(app, "carol").Pair().Link
				return func() error { _, err := k.Claim(code); return err }
			},
			"the code of an application": func(app application.Application) func() error {
				_, p, err := k.Enroll.Issue(ctx, app, "dora", time.Hour)
				k.OK(err)
				return func() error { _, err := k.Claim(p.Link); return err }
			},
		} {
			app, yes := k.Application(how), true
			do, ended := prepare(app), make(chan error, 1)
			overtaken := false
			late = func() {
				go func() {
					_, err := k.Directory.SetApplication(ctx, directory.CommandLine, app.ID, directory.ApplicationChange{Disabled: &yes})
					ended <- err
				}()
				select {
				case err := <-ended:
					ended <- err
					overtaken = true
				case <-time.After(100 * time.Millisecond):
				}
			}
			if err := do(); err != nil || late != nil {
				k.Fatalf("%s: %v", how, err)
			}
			k.OK(<-ended)
			if overtaken {
				k.Errorf("%s came about after it was acknowledged that the application is off", how)
			}
		}
	})
}
