package mobile_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/testkit/flowkit"
)

// AC-083 is about copies. Two requests may be open (RULE-13), and on a bad line the answer to the first can come
// after that to the second.
func TestAnAnswerThatWasOvertakenIsSignedAgainAndEndsNoKey(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		first, second := k.Begin(app, "alice"), k.Begin(app, "alice")
		delayed := p.Answer(first.Session().Transaction, phonewire.Approve)
		k.Clock.Advance(time.Second)
		k.OK(p.Approve(second.Session().Transaction))
		_, err := p.Send(delayed)
		k.Want(err, phone.ErrCounter)
		if _, err := k.Mobile.Key(context.Background(), p.KeyID); err != nil {
			k.Fatalf("the phone is cut off: %v", err)
		}
		k.OK(p.Approve(first.Session().Transaction))
		if first.Stage() != login.Allowed {
			k.Error("the answer signed again was not taken")
		}
	})
}

// AC-012: an answer that comes after the request's time is over says so, also when nothing has swept the request yet.
func TestAnAnswerThatComesTooLateHearsThatTheRequestIsOver(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		answer := p.Answer(l.Session().Transaction, phonewire.Approve)
		k.Clock.Advance(2 * time.Minute)
		for _, swept := range []bool{false, true} {
			if swept {
				k.OK(k.SignIn.Expire(context.Background()))
			}
			out, err := p.Send(answer)
			k.OK(err)
			if out != phonewire.StateExpired || l.Stage() == login.Allowed {
				k.Errorf("swept %v: %q, the login is %s", swept, out, l.Stage())
			}
		}
	})
}
