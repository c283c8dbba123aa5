package signin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
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
