package signin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	name   string
	app    application.Application
	by, on *flowkit.Phone // the phone that proved, and another one
	login  *flowkit.Login
	portal *flowkit.Login // a second one, that opens the device pages
	key    secret.Text    // of the device pages
	view   devices.View
	grant  secret.Text
	code   string // of the pairing page
	kept   secret.Text
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
		p.OK(l.Code(p.BypassCode(p.name, func(r *directory.BypassRequest) { r.Uses, r.PreserveExisting = 5, true }), purpose))
	},
}

func prove(k *flowkit.Kit, how, name string) *proved {
	p := &proved{Kit: k, name: name}
	p.app = k.Application("Payroll of "+name, func(a *application.Application) {
		a.Policy.RememberDays, a.Policy.Spare = 30, policy.SpareOff
	})
	k.User(name)
	p.by = k.Enrolled(p.app, name)
	v := k.View(k.Prove(p.app, name, p.by))
	on, err := k.Claim(k.PairPortal(v, "").Link)
	k.OK(err)
	p.on = on
	k.Clock.Advance(time.Minute)

	p.portal = k.Begin(p.app, name)
	evidence[how](p, p.portal, transaction.Manage)
	p.key, err = p.portal.Portal()
	k.OK(err)
	p.view = k.View(p.key)
	p.code = k.PairPortal(p.view, "").Link

	p.login = k.Begin(p.app, name)
	k.OK(k.SignIn.ChooseRemember(context.Background(), p.login.Session(), true))
	evidence[how](p, p.login, transaction.SignIn)
	p.grant, err = p.login.Finish()
	k.OK(err)
	p.kept = keeps(k, p.login)
	return p
}

// over takes the application out of use, so that its policy asks nothing of the next one's device pages.
func (p *proved) over() {
	p.app.Deleted = p.Clock.Now()
	p.Save(p.app)
}

// left says what of all that still opens something.
func (p *proved) left() (open []string) {
	ctx := context.Background()
	if !p.kept.Empty() && again(p.Kit, p.app, p.name, p.kept).Stage() == login.Allowed {
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
		p.OK(p.Devices.Remove(context.Background(), p.View(p.Prove(p.app, p.name, p.on)), p.by.ID))
	}},
	{"the phone is replaced elsewhere", []string{"a request", "a code of the app"}, func(p *proved) {
		_, err := p.Claim(p.PairPortal(p.View(p.Prove(p.app, p.name, p.on)), p.by.ID).Link)
		p.OK(err)
	}},
	{"the app leaves", []string{"a request", "a code of the app"}, func(p *proved) { p.OK(p.by.Leave()) }},
	{"the person is disabled, and enabled again", nil, func(p *proved) {
		p.Status(p.name, user.Disabled)
		p.Status(p.name, user.Active)
	}},
	{"an administrator disables and enables them", nil, func(p *proved) {
		for _, s := range []user.Status{user.Disabled, user.Active} {
			_, err := p.Directory.SetUser(context.Background(), directory.CommandLine, p.name, directory.UserChange{Status: &s})
			p.OK(err)
		}
	}},
	{"they are locked out, and let in again", nil, func(p *proved) {
		l := p.Begin(p.app, p.name)
		for range p.settings().LockoutThreshold {
			_ = l.Code(p.on.Wrong(), transaction.SignIn)
		}
		_, err := p.Directory.Unlock(context.Background(), directory.CommandLine, p.name)
		p.OK(err)
	}},
	{"they say that another sign-in was not theirs", nil, func(p *proved) {
		p.report(p.on, p.ask(p.Begin(p.app, p.name), p.on, transaction.SignIn))
	}},
	{"an administrator signs them out everywhere", nil, func(p *proved) {
		_, err := p.Directory.SignOut(context.Background(), directory.CommandLine, p.name)
		p.OK(err)
	}},
	{"the code is revoked", []string{"a code of the help desk"}, func(p *proved) {
		p.Write(func(st flow.Store) error {
			_, err := st.DeleteBypassCodes(context.Background(), p.Reload(p.name).ID, p.Clock.Now())
			return err
		})
	}},
	{"the code is replaced by another", []string{"a code of the help desk"}, func(p *proved) { p.BypassCode(p.name) }},
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
	flowkit.Each(t, func(k *flowkit.Kit) {
		for how := range evidence {
			for i, end := range ends {
				p := prove(k, how, fmt.Sprintf("ana%d-%d", len(how), i))
				end.do(p)
				open, ended := p.left(), end.of == nil || slices.Contains(end.of, how)
				if ended && len(open) > 0 {
					k.Errorf("%s, %s: still open: %q", how, end.when, open)
				}
				if !ended && len(open) == 0 {
					k.Errorf("%s, %s: nothing is open any more", how, end.when)
				}
				p.over()
			}
		}
	})
}

