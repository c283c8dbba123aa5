package devices_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/testkit/flowkit"
)

// PAGE-1, WCAG 2.2.1: each look at the list gives its time once more, and the sign-in behind it waits as long.
func TestTheListAndTheSignInBehindItLastAsLongAsSomebodyUsesThem(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "ana")
		l := k.Begin(app, "ana")
		k.OK(l.Code(p.Code(), transaction.Manage))
		cookie, err := l.Portal()
		k.OK(err)
		start := k.Clock.Now()
		v := k.View(cookie)
		if !v.Ends().Equal(start.Add(session.Idle)) || !v.MoreTime() {
			k.Fatalf("it ends at %v, more time: %t", v.Ends(), v.MoreTime())
		}
		for range 3 {
			k.Clock.Advance(session.Idle - time.Minute)
			k.View(cookie)
			l.Session() // fails when the sign-in is over
		}
		k.Clock.Advance(session.Idle - time.Minute)
		if v = k.View(cookie); !v.Ends().Equal(start.Add(session.Life)) || v.MoreTime() {
			k.Errorf("near the hour it ends at %v, more time: %t", v.Ends(), v.MoreTime())
		}
		l.Session()
		k.Clock.Advance(4 * time.Minute)
		_, err = k.Devices.Resume(context.Background(), cookie)
		k.Want(err, session.ErrIdle)
	})
}

func TestALookAtTheListBringsNoFinishedSignInBack(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "ana")
		l := k.Begin(app, "ana")
		k.OK(l.Code(p.Code(), transaction.Manage))
		cookie, err := l.Portal()
		k.OK(err)
		before := l.Session().Login
		_, err = k.SignIn.Finish(context.Background(), l.Session())
		k.OK(err)
		k.Clock.Advance(time.Minute)
		k.View(cookie)
		after, err := k.DB.Read().LoginByID(context.Background(), l.ID)
		k.OK(err)
		if !after.Expires.Equal(before.Expires) || after.Stage == before.Stage {
			k.Errorf("%v until %v became %v until %v", before.Stage, before.Expires, after.Stage, after.Expires)
		}
	})
}
