package signin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/remembered"
	"countersign/internal/domain/session"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// remembering is an application whose people may have their browser remembered for thirty days.
func remembering(k *flowkit.Kit, name string) application.Application {
	return k.Application(name, func(a *application.Application) { a.Policy.RememberDays = 30 })
}

// kept chooses the box, approves on the phone, goes on to the application and gives what the browser keeps.
func kept(k *flowkit.Kit, app application.Application, name string, p *flowkit.Phone) secret.Text {
	k.Helper()
	l := k.Begin(app, name)
	if l.Stage() != login.Open {
		k.Fatalf("%s is not asked: %+v", name, l.Row())
	}
	k.OK(k.SignIn.ChooseRemember(context.Background(), l.Session(), true))
	tx := l.Session().Transaction
	if tx.PhoneID != p.ID { // another way was used last
		var err error
		tx, err = k.SignIn.Start(context.Background(), l.Session(), "push:"+p.ID, transaction.SignIn)
		k.OK(err)
	}
	k.OK(p.Approve(tx))
	_, err := l.Enter()
	k.OK(err)
	value := keeps(k, l)
	if value.Empty() {
		k.Fatalf("the browser of %s was not remembered", name)
	}
	return value
}

func keeps(k *flowkit.Kit, l *flowkit.Login) secret.Text {
	k.Helper()
	value, _, err := k.SignIn.KeptBrowser(context.Background(), l.Session())
	k.OK(err)
	return value
}

// again opens a sign-in in a browser that keeps a value.
func again(k *flowkit.Kit, app application.Application, name string, value secret.Text, change ...func(*signin.Request)) *flowkit.Login {
	k.Helper()
	return k.Begin(app, name, append(change, func(r *signin.Request) { r.Remembered = value })...)
}

func TestARememberedBrowserSignsInAndProvesNothingElse(t *testing.T) { // A-15, H-10, RULE-5
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := remembering(k, "Payroll")
		p := k.Enrolled(app, "ana")
		value := kept(k, app, "ana", p)
		l := again(k, app, "ana", value)
		row := l.Row()
		if row.Stage != login.Allowed || row.Factor != audit.FactorRemembered || row.Reason != audit.RememberedDevice || row.TransactionID != "" || !row.ManageProof.IsZero() {
			t.Fatalf("%+v", row)
		}
		if last := k.Last("ana"); last.Result != audit.Success || last.Factor != "remembered_device" || last.Reason != "remembered_device" || last.TxID != row.TxID {
			t.Errorf("log: %+v", last)
		}
		if l.Step().Kind == signin.Spare {
			t.Error("a spare way is asked for, though the person proved nothing")
		}
		if _, err := l.Portal(); err == nil {
			t.Error("device management opens without a proof")
		}
		k.Want(func() error { _, err := l.Portal(); return err }(), session.ErrProof)
		r, err := l.Enter()
		k.OK(err)
		if r.Login.Factor != audit.FactorRemembered || r.User.Username != "ana" {
			t.Errorf("%+v", r.Login)
		}
		if !keeps(k, l).Empty() {
			t.Error("a remembered browser was remembered again, for longer")
		}

		// A proof made for devices still opens them, from the same sign-in.
		l = again(k, app, "ana", value)
		k.OK(l.Code(p.Code(), transaction.Manage))
		_, err = l.Portal()
		k.OK(err)
	})
}