// RULE-42: what ended while the page that follows the proof was not yet asked for.
func TestAProofThatEndsBeforeItIsUsedOpensNothing(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		p := prove(k, "a request", "ana")
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

// RULE-42: a program that asks again about an approved request hears what holds now.
func TestARequestThatWasApprovedIsAskedAgain(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		for i, end := range ends {
			p := prove(k, "a request", fmt.Sprint("ana", i))
			ctx, asked := context.Background(), signin.Request{Door: "auth", Application: p.app, Username: p.name, Proving: true}
			gate, err := k.SignIn.Preauth(ctx, asked)
			k.OK(err)
			sent, err := k.SignIn.Send(ctx, signin.Attempt{Gate: gate, Request: asked}, "push:"+p.by.ID)
			k.OK(err)
			k.OK(p.by.Approve(sent))
			state := func() transaction.State {
				t, err := k.SignIn.Watch(ctx, sent.ID, p.app.ID)
				k.OK(err)
				return t.State
			}
			if state() != transaction.Approved {
				k.Fatalf("%s: right after its approval: %s", end.when, state())
			}
			end.do(p)
			want := transaction.Approved
			if end.of == nil || slices.Contains(end.of, "a request") {
				want = transaction.Denied
			}
			if state() != want {
				k.Errorf("%s: %s, want %s", end.when, state(), want)
			}
			p.over()
		}
	})
}

// RULE-42: who puts a new phone in the place of the old one goes on with what they began, and nobody else does.
func TestAReplacedPhoneCarriesItsOwnSessionOn(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		p := prove(k, "a request", "ana")
		_, err := k.Claim(k.PairPortal(p.view, p.by.ID).Link)
		k.OK(err)
		if _, err := k.Devices.Resume(context.Background(), p.key); err != nil {
			t.Errorf("its own session: %v", err)
		}
		if _, err := p.portal.Enter(); err != nil {
			t.Errorf("its own sign-in: %v", err)
		}
		if _, err := k.SignIn.Collect(context.Background(), p.grant, p.app.ID); err == nil {
			t.Error("another sign-in by the old phone goes on, too")
		}
	})
}

// RULE-42, AC-034: let in without a proof, by a rule that holds no more.
func TestWhoeverWasLetInUnaskedIsLookedAtAgain(t *testing.T) {
	ctx := context.Background()
	for when, c := range map[string]struct {
		in, out func(k *flowkit.Kit, a application.Application)
	}{
		"bypass, and active again": {
			func(k *flowkit.Kit, _ application.Application) { k.User("ana"); k.Status("ana", user.Bypass) },
			func(k *flowkit.Kit, _ application.Application) { k.Status("ana", user.Active) }},
		"bypass, and the application is off": {
			func(k *flowkit.Kit, _ application.Application) { k.User("ana"); k.Status("ana", user.Bypass) },
			func(k *flowkit.Kit, a application.Application) { a.Disabled = true; k.Save(a) }},
		"policy asks nobody, and then somebody": {
			func(k *flowkit.Kit, a application.Application) {
				a.Policy.Authentication = policy.AuthenticationBypass
				k.Save(a)
			},
			func(k *flowkit.Kit, a application.Application) { k.Save(a) }},
		"newcomers are let in, and then not": {
			func(k *flowkit.Kit, a application.Application) { a.Policy.NewUser = policy.NewUserAllow; k.Save(a) },
			func(k *flowkit.Kit, a application.Application) { a.Policy.NewUser = policy.NewUserDeny; k.Save(a) }},
		"a newcomer is known and disabled by then": {
			func(k *flowkit.Kit, a application.Application) { a.Policy.NewUser = policy.NewUserAllow; k.Save(a) },
			func(k *flowkit.Kit, a application.Application) { k.User("ana"); k.Status("ana", user.Disabled) }},
	} {
		t.Run(when, func(t *testing.T) {
			flowkit.Each(t, func(k *flowkit.Kit) {
				app := k.Application("Payroll")
				c.in(k, app)
				now, err := k.DB.Read().ApplicationByID(ctx, app.ID)
				k.OK(err)
				good, late, spent := k.Begin(now, "ana"), k.Begin(now, "ana"), k.Begin(now, "ana")
				if _, err := good.Enter(); err != nil {
					t.Fatalf("while the rule holds: %v", err)
				}
				grant, err := spent.Finish()
				k.OK(err)
				c.out(k, app)
				if _, err := late.Enter(); err == nil {
					t.Error("the sign-in is finished and collected")
				}
				if _, err := k.SignIn.Collect(ctx, grant, app.ID); err == nil {
					t.Error("the grant is collected")
				}
			})
		})
	}
}
