package signin_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

func TestACallerWhoStopsWaitingEndsItsRequestUnlessItIsDecided(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		app := k.Application("ssh")
		p := k.Enrolled(app, "alice")
		r := signin.Request{Application: app, Username: "alice", IP: flowkit.Address(1)}
		ask := func() transaction.Transaction {
			g, err := k.SignIn.Gate(ctx, r)
			k.OK(err)
			sent, err := k.SignIn.Send(ctx, signin.Attempt{Gate: g, Request: r}, "push:"+p.ID)
			k.OK(err)
			return sent
		}
		waiting, decided := ask(), ask()
		k.OK(p.Approve(decided))
		for want, sent := range map[transaction.State]transaction.Transaction{transaction.Cancelled: waiting, transaction.Approved: decided} {
			for range 2 {
				if now, err := k.SignIn.Cancel(ctx, sent.ID); err != nil || now.State != want || k.Transaction(sent.ID).State != want {
					k.Errorf("%s, %v, want %s", now.State, err, want)
				}
			}
		}
		if word, err := p.Send(p.Answer(waiting, phonewire.Approve)); err != nil || word != "expired" {
			k.Errorf("a cancelled request was answered with %q, %v", word, err)
		}
	})
}

func TestWhatADoorSpendsIsGoodOnceForAnApplication(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		until := k.Clock.Now().Add(time.Minute)
		one, two := k.Application("one"), k.Application("two")
		for _, step := range []struct {
			app  string
			want error
		}{{one.ID, nil}, {one.ID, application.ErrSpent}, {two.ID, nil}} {
			if err := k.SignIn.Spend(context.Background(), step.app, []byte("digest"), until); !errors.Is(err, step.want) {
				k.Errorf("%s: %v", step.app, err)
			}
		}
	})
}

func TestWhatIsSpentWithAGrantStaysSpentAndAReplaySparesTheGrant(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.Spare = policy.SpareOff })
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		k.OK(p.Approve(l.Session().Transaction))
		grant, err := k.SignIn.Finish(ctx, l.Session())
		k.OK(err)
		collect := func(grant secret.Text, digest string) error {
			_, err := k.SignIn.CollectFor(ctx, grant, app, func(ctx context.Context, s signin.Spender) error {
				return s.SpendAssertion(ctx, app.ID, []byte(digest), k.Clock.Now().Add(time.Minute))
			})
			return err
		}
		k.Want(collect(flowkit.Secret("another"), "one"), login.ErrGrant)
		k.Want(collect(flowkit.Secret("another"), "one"), application.ErrSpent)
		k.Want(collect(grant, "one"), application.ErrSpent)
		var all sync.WaitGroup
		var taken atomic.Int64
		for i := range 8 {
			all.Go(func() {
				err := collect(grant, string(rune('a'+i%4)))
				switch {
				case err == nil:
					taken.Add(1)
				case !errors.Is(err, application.ErrSpent) && !errors.Is(err, login.ErrGrant):
					k.Error(err)
				}
			})
		}
		all.Wait()
		if taken.Load() != 1 {
			k.Errorf("the grant was collected %d times", taken.Load())
		}
		for _, digest := range []string{"a", "b", "c", "d"} { // of those who lost, too
			k.Want(collect(grant, digest), application.ErrSpent)
		}
	})
}