// RULE-15: off by default, chosen by the person, after a proof by an own phone, and not for links.
func TestABrowserIsRememberedOnlyWhereItMayBeAndWasChosen(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		plain, app := k.Application("Plain"), remembering(k, "Payroll")
		p := k.Enrolled(plain, "ana")
		for what, l := range map[string]*flowkit.Login{
			"policy off": k.Begin(plain, "ana"),
			"by a link":  k.Begin(app, "ana", func(r *signin.Request) { r.Door = login.DoorWizard }),
		} {
			if days := l.Session().RememberDays(); days != 0 {
				t.Errorf("%s: %d days are offered", what, days)
			}
			k.Want(k.SignIn.ChooseRemember(ctx, l.Session(), true), login.ErrStale)
		}

		k.Clock.Advance(time.Hour)
		l := k.Begin(app, "ana")
		if s := l.Session(); s.RememberDays() != 30 || s.Login.Remember {
			t.Errorf("offered %d days, chosen %v", s.RememberDays(), s.Login.Remember)
		}
		k.OK(p.Approve(l.Session().Transaction))
		_, err := l.Enter()
		k.OK(err)
		if !keeps(k, l).Empty() {
			t.Error("remembered without being asked to")
		}

		l = k.Begin(app, "ana")
		k.OK(k.SignIn.ChooseRemember(ctx, l.Session(), true))
		k.OK(k.SignIn.ChooseRemember(ctx, l.Session(), false))
		k.OK(p.Approve(l.Session().Transaction))
		_, err = l.Enter()
		k.OK(err)
		if !keeps(k, l).Empty() {
			t.Error("remembered though the box was cleared again")
		}

		helped := k.BypassCode("ana")
		l = k.Begin(app, "ana")
		s := l.Session()
		s.Login.Remember = true // what came with the code
		ticket, err := k.SignIn.Enter(ctx, s, helped)
		k.OK(err)
		if ticket.Empty() { // a code of the help desk leads to the offer of a new phone first
			k.OK(k.SignIn.ChooseRemember(ctx, l.Session(), true))
			_, err = l.Finish()
			k.OK(err)
		}
		if !keeps(k, l).Empty() {
			t.Error("remembered after a code of the help desk")
		}

		_, _ = k.Directory.SetApplication(ctx, directory.CommandLine, app.ID, directory.ApplicationChange{Policy: directory.PolicyChange{Spare: ptr(policy.SpareOff)}})
		l = k.Begin(app, "ana")
		s = l.Session()
		s.Login.Remember = true
		ticket, err = k.SignIn.Enter(ctx, s, p.Code())
		k.OK(err)
		if value, life, err := k.SignIn.KeptBrowser(ctx, s); err != nil || ticket.Empty() || value.Empty() || life != 30*remembered.Day {
			t.Errorf("a code of the app: ticket %v, value %v, life %v, %v", !ticket.Empty(), !value.Empty(), life, err)
		}
		k.Want(k.SignIn.ChooseRemember(ctx, l.Session(), false), login.ErrStale)
	})
}

func ptr[T any](v T) *T { return &v }

// AC-036: whatever makes a remembered browser no longer right, its owner is asked in full.
func TestARememberedBrowserIsForgotten(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		days := func(app application.Application, n int) {
			_, err := k.Directory.SetApplication(ctx, directory.CommandLine, app.ID, directory.ApplicationChange{Policy: directory.PolicyChange{RememberDays: &n}})
			k.OK(err)
		}
		manage := func(app application.Application, name string, p *flowkit.Phone) flowkitView {
			return flowkitView{k, k.Prove(app, name, p)}
		}
		for _, c := range []struct {
			what   string
			change func(app application.Application, name string, p *flowkit.Phone)
		}{
			{"policy off", func(app application.Application, _ string, _ *flowkit.Phone) { days(app, policy.RememberOff) }},
			{"policy off and on again", func(app application.Application, _ string, _ *flowkit.Phone) {
				days(app, policy.RememberOff)
				days(app, 30)
			}},
			{"policy shorter", func(app application.Application, _ string, _ *flowkit.Phone) {
				k.Clock.Advance(8 * remembered.Day)
				days(app, 7)
			}},
			{"policy shorter than its age, then long again", func(app application.Application, _ string, _ *flowkit.Phone) {
				k.Clock.Advance(8 * remembered.Day)
				days(app, 7)
				days(app, 30)
			}},
			{"policy shorter, and time went on", func(app application.Application, _ string, _ *flowkit.Phone) {
				days(app, 7)
				k.Clock.Advance(7 * remembered.Day)
			}},
			{"the organization's policy off", func(app application.Application, _ string, _ *flowkit.Phone) {
				days(app, 0)
			}},
			{"expiry", func(application.Application, string, *flowkit.Phone) { k.Clock.Advance(30 * remembered.Day) }},
			{"the clock set back", func(application.Application, string, *flowkit.Phone) { k.Clock.Advance(-2 * time.Minute) }},
			{"a device added", func(app application.Application, name string, p *flowkit.Phone) { manage(app, name, p).add() }},
			{"a device replaced", func(app application.Application, name string, p *flowkit.Phone) { manage(app, name, p).replace(p.ID) }},
			{"disabled for a while", func(_ application.Application, name string, _ *flowkit.Phone) {
				k.Status(name, user.Disabled)
				k.Status(name, user.Active)
			}},
			{"passing freely for a while", func(_ application.Application, name string, _ *flowkit.Phone) {
				k.Status(name, user.Bypass)
				k.Status(name, user.Active)
			}},
			{"in the trash for a while", func(_ application.Application, name string, _ *flowkit.Phone) {
				_, err := k.Directory.DeleteUser(ctx, directory.CommandLine, name)
				k.OK(err)
				k.Status(name, user.Active)
			}},
			{"locked out, then unlocked", func(app application.Application, name string, p *flowkit.Phone) {
				l := k.Begin(app, name)
				for k.Reload(name).Status != user.LockedOut {
					_ = l.Code(p.Wrong(), transaction.SignIn)
				}
				_, err := k.Directory.Unlock(ctx, directory.CommandLine, name)
				k.OK(err)
			}},
			{"forgotten by an administrator", func(_ application.Application, name string, _ *flowkit.Phone) {
				if _, n, err := k.Directory.ForgetUserBrowsers(ctx, directory.CommandLine, name); err != nil || n != 2 {
					t.Errorf("%d forgotten, %v", n, err)
				}
			}},
			{"forgotten for the application", func(app application.Application, _ string, _ *flowkit.Phone) {
				if _, n, err := k.Directory.ForgetApplicationBrowsers(ctx, directory.CommandLine, app.ID); err != nil || n != 2 {
					t.Errorf("%d forgotten, %v", n, err)
				}
			}},
			{"requests not allowed any more, nor codes", func(app application.Application, _ string, _ *flowkit.Phone) {
				app.Policy.Methods = []string{"phone call"}
				k.Save(app)
			}},
			{"a spare way demanded since", func(app application.Application, _ string, _ *flowkit.Phone) {
				app.Policy.Spare = policy.SpareRequire
				k.Save(app)
			}},
		} {
			name := "user-" + id36(c.what)
			app := remembering(k, "App "+c.what)
			p := k.Enrolled(app, name)
			value, token := kept(k, app, name, p), keptToken(k, app, name, p)
			if again(k, app, name, value).Stage() != login.Allowed || present(k, app, name, token).Outcome != signin.OutcomeAllow {
				t.Fatalf("%s: not good to begin with", c.what)
			}
			k.Clock.Advance(time.Hour)
			if c.what == "the clock set back" {
				if again(k, app, name, value).Stage() != login.Allowed || present(k, app, name, token).Outcome != signin.OutcomeAllow {
					t.Fatal("not good an hour later")
				}
			}
			c.change(app, name, p)
			fresh, err := k.DB.Read().ApplicationByID(ctx, app.ID)
			k.OK(err)
			if l := again(k, fresh, name, value); l.Stage() != login.Open {
				t.Errorf("after %s: %+v", c.what, l.Row())
			}
			if g := present(k, fresh, name, token); g.Outcome != signin.OutcomeChallenge {
				t.Errorf("a program's token after %s: %s %s", c.what, g.Outcome, g.Reason)
			}
		}
	})
}

