package mobile_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/account"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
	"countersign/internal/testkit/flowkit"
)

// A request is fetched, or an alert noted, while the same request is decided: both take the account first, so that neither
// holds what the other waits for.
func TestAFetchWaitsForADecisionAndHoldsNothingMeanwhile(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		app := k.Application("Payroll")
		p := k.Enrolled(app, "ana")
		p.Subscribe()
		l := k.Begin(app, "ana")
		sent := l.Session().Transaction
		if sent.ID == "" {
			var err error
			sent, err = l.Push(transaction.SignIn)
			k.OK(err)
		}
		k.Eventually("the alert is noted", func() bool { return !k.Transaction(sent.ID).Delivered.IsZero() })
		fetched := make(chan int, 1)
		early := false
		k.Write(func(st flow.Store) error {
			if _, err := st.LockAccount(ctx, sent.UserID); err != nil {
				return err
			}
			go func() { fetched <- len(p.Requests()) }()
			select {
			case n := <-fetched:
				fetched <- n
				early = true
			case <-time.After(100 * time.Millisecond):
			}
			if err := st.BumpLogin(ctx, sent.LoginID); err != nil {
				return err
			}
			return st.DecideTransaction(ctx, sent.ID, transaction.Cancelled, account.Proof{}, k.Clock.Now())
		})
		if n := <-fetched; n != 1 || early {
			k.Errorf("%d requests, before the decision: %v", n, early)
		}
	})
}

// A call of an app that was proved before another one took its place changes nothing of the new one.
func TestAnAppThatWasReplacedChangesNothing(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		v, _, old := k.Manager(k.Application("Payroll"), "ana")
		fresh, err := k.Claim(k.PairPortal(v, old.ID).Link)
		k.OK(err)
		fresh.Subscribe()
		before := fresh.Row()
		k.Want(old.TrySubscribe(), phone.ErrReplaced)
		k.Want(k.Mobile.Subscribe(ctx, old.ID, old.KeyID, phonewire.Subscription{}), phone.ErrReplaced)
		k.Want(k.Mobile.Rename(ctx, old.ID, old.KeyID, "Mine"), phone.ErrReplaced)
		k.Want(old.Leave(), phone.ErrReplaced)
		if now := fresh.Row(); now.KeyID != fresh.KeyID || now.Name != before.Name || now.Alerts != phone.AlertsOn || string(now.Subscription) != string(before.Subscription) {
			k.Errorf("%+v", now)
		}
		k.OK(fresh.Leave())
		k.Want(fresh.TrySubscribe(), phone.ErrRemoved)
		k.Want(fresh.Leave(), phone.ErrRemoved)
	})
}
