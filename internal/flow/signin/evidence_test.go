package signin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// proved is somebody with two phones who proved by one of them, or by a code of the help desk, and all that this opened.
type proved struct {
	*flowkit.Kit
	app    application.Application
	by, on *flowkit.Phone // the phone that proved, and another one
	login  *flowkit.Login
	portal *flowkit.Login // a second one, that opens the device pages
	key    secret.Text    // of the device pages
	view   devices.View
	grant  secret.Text
	code   string // of the pairing page
	kept   secret.Text
	poll   transaction.Transaction
}

// ask sends a request to a phone.
func (p *proved) ask(l *flowkit.Login, on *flowkit.Phone, purpose transaction.Purpose) transaction.Transaction {
	p.Helper()
	t, err := p.SignIn.Start(context.Background(), l.Session(), "push:"+on.ID, purpose)
	p.OK(err)
	return t
}

// report says "not me".
func (p *proved) report(on *flowkit.Phone, t transaction.Transaction) {
	p.Helper()
	state, err := on.Send(on.Answer(t, phonewire.Deny, func(a *phonewire.Answer) { a.Reason = phonewire.Fraud }))
	if err != nil || state != phonewire.StateReported {
		p.Fatalf("a report gives %s, %v", state, err)
	}
}

// evidence is one way to prove.
var evidence = map[string]func(p *proved, l *flowkit.Login, purpose transaction.Purpose){
	"a request": func(p *proved, l *flowkit.Login, purpose transaction.Purpose) {
		p.OK(p.by.Approve(p.ask(l, p.by, purpose)))
	},
	"a code of the app": func(p *proved, l *flowkit.Login, purpose transaction.Purpose) {
		p.by.Next = uint64(p.by.Row().OTP.Counter)
		p.OK(l.Code(p.by.Code(), purpose))
	},
	"a code of the help desk": func(p *proved, l *flowkit.Login, purpose transaction.Purpose) {
		p.OK(l.Code(p.BypassCode("ana", func(r *directory.BypassRequest) { r.Uses, r.PreserveExisting = 5, true }), purpose))
	},
}

func prove(k *flowkit.Kit, how string) *proved {
	p := &proved{Kit: k}
	p.app = k.Application("Payroll", func(a *application.Application) {
		a.Policy.RememberDays, a.Policy.Spare = 30, policy.SpareOff
	})
	k.User("ana")
	p.by = k.Enrolled(p.app, "ana")
	v := k.View(k.Prove(p.app, "ana", p.by))
	on, err := k.Claim(k.PairPortal(v, "").Link)
	k.OK(err)
	p.on = on
	k.Clock.Advance(time.Minute)

	p.portal = k.Begin(p.app, "ana")
	evidence[how](p, p.portal, transaction.Manage)
	p.key, err = p.portal.Portal()
	k.OK(err)
	p.view = k.View(p.key)
	p.code = k.PairPortal(p.view, "").Link

	p.login = k.Begin(p.app, "ana")
	k.OK(k.SignIn.ChooseRemember(context.Background(), p.login.Session(), true))
	evidence[how](p, p.login, transaction.SignIn)
	p.grant, err = p.login.Finish()
	k.OK(err)
	p.kept = keeps(k, p.login)
	return p
}

// left says what of all that still opens something.
func (p *proved) left() (open []string) {
	ctx := context.Background()
	if !p.kept.Empty() && again(p.Kit, p.app, "ana", p.kept).Stage() == login.Allowed {
		open = append(open, "the remembered browser")
	}
	if _, err := p.Devices.Resume(ctx, p.key); err == nil {
		open = append(open, "the device pages")
	}
	if err := p.Devices.Rename(ctx, p.view, p.on.ID, "mine"); err == nil {
		open = append(open, "a change on the device pages")
	}
	if _, err := p.Claim(p.code); err == nil {
		open = append(open, "the pairing code")
	}
	if _, err := p.portal.Finish(); err == nil {
		open = append(open, "the sign-in that opened the device pages")
	}
	if _, err := p.SignIn.Collect(ctx, p.grant, p.app.ID); err == nil {
		open = append(open, "the grant")
	}
	return open
}