// id36 makes a user name of a sentence.
func id36(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i]; c >= 'a' && c <= 'z' {
			out = append(out, c)
		}
	}
	return string(out)
}

// flowkitView is device management that somebody has just proved.
type flowkitView struct {
	k      *flowkit.Kit
	cookie secret.Text
}

func (v flowkitView) add() *flowkit.Phone {
	p, err := v.k.Claim(v.k.PairPortal(v.k.View(v.cookie), "").Link)
	v.k.OK(err)
	return p
}

func (v flowkitView) replace(phoneID string) *flowkit.Phone {
	p, err := v.k.Claim(v.k.PairPortal(v.k.View(v.cookie), phoneID).Link)
	v.k.OK(err)
	return p
}

// AC-036: a removed device, one disconnected in its app, and one whose key was copied.
func TestWhoLosesADeviceIsAskedAgain(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		app := remembering(k, "Payroll")
		for name, lose := range map[string]func(second *flowkit.Phone, v flowkitView){
			"remover": func(second *flowkit.Phone, v flowkitView) { k.OK(k.Devices.Remove(ctx, k.View(v.cookie), second.ID)) },
			"leaver":  func(second *flowkit.Phone, _ flowkitView) { k.OK(second.Leave()) },
			"copied": func(second *flowkit.Phone, _ flowkitView) {
				second.Counter = 5
				tx, err := k.SignIn.Start(ctx, k.Begin(app, "copied").Session(), "push:"+second.ID, transaction.SignIn)
				k.OK(err)
				k.OK(second.Approve(tx))
				second.Counter = 1
				tx, err = k.SignIn.Start(ctx, k.Begin(app, "copied").Session(), "push:"+second.ID, transaction.SignIn)
				k.OK(err)
				_, _ = second.Send(second.Answer(tx, phonewire.Approve))
				if second.Row().KeyID != "" {
					t.Error("the copied key still works")
				}
			},
		} {
			first := k.Enrolled(app, name)
			v := flowkitView{k, k.Prove(app, name, first)}
			second := v.add()
			value, token := kept(k, app, name, first), keptToken(k, app, name, first)
			v = flowkitView{k, k.Prove(app, name, first)}
			lose(second, v)
			if g := present(k, app, name, token); g.Outcome != signin.OutcomeChallenge {
				t.Errorf("%s: a program's token: %s", name, g.Outcome)
			}
			if l := again(k, app, name, value); l.Stage() != login.Open {
				t.Errorf("%s: %+v", name, l.Row())
			}
		}
	})
}

