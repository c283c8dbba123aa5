package signin_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/testkit/flowkit"
)

// PAGE-1, WCAG 2.2.1
func TestASignInIsKeptOpenWhileSomebodyAsksForMoreTime(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx, app := context.Background(), k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		begun := k.Clock.Now()

		k.Clock.Advance(login.Life - time.Second)
		s := l.Session()
		if !s.MoreTime() || !s.Ends().Equal(begun.Add(login.Life)) {
			k.Errorf("it ends at %v, more time: %v", s.Ends(), s.MoreTime())
		}
		var all sync.WaitGroup
		for range 4 { // four windows
			all.Go(func() {
				until, err := k.SignIn.KeepGoing(ctx, s)
				if err != nil || !until.Equal(k.Clock.Now().Add(login.Life)) {
					t.Errorf("until %v: %v", until, err)
				}
			})
		}
		all.Wait()
		k.Clock.Advance(login.Life - time.Second)
		k.OK(l.Code(p.Code(), transaction.SignIn))
		if _, err := l.Finish(); err != nil {
			k.Errorf("the time that was given is not there: %v", err)
		}
		if s := l.Session(); !s.Ends().IsZero() {
			k.Errorf("a finished sign-in ends at %v", s.Ends())
		}
		_, err := k.SignIn.KeepGoing(ctx, s)
		k.Want(err, login.ErrStale)
	})
}

func TestASignInThatIsOverIsNotRevived(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		s := l.Session()
		k.Clock.Advance(login.Life)
		_, err := k.SignIn.KeepGoing(context.Background(), s)
		k.Want(err, login.ErrStale)

		l = k.Begin(app, "alice")
		begun := k.Clock.Now()
		for range 20 {
			k.Clock.Advance(l.Row().Expires.Sub(k.Clock.Now()) - time.Second)
			if s = l.Session(); !s.MoreTime() {
				break
			}
			_, err := k.SignIn.KeepGoing(context.Background(), s)
			k.OK(err)
		}
		if whole := s.Ends().Sub(begun); whole > (1+login.Extensions)*login.Life {
			k.Errorf("it is open for %v", whole)
		}
		until, err := k.SignIn.KeepGoing(context.Background(), s)
		k.OK(err)
		if whole := until.Sub(begun); whole > (1+login.Extensions)*login.Life {
			k.Errorf("more than there is: %v", whole)
		}
	})
}
