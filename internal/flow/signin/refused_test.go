package signin_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// RULE-13: the help desk sees that requests were refused, and who asks on and on fills no log.
func TestRequestsRefusedForTheirNumberLeaveOneRow(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		payroll, library := k.Application("Payroll"), k.Application("Library")
		p := k.Enrolled(payroll, "alice")
		k.Clock.Advance(time.Hour)
		rows := func(want int, when string) {
			t.Helper()
			if n := k.Count("alice", audit.FrequentAttempts); n != want {
				k.Errorf("%s: %d rows, want %d", when, n, want)
			}
		}
		direct := func() error {
			r := signin.Request{Application: payroll, Username: "alice", IP: flowkit.Address(1)}
			g, err := k.SignIn.Gate(context.Background(), r)
			k.OK(err)
			_, err = k.SignIn.Send(context.Background(), signin.Attempt{Gate: g, Request: r, Number: "123"}, "push:"+p.ID)
			return err
		}
		k.Begin(payroll, "alice")
		k.Begin(payroll, "alice")
		rows(0, "two open requests")
		third := k.Begin(payroll, "alice")
		rows(1, "a third one that would have begun by itself")
		if last := k.Last("alice"); last.Result != audit.Denied || last.Factor != audit.FactorPush || last.Application.ID != payroll.ID || last.TxID != third.Row().TxID {
			k.Errorf("logged %+v", last)
		}
		for range 5 {
			_, err := third.Push(transaction.SignIn)
			k.Want(err, signin.ErrPushLimit)
			k.Want(direct(), signin.ErrPushLimit)
		}
		rows(1, "asking on")
		k.Begin(library, "alice")
		rows(2, "another application")

		for range 4 { // goes unanswered until requests are stopped
			k.Clock.Advance(transaction.Life)
			k.OK(k.SignIn.Expire(context.Background()))
			k.Begin(payroll, "alice")
		}
		k.Want(direct(), signin.ErrPushStorm)
		rows(2, "the stop, within ten minutes")
		k.Clock.Advance(11 * time.Minute)
		for range 20 {
			k.Want(direct(), signin.ErrPushStorm)
			k.Clock.Advance(time.Second)
		}
		rows(3, "the stop, later")
	})
}

// RULE-14, coalesced over parallel calls too.
func TestARequestWithoutTheNumberThatPolicyDemandsLeavesOneRow(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("ssh", func(a *application.Application) { a.Policy.NumberRequired = "on" })
		p := k.Enrolled(k.Application("Payroll"), "alice")
		r := signin.Request{Application: app, Username: "alice", IP: flowkit.Address(1)}
		g, err := k.SignIn.Gate(context.Background(), r)
		k.OK(err)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := k.SignIn.Send(context.Background(), signin.Attempt{Gate: g, Request: r}, "push:"+p.ID)
				k.Want(err, signin.ErrNumber)
			})
		}
		all.Wait()
		if n := k.Count("alice", audit.FactorRestricted); n != 1 {
			k.Errorf("%d rows", n)
		}
		if last := k.Last("alice"); last.Result != audit.Denied || last.Factor != audit.FactorPush || last.TxID == "" {
			k.Errorf("logged %+v", last)
		}
		if len(p.Requests()) != 0 {
			k.Error("a request was sent")
		}
	})
}
