package devices_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/remembered"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/devices"
	"countersign/internal/testkit/flowkit"
)

// remember has the browser of a sign-in by code remembered and gives what it keeps.
func remember(k *flowkit.Kit, app application.Application, name string, p *flowkit.Phone) secret.Text {
	k.Helper()
	ctx := context.Background()
	l := k.Begin(app, name)
	k.OK(k.SignIn.ChooseRemember(ctx, l.Session(), true))
	k.OK(l.Code(p.Code(), transaction.SignIn))
	_, err := l.Enter()
	k.OK(err)
	value, _, err := k.SignIn.KeptBrowser(ctx, l.Session())
	k.OK(err)
	if value.Empty() {
		k.Fatal("the browser was not remembered")
	}
	return value
}

func forADay(k *flowkit.Kit, name string, days int) application.Application {
	return k.Application(name, func(a *application.Application) { a.Policy.RememberDays = days })
}

// H-18: people see which browsers are remembered for what, until when, and forget one or all.
func TestAPersonForgetsRememberedBrowsers(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		week, month := forADay(k, "Payroll", 7), forADay(k, "Library", 30)
		p := k.Enrolled(week, "ana")
		ben := k.Enrolled(week, "ben")
		made := k.Clock.Now()
		first := remember(k, week, "ana", p)
		k.Clock.Advance(time.Hour)
		second := remember(k, month, "ana", p)
		others := remember(k, week, "ben", ben)

		l := k.Begin(week, "ana")
		k.OK(l.Code(p.Code(), transaction.Manage))
		cookie, err := l.Portal()
		k.OK(err)
		v := k.View(cookie)
		list := func(keeps secret.Text) []devices.Browser {
			k.Helper()
			all, err := k.Devices.Browsers(ctx, v, func(id string) secret.Text {
				if id == week.ID {
					return keeps
				}
				return secret.Text{}
			})
			k.OK(err)
			return all
		}
		all := list(first)
		if len(all) != 2 || all[0].Application != "Library" || all[0].Here || all[1].Application != "Payroll" || !all[1].Here ||
			all[1].Name != "Firefox on Linux" || !all[1].Since.Equal(made) || !all[1].Until.Equal(made.Add(7*remembered.Day)) {
			k.Fatalf("%+v", all)
		}
		if list(others)[1].Here {
			k.Error("another person's browser is this one")
		}

		month.Policy.RememberDays = 2 // a shorter policy counts at once
		k.Save(month)
		if all = list(first); !all[0].Until.Equal(all[0].Since.Add(2 * remembered.Day)) {
			k.Errorf("until %v", all[0].Until)
		}

		bens, err := k.DB.Read().BrowsersOf(ctx, k.Reload("ben").ID)
		k.OK(err)
		k.OK(k.Devices.ForgetBrowser(ctx, v, bens[0].ID))
		if b, _ := k.DB.Read().BrowsersOf(ctx, k.Reload("ben").ID); len(b) != 1 {
			k.Error("another person's browser was forgotten")
		}
		k.OK(k.Devices.ForgetBrowser(ctx, v, all[1].ID))
		k.OK(k.Devices.ForgetBrowser(ctx, v, all[1].ID)) // in another tab
		if left := list(first); len(left) != 1 || left[0].Application != "Library" {
			k.Fatalf("%+v", left)
		}
		logged, err := k.DB.Read().Actions(ctx, audit.Query{Limit: 1})
		k.OK(err)
		if len(logged) != 1 || logged[0].Action != "user_forget_browsers" || logged[0].Actor.Name != "ana" {
			k.Errorf("%+v", logged)
		}
		_, found, err := k.DB.Read().BrowserByDigest(ctx, k.Keys.Digest(remembered.DigestPurpose, second.Reveal()))
		k.OK(err)
		if !found {
			k.Error("the other one went, too")
		}

		k.Clock.Advance(session.ProofLife) // the proof is stale; taking something away needs none
		v = k.View(cookie)
		k.OK(k.Devices.ForgetBrowsers(ctx, v))
		if left := list(first); len(left) != 0 {
			k.Errorf("%+v", left)
		}
	})
}

func TestNobodyForgetsBrowsersWithoutASession(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx, app := context.Background(), forADay(k, "Payroll", 7)
		v, _, p := k.Manager(app, "ana")
		remember(k, app, "ana", p)
		k.Status("ana", user.Disabled)
		k.Want(k.Devices.ForgetBrowsers(ctx, v), user.ErrLocked)
		k.Status("ana", user.Active)
		k.OK(k.Devices.End(ctx, v))
		k.Want(k.Devices.ForgetBrowsers(ctx, v), session.ErrIdle)
	})
}
