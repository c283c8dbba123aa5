package mobile_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// codes are the ways to come by a pairing code in an application.
var codes = map[string]func(k *flowkit.Kit, app application.Application, name string) string{
	"in a first sign-in": func(k *flowkit.Kit, app application.Application, name string) string {
		k.User(name)
		return k.Begin(app, name).Pair().Link
	},
	"as a spare in a sign-in": func(k *flowkit.Kit, app application.Application, name string) string {
		l, p := k.EnrolFirst(app, name)
		k.OK(p.Approve(l.Session().Transaction))
		return l.PairFor(activation.Add).Link
	},
	"on the device pages": func(k *flowkit.Kit, app application.Application, name string) string {
		v, _, _ := k.Manager(app, name)
		return k.PairPortal(v, "").Link
	},
	"for a phone that there is": func(k *flowkit.Kit, app application.Application, name string) string {
		v, _, p := k.Manager(app, name)
		return k.PairPortal(v, p.ID).Link
	},
	"on an application's word": func(k *flowkit.Kit, app application.Application, name string) string {
		_, p, err := k.Enroll.Issue(context.Background(), app, name, time.Hour)
		k.OK(err)
		return p.Link
	},
}

type spoiler func(k *flowkit.Kit, app application.Application, name string)

// RULE-42, AC-002: what made a pairing code right is looked at again when it is claimed.
func TestAPairingCodeBindsNothingOnceWhatItWasMadeForIsGone(t *testing.T) {
	ctx := context.Background()
	under := func(change func(*application.Application)) spoiler {
		return func(k *flowkit.Kit, app application.Application, _ string) { change(&app); k.Save(app) }
	}
	status := func(all ...user.Status) spoiler {
		return func(k *flowkit.Kit, _ application.Application, name string) {
			for _, s := range all {
				k.Status(name, s)
			}
		}
	}
	remove := func(k *flowkit.Kit, _ application.Application, name string) {
		_, err := k.Directory.DeleteUser(ctx, directory.CommandLine, name)
		k.OK(err)
	}
	spoilers := map[string]spoiler{
		"nothing happens":             func(*flowkit.Kit, application.Application, string) {},
		"the application is disabled": under(func(a *application.Application) { a.Disabled = true }),
		"the application is deleted": func(k *flowkit.Kit, app application.Application, _ string) {
			k.OK(k.Directory.DeleteApplication(ctx, directory.CommandLine, app.ID))
		},
		"no app may prove anything":          under(func(a *application.Application) { a.Policy.Methods = []string{"other"} }),
		"nobody may sign in":                 under(func(a *application.Application) { a.Policy.Authentication = policy.AuthenticationDeny }),
		"the person is disabled":             status(user.Disabled),
		"the person is disabled and enabled": status(user.Disabled, user.Active),
		"the person is deleted":              remove,
		"the person is deleted and back": func(k *flowkit.Kit, app application.Application, name string) {
			remove(k, app, name)
			k.Status(name, user.Active)
		},
		"the person is signed out": func(k *flowkit.Kit, _ application.Application, name string) {
			_, err := k.Directory.SignOut(ctx, directory.CommandLine, name)
			k.OK(err)
		},
	}
	flowkit.Each(t, func(k *flowkit.Kit) {
		n := 0
		for what, spoil := range spoilers {
			for how, code := range codes {
				n++
				name := fmt.Sprintf("ana%d", n)
				app := k.Application(name)
				link := code(k, app, name)
				u := k.Reload(name)
				before, err := k.DB.Read().PhonesOf(ctx, u.ID)
				k.OK(err)
				spoil(k, app, name)
				_, err = k.Claim(link)
				if what == "nothing happens" {
					k.OK(err)
					continue
				}
				if err == nil {
					k.Errorf("%s: a code made %s pairs a phone", what, how)
				}
				after, err := k.DB.Read().PhonesOf(ctx, u.ID)
				k.OK(err)
				if len(after) != len(before) || len(after) > 0 && after[0].KeyID != before[0].KeyID {
					k.Errorf("%s: a code made %s changes phones", what, how)
				}
			}
		}
	})
}

// A first sign-in is looked at under the policy about new people, too (AC-037).
func TestACodeOfAFirstSignInBindsNothingOnceNewPeopleMayNotEnroll(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		for i, rule := range []policy.NewUser{policy.NewUserDeny, policy.NewUserAllow} {
			name := fmt.Sprintf("ana%d", i)
			app := k.Application(name)
			link := codes["in a first sign-in"](k, app, name)
			app.Policy.NewUser = rule
			k.Save(app)
			if _, err := k.Claim(link); err == nil {
				k.Errorf("%s: a code pairs a phone", rule)
			}
		}
	})
}

