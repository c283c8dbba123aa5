package mobile_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/testkit/flowkit"
)

// notMe is somebody with two phones, whose desk is told of reports.
func notMe(k *flowkit.Kit) (app application.Application, asked, other *flowkit.Phone) {
	k.Settings(func(s *settings.Settings) { s.FraudEmail = "desk@example.edu" })
	app = k.Application("Payroll", func(a *application.Application) { a.Policy.Spare = policy.SpareOff })
	asked = k.Enrolled(app, "ana")
	other, err := k.Claim(k.PairPortal(k.View(k.Prove(app, "ana", asked)), "").Link)
	k.OK(err)
	k.Mails()
	return app, asked, other
}

func ask(k *flowkit.Kit, l *flowkit.Login, p *flowkit.Phone) transaction.Transaction {
	t, err := k.SignIn.Start(context.Background(), l.Session(), "push:"+p.ID, transaction.SignIn)
	k.OK(err)
	return t
}

func report(p *flowkit.Phone, t transaction.Transaction, change ...func(*phonewire.Answer)) phonewire.Answer {
	return p.Answer(t, phonewire.Deny, append([]func(*phonewire.Answer){func(a *phonewire.Answer) { a.Reason = phonewire.Fraud }}, change...)...)
}

// reported is the one log row and the one mail of a report.
func reported(k *flowkit.Kit, before int64) {
	k.Helper()
	if n := k.Count("ana", audit.UserMarkedFraud); n != 1 {
		k.Errorf("%d rows of a report in the log", n)
	}
	mails := 0
	for _, m := range k.Mails() {
		if m.Kind == "fraud_reported" && m.To == "desk@example.edu" {
			mails++
		}
	}
	if mails != 1 {
		k.Errorf("%d mails to the desk", mails)
	}
	if now := k.Reload("ana").Epoch; now != before+1 {
		k.Errorf("the epoch went from %d to %d", before, now)
	}
}

// M-13, RULE-42: "not me" is never dropped, whatever came before it.
func TestNotMeIsNeverDropped(t *testing.T) {
	for when, before := range map[string]func(k *flowkit.Kit, p *flowkit.Phone, t transaction.Transaction){
		"in time":     func(*flowkit.Kit, *flowkit.Phone, transaction.Transaction) {},
		"after a tap": func(k *flowkit.Kit, p *flowkit.Phone, t transaction.Transaction) { k.OK(p.Approve(t)) },
		"after a mistake": func(k *flowkit.Kit, p *flowkit.Phone, t transaction.Transaction) {
			_, err := p.Send(p.Answer(t, phonewire.Deny))
			k.OK(err)
		},
		"too late": func(k *flowkit.Kit, _ *flowkit.Phone, _ transaction.Transaction) { k.Clock.Advance(2 * time.Minute) },
		"timed out": func(k *flowkit.Kit, _ *flowkit.Phone, _ transaction.Transaction) {
			k.Clock.Advance(2 * time.Minute)
			k.OK(k.SignIn.Expire(context.Background()))
		},
		"taken back": func(k *flowkit.Kit, _ *flowkit.Phone, t transaction.Transaction) {
			_, err := k.SignIn.Cancel(context.Background(), t.ID)
			k.OK(err)
		},
	} {
		t.Run(when, func(t *testing.T) {
			flowkit.Each(t, func(k *flowkit.Kit) {
				app, p, _ := notMe(k)
				l := k.Begin(app, "ana")
				tx := ask(k, l, p)
				before(k, p, tx)
				epoch := k.Reload("ana").Epoch
				for range 2 { // a lost reply: the app says it again
					if state, err := p.Send(report(p, tx)); err != nil || state != phonewire.StateReported {
						t.Fatalf("%s, %v", state, err)
					}
				}
				reported(k, epoch)
				if _, err := l.Finish(); err == nil {
					t.Error("the sign-in goes on")
				}
			})
		})
	}
}

// M-13, AC-083: the counter is for what lets somebody in.
func TestNotMeNeedsNoCounter(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app, p, _ := notMe(k)
		first := ask(k, k.Begin(app, "ana"), p)
		old := report(p, first)
		k.OK(p.Approve(first))
		epoch := k.Reload("ana").Epoch
		if state, err := p.Send(old); err != nil || state != phonewire.StateReported {
			t.Fatalf("%s, %v", state, err)
		}
		reported(k, epoch)
		if !p.Row().Connected() {
			t.Error("the phone was taken for a copy")
		}
	})
}

// M-13: of a tap and "not me" at one moment, either may come first; the report counts.
func TestNotMeBesideATapIsNotLost(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app, p, _ := notMe(k)
		for range 20 {
			k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 100 })
			l := k.Begin(app, "ana")
			tx := ask(k, l, p)
			epoch, logged := k.Reload("ana").Epoch, k.Count("ana", audit.UserMarkedFraud)
			k.Clock.Advance(time.Second)
			tap, no := p.Answer(tx, phonewire.Approve), report(p, tx)
			var both sync.WaitGroup
			for _, a := range []phonewire.Answer{tap, no} {
				both.Go(func() { _, _ = p.Send(a) })
			}
			both.Wait()
			if k.Reload("ana").Epoch == epoch || k.Count("ana", audit.UserMarkedFraud) != logged+1 {
				t.Fatalf("the report is lost: the request is %s", k.Transaction(tx.ID).State)
			}
			if _, err := l.Finish(); err == nil {
				t.Fatal("the sign-in goes on")
			}
			k.OK(k.Begin(app, "ana").Code(k.BypassCode("ana"), transaction.SignIn)) // requests are on again
		}
	})
}

// M-13: a phone that somebody added from that sign-in goes with it, and the person's own stay.
func TestNotMeTakesThePhoneThatWasPairedFromIt(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app, p, other := notMe(k)
		l := k.Begin(app, "ana")
		tx, err := k.SignIn.Start(context.Background(), l.Session(), "push:"+p.ID, transaction.Manage)
		k.OK(err)
		k.OK(p.Approve(tx))
		key, err := l.Portal()
		k.OK(err)
		theirs, err := k.Claim(k.PairPortal(k.View(key), "").Link)
		k.OK(err)
		if state, err := p.Send(report(p, tx)); err != nil || state != phonewire.StateReported {
			t.Fatalf("%s, %v", state, err)
		}
		if theirs.Row().Connected() || !p.Row().Connected() || !other.Row().Connected() {
			t.Errorf("connected: theirs %v, own %v and %v", theirs.Row().Connected(), p.Row().Connected(), other.Row().Connected())
		}
		if _, err := k.Mobile.Key(context.Background(), theirs.KeyID); !errors.Is(err, phone.ErrRemoved) {
			t.Errorf("its app is told %v", err)
		}
	})
}