// AC-036: a token is good for its user and application, and opens no enrollment link.
func TestARememberedBrowserIsGoodForItsUserAndApplicationOnly(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app, other := remembering(k, "Payroll"), remembering(k, "Library")
		p := k.Enrolled(app, "ana")
		k.Enrolled(app, "bob")
		value := kept(k, app, "ana", p)
		for what, l := range map[string]*flowkit.Login{
			"another user":        again(k, app, "bob", value),
			"another application": again(k, other, "ana", value),
			"another token":       again(k, app, "ana", secret.NewText(value.Reveal()+"x")),
			"no token":            again(k, app, "ana", secret.Text{}),
			"an enrollment link":  again(k, app, "ana", value, func(r *signin.Request) { r.Door = login.DoorWizard }),
		} {
			if l.Stage() != login.Open {
				t.Errorf("%s: %+v", what, l.Row())
			}
		}
		g, err := k.SignIn.Preauth(context.Background(), signin.Request{Application: app, Username: "ana", IP: flowkit.Address(1), Remembered: value})
		k.OK(err)
		if g.Outcome != signin.OutcomeChallenge {
			t.Errorf("a door without a browser: %+v", g.Outcome)
		}
		if again(k, app, "ana", value).Stage() != login.Allowed {
			t.Error("the owner's browser was forgotten by what others tried")
		}
		k.Settings(func(s *settings.Settings) { s.Policy.Authentication = policy.AuthenticationDeny })
		if again(k, app, "ana", value).Stage() != login.Refused {
			t.Error("a remembered browser passes a gate that refuses everybody")
		}
	})
}

// What was forgotten between the proof and the way out, or after it, is not made again.
func TestAFinishedSignInRemembersOnce(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		app := remembering(k, "Payroll")
		p := k.Enrolled(app, "ana")
		k.Rewire(func(n *flowkit.Needs) { n.SignIn.DB = flow.PartOf[signin.Store](flowkit.Twice{DB: k.DB}) })
		l := k.Begin(app, "ana")
		k.OK(k.SignIn.ChooseRemember(ctx, l.Session(), true))
		k.OK(p.Approve(l.Session().Transaction))
		for range 2 { // a second window, or a redirect that was lost
			_, err := l.Finish()
			k.OK(err)
		}
		value := keeps(k, l)
		if value.Empty() || keeps(k, l) != value || again(k, app, "ana", value).Stage() != login.Allowed {
			t.Fatal("the browser is not remembered, or not under one value")
		}
		_, n, err := k.Directory.ForgetUserBrowsers(ctx, directory.CommandLine, "ana")
		k.OK(err)
		if _, err := l.Finish(); err != nil || n != 1 {
			t.Fatalf("%d forgotten, %v", n, err)
		}
		if !keeps(k, l).Empty() || again(k, app, "ana", value).Stage() == login.Allowed {
			t.Error("finishing again revived what was forgotten")
		}

		k.Clock.Advance(time.Hour)
		l = k.Begin(app, "ana")
		k.OK(k.SignIn.ChooseRemember(ctx, l.Session(), true))
		k.OK(p.Approve(l.Session().Transaction))
		k.Clock.Advance(time.Second)
		flowkitView{k, k.Prove(app, "ana", p)}.replace(p.ID)
		if _, err = l.Finish(); !errors.Is(err, login.ErrStale) {
			t.Errorf("finished by a phone that was replaced since: %v", err)
		}
		if !keeps(k, l).Empty() {
			t.Error("remembered by a proof of a phone that was replaced since")
		}
	})
}

// The organization's policy holds where the application sets none.
func TestTheOrganizationSwitchesRememberingOffEverywhere(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		set := func(n int) {
			_, err := k.Directory.SetSettings(ctx, directory.CommandLine, directory.SettingsChange{Policy: directory.PolicyChange{RememberDays: &n}})
			k.OK(err)
		}
		set(14)
		inherits, own := k.Application("Inherits"), remembering(k, "Own")
		p := k.Enrolled(inherits, "ana")
		a, b := kept(k, inherits, "ana", p), kept(k, own, "ana", p)
		set(policy.RememberOff)
		set(14)
		if again(k, inherits, "ana", a).Stage() != login.Open {
			t.Error("still remembered where the organization's policy holds")
		}
		if again(k, own, "ana", b).Stage() != login.Allowed {
			t.Error("forgotten where the application has a policy of its own")
		}
	})
}