// losses are the ways to lose the app of the only phone.
var losses = map[string]func(k *flowkit.Kit, app application.Application, p *flowkit.Phone, name string){
	"the account is deleted in the app": func(k *flowkit.Kit, _ application.Application, p *flowkit.Phone, _ string) {
		k.OK(k.Mobile.Leave(context.Background(), p.ID, p.KeyID))
	},
	"its key was copied": func(k *flowkit.Kit, app application.Application, p *flowkit.Phone, name string) {
		k.OK(p.Approve(k.Begin(app, name).Session().Transaction))
		p.Counter -= 2
		_, err := p.Send(p.Answer(k.Begin(app, name).Session().Transaction, phonewire.Approve))
		k.Want(err, phone.ErrReplaced)
	},
	"a report takes the phone that was paired from it": func(k *flowkit.Kit, app application.Application, p *flowkit.Phone, name string) {
		l := k.Begin(app, name)
		tx, err := l.Push(transaction.Manage)
		k.OK(err)
		k.OK(p.Approve(tx))
		cookie, err := l.Portal()
		k.OK(err)
		theirs, err := k.Claim(k.PairPortal(k.View(cookie), "").Link)
		k.OK(err)
		_, err = p.Send(p.Answer(tx, phonewire.Deny, func(a *phonewire.Answer) { a.Reason = phonewire.Fraud }))
		k.OK(err)
		if theirs.Row().Connected() {
			k.Error("the phone stays")
		}
		k.OK(k.Mobile.Leave(context.Background(), p.ID, p.KeyID))
	},
	"an administrator turns the person off and on": func(k *flowkit.Kit, _ application.Application, p *flowkit.Phone, name string) {
		k.OK(k.Mobile.Leave(context.Background(), p.ID, p.KeyID))
		k.Status(name, user.Disabled)
		k.Status(name, user.Active)
	},
	"an administrator deletes the person and takes them back": func(k *flowkit.Kit, _ application.Application, p *flowkit.Phone, name string) {
		_, err := k.Directory.DeleteUser(context.Background(), directory.CommandLine, name)
		k.OK(err)
		k.Status(name, user.Active)
		k.OK(k.Mobile.Leave(context.Background(), p.ID, p.KeyID))
	},
}

// RULE-11: whoever had a device is no new user, however it went, and whether or not its record is there.
func TestWhoeverLostTheLastDeviceIsNoNewUser(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		open := k.Application("Open", func(a *application.Application) { a.Policy.NewUser = policy.NewUserAllow })
		n := 0
		for how, lose := range losses {
			n++
			name := fmt.Sprintf("ana%d", n)
			p := k.Enrolled(app, name)
			before := k.Begin(open, name) // open while it is lost
			lose(k, app, p, name)
			u := k.Reload(name)
			for _, record := range []string{"there", "gone"} {
				if _, err := before.Enter(); err == nil {
					k.Errorf("%s, its record is %s: the sign-in that was open goes on", how, record)
				}
				if l := k.Begin(open, name); l.Stage() != login.Refused {
					k.Errorf("%s, its record is %s: the sign-in is %s", how, record, l.Stage())
				}
				g, err := k.SignIn.Gate(context.Background(), signin.Request{Application: open, Username: name})
				if err != nil || g.Outcome != signin.OutcomeDeny {
					k.Errorf("%s, its record is %s: the gates say %s, %v", how, record, g.Outcome, err)
				}
				all, err := k.DB.Read().PhonesOf(context.Background(), u.ID)
				k.OK(err)
				k.Write(func(st flow.Store) error {
					for _, p := range all {
						if _, err := st.DeletePhone(context.Background(), p.ID, u.ID, k.Clock.Now()); err != nil {
							return err
						}
					}
					return nil
				})
			}
		}
	})
}

// RULE-11: somebody let in as a newcomer, who sets up a phone and loses it before that sign-in is finished.
func TestANewcomerWhoGotADeviceMeanwhileIsNone(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		open := k.Application("Open", func(a *application.Application) { a.Policy.NewUser = policy.NewUserAllow })
		k.User("ana")
		l, spent := k.Begin(open, "ana"), k.Begin(open, "ana")
		grant, err := spent.Finish()
		k.OK(err)
		p := k.Enrolled(k.Application("Payroll"), "ana")
		k.OK(k.Mobile.Leave(context.Background(), p.ID, p.KeyID))
		if _, err := l.Enter(); err == nil {
			k.Error("the sign-in goes on")
		}
		if _, err := k.SignIn.Collect(context.Background(), grant, open.ID); err == nil {
			k.Error("the grant is taken")
		}
	})
}