// ends are the ways in which a proof ends. of names the proofs that end; nil = all.
var ends = []struct {
	when string
	of   []string
	do   func(p *proved)
}{
	{"the phone is removed elsewhere", []string{"a request", "a code of the app"}, func(p *proved) {
		p.OK(p.Devices.Remove(context.Background(), p.View(p.Prove(p.app, "ana", p.on)), p.by.ID))
	}},
	{"the phone is replaced elsewhere", []string{"a request", "a code of the app"}, func(p *proved) {
		_, err := p.Claim(p.PairPortal(p.View(p.Prove(p.app, "ana", p.on)), p.by.ID).Link)
		p.OK(err)
	}},
	{"the app leaves", []string{"a request", "a code of the app"}, func(p *proved) { p.OK(p.Mobile.Leave(context.Background(), p.by.ID)) }},
	{"the person is disabled, and enabled again", nil, func(p *proved) {
		p.Status("ana", user.Disabled)
		p.Status("ana", user.Active)
	}},
	{"an administrator disables and enables them", nil, func(p *proved) {
		for _, s := range []user.Status{user.Disabled, user.Active} {
			_, err := p.Directory.SetUser(context.Background(), directory.CommandLine, "ana", directory.UserChange{Status: &s})
			p.OK(err)
		}
	}},
	{"they are locked out, and let in again", nil, func(p *proved) {
		l := p.Begin(p.app, "ana")
		for range p.settings().LockoutThreshold {
			_ = l.Code(p.on.Wrong(), transaction.SignIn)
		}
		_, err := p.Directory.Unlock(context.Background(), directory.CommandLine, "ana")
		p.OK(err)
	}},
	{"they say that another sign-in was not theirs", nil, func(p *proved) {
		p.report(p.on, p.ask(p.Begin(p.app, "ana"), p.on, transaction.SignIn))
	}},
	{"an administrator signs them out everywhere", nil, func(p *proved) {
		_, err := p.Directory.SignOut(context.Background(), directory.CommandLine, "ana")
		p.OK(err)
	}},
	{"the code is revoked", []string{"a code of the help desk"}, func(p *proved) {
		p.Write(func(st flow.Store) error {
			_, err := st.DeleteBypassCodes(context.Background(), p.Reload("ana").ID, p.Clock.Now())
			return err
		})
	}},
	{"the code is replaced by another", []string{"a code of the help desk"}, func(p *proved) { p.BypassCode("ana") }},
	{"policy lets nobody in by now", nil, func(p *proved) {
		p.app.Policy.Authentication = policy.AuthenticationDeny
		p.Save(p.app)
	}},
	{"policy takes no codes of the app by now", []string{"a code of the app"}, func(p *proved) {
		p.app.Policy.Methods = []string{policy.MethodPush}
		p.Save(p.app)
	}},
	{"policy takes no requests by now", []string{"a request"}, func(p *proved) {
		p.app.Policy.Methods = []string{policy.MethodPasscode}
		p.Save(p.app)
	}},
}

func (p *proved) settings() settings.Settings {
	s, err := p.DB.Read().LoadSettings(context.Background())
	p.OK(err)
	return s
}

// RULE-42: whatever ends a proof ends what it opened, and what did not end it leaves it open.
func TestNothingOutlivesTheProofThatOpenedIt(t *testing.T) {
	for how := range evidence {
		for _, end := range ends {
			ended := end.of == nil
			for _, of := range end.of {
				ended = ended || of == how
			}
			t.Run(how+", "+end.when, func(t *testing.T) {
				flowkit.Each(t, func(k *flowkit.Kit) {
					p := prove(k, how)
					end.do(p)
					open := p.left()
					if ended && len(open) > 0 {
						t.Errorf("still open: %q", open)
					}
					if !ended && len(open) == 0 {
						t.Error("nothing is open any more")
					}
				})
			})
		}
	}
}

// RULE-42: what ended while the page that follows the proof was not yet asked for.
func TestAProofThatEndsBeforeItIsUsedOpensNothing(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		p := prove(k, "a request")
		manage, plain := k.Begin(p.app, "ana"), k.Begin(p.app, "ana")
		evidence["a request"](p, manage, transaction.Manage)
		evidence["a request"](p, plain, transaction.SignIn)
		k.OK(k.Devices.Remove(context.Background(), k.View(k.Prove(p.app, "ana", p.on)), p.by.ID))
		if _, err := manage.Portal(); err == nil {
			t.Error("the device pages open")
		}
		if _, err := plain.Finish(); !errors.Is(err, login.ErrStale) {
			t.Errorf("the sign-in goes on: %v", err)
		}
		if step := plain.Step(); step.Kind != signin.Refused || step.Reason.Code != "login.changed" {
			t.Errorf("its page says %+v", step)
		}
	})
}
