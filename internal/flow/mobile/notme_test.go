package mobile_test

import (
	"context"
	"errors"
	"strings"
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
	"countersign/internal/flow/devices"
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
		if strings.HasPrefix(m.Kind, "fraud_reported") && m.To == "desk@example.edu" {
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

// M-13: what was opened step by step from that sign-in ends with it.
func TestNotMeEndsTheWholeChain(t *testing.T) {
	ctx := context.Background()
	for how, second := range map[string]func(k *flowkit.Kit, app application.Application, theirs *flowkit.Phone) *flowkit.Phone{
		"another phone by the first": func(k *flowkit.Kit, app application.Application, theirs *flowkit.Phone) *flowkit.Phone {
			more, err := k.Claim(k.PairPortal(k.View(k.Prove(app, "ana", theirs)), "").Link)
			k.OK(err)
			return more
		},
		"a new app in its place": func(k *flowkit.Kit, app application.Application, theirs *flowkit.Phone) *flowkit.Phone {
			anew, err := k.Claim(k.PairPortal(k.View(k.Prove(app, "ana", theirs)), theirs.ID).Link)
			k.OK(err)
			return anew
		},
	} {
		t.Run(how, func(t *testing.T) {
			flowkit.Each(t, func(k *flowkit.Kit) {
				app, p, other := notMe(k)
				tx, view := taken(k, app, p)
				theirs, err := k.Claim(k.PairPortal(view, "").Link)
				k.OK(err)
				k.Clock.Advance(time.Second)
				last := second(k, app, theirs)
				if state, err := p.Send(report(p, tx)); err != nil || state != phonewire.StateReported {
					t.Fatalf("%s, %v", state, err)
				}
				if theirs.Row().Connected() || last.Row().Connected() || !p.Row().Connected() || !other.Row().Connected() {
					t.Errorf("connected: theirs %v and %v, own %v and %v", theirs.Row().Connected(), last.Row().Connected(), p.Row().Connected(), other.Row().Connected())
				}
				if _, _, err := keyOf(ctx, k, last); !errors.Is(err, phone.ErrRemoved) {
					t.Errorf("the last app is told %v", err)
				}
			})
		})
	}
}

// M-13: whoever takes the phone over does not silence it so.
func TestNotMeIsHeardFromAPhoneThatWasTakenOver(t *testing.T) {
	ctx := context.Background()
	for how, take := range map[string]func(k *flowkit.Kit, v devices.View, p *flowkit.Phone) *flowkit.Phone{
		"another app in its place": func(k *flowkit.Kit, v devices.View, p *flowkit.Phone) *flowkit.Phone {
			theirs, err := k.Claim(k.PairPortal(v, p.ID).Link)
			k.OK(err)
			return theirs
		},
		"removed": func(k *flowkit.Kit, v devices.View, p *flowkit.Phone) *flowkit.Phone {
			theirs, err := k.Claim(k.PairPortal(v, "").Link)
			k.OK(err)
			k.OK(k.Devices.Remove(ctx, v, p.ID))
			return theirs
		},
	} {
		t.Run(how, func(t *testing.T) {
			flowkit.Each(t, func(k *flowkit.Kit) {
				app, p, _ := notMe(k)
				tx, view := taken(k, app, p)
				no := report(p, tx)
				theirs := take(k, view, p)
				k.Mails()
				epoch := k.Reload("ana").Epoch
				out, err := k.Mobile.NotMe(ctx, p.KeyID, no)
				if err != nil || out.State != phonewire.StateReported {
					t.Fatalf("%s, %v", out.State, err)
				}
				reported(k, epoch)
				if theirs.Row().Connected() {
					t.Error("their phone stays")
				}
				tap := p.Answer(tx, phonewire.Approve) // nothing else is heard from it
				if _, err := k.Mobile.NotMe(ctx, p.KeyID, tap); err == nil {
					t.Error("an approval is taken")
				}
			})
		})
	}
}

// taken is a sign-in that was approved by mistake, with the device pages that it opened.
func taken(k *flowkit.Kit, app application.Application, p *flowkit.Phone) (transaction.Transaction, devices.View) {
	k.Helper()
	l := k.Begin(app, "ana")
	tx, err := k.SignIn.Start(context.Background(), l.Session(), "push:"+p.ID, transaction.Manage)
	k.OK(err)
	k.OK(p.Approve(tx))
	key, err := l.Portal()
	k.OK(err)
	k.Clock.Advance(time.Second)
	return tx, k.View(key)
}

func keyOf(ctx context.Context, k *flowkit.Kit, p *flowkit.Phone) (string, []byte, error) {
	key, err := k.Mobile.Key(ctx, p.KeyID)
	return key.PhoneID, key.SPKI, err
}
