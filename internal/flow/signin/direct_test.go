package signin_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

// Two logins of one person from one address look the same, and are two (decision 0026, RULE-13): one approval opens one.
func TestEachCallIsARequestOfItsOwn(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("ssh")
		p := k.Enrolled(app, "alice")
		r := signin.Request{Application: app, Username: "alice", IP: flowkit.Address(1)}
		ask := func() (transaction.Transaction, error) {
			g, err := k.SignIn.Gate(context.Background(), r)
			k.OK(err)
			return k.SignIn.Send(context.Background(), signin.Attempt{Gate: g, Request: r}, "push:"+p.ID)
		}
		first, err := ask()
		k.OK(err)
		second, err := ask()
		k.OK(err)
		if first.ID == second.ID {
			k.Error("two calls share a request")
		}
		_, err = ask()
		k.Want(err, signin.ErrPushLimit)
		k.OK(p.Approve(first))
		if now, err := k.DB.Read().TransactionByID(context.Background(), second.ID); err != nil || now.State != transaction.Pending {
			k.Errorf("the other request is %s, %v", now.State, err)
		}
	})
}

// AC-011: digits belong to one request, whatever became of it, and no two open requests ask for the same.
func TestANumberStartsOneRequest(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("vpn")
		p := k.Enrolled(app, "alice")
		ask := func(ticket, number string) error {
			r := signin.Request{Application: app, Username: "alice", IP: flowkit.Address(1)}
			g, err := k.SignIn.Gate(context.Background(), r)
			k.OK(err)
			_, err = k.SignIn.Send(context.Background(), signin.Attempt{Gate: g, Request: r, TxID: ticket, Number: number}, "push:"+p.ID)
			return err
		}
		k.OK(ask("one", "111"))
		k.Want(ask("one", "111"), signin.ErrNumberSpent)
		k.Want(ask("two", "111"), signin.ErrNumberSpent)
		k.Clock.Advance(transaction.Life + time.Second)
		k.Want(ask("one", "111"), signin.ErrNumberSpent)
		k.OK(ask("two", "111"))

		var all sync.WaitGroup
		var sent atomic.Int32
		for range 16 {
			all.Go(func() {
				if ask("three", "333") == nil {
					sent.Add(1)
				}
			})
		}
		all.Wait()
		if n := sent.Load(); n != 1 {
			k.Errorf("one ticket started %d requests", n)
		}
	})
}

func TestASecondWindowFinishesWithTheSameTicketWhichIsGoodOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		k := flowkit.New(t, db)
		app := k.Application("wiki")
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		k.OK(l.Code(p.Code(), transaction.SignIn))
		one, err := k.SignIn.Finish(context.Background(), l.Session())
		k.OK(err)
		two, err := k.SignIn.Finish(context.Background(), l.Session())
		k.OK(err)
		if one.Reveal() != two.Reveal() {
			t.Error("two windows got two tickets")
		}
		if _, err := k.SignIn.Collect(context.Background(), two, app.ID); err != nil {
			t.Error(err)
		}
		if _, err := k.SignIn.Collect(context.Background(), one, app.ID); err == nil {
			t.Error("the ticket was good twice")
		}
	})
}

// Codes typed at doors without a browser leave a row for the answer; they rang no phone, so the limits on requests
// (RULE-13) do not count them, as they do not count codes typed in the prompt (AC-035).
func TestWrongCodesDoNotStopRequests(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		k := flowkit.New(t, db)
		app := k.Application("vpn")
		p := k.Enrolled(app, "alice")
		attempt := func() signin.Attempt {
			r := signin.Request{Application: app, Username: "alice", IP: flowkit.Address(1)}
			g, err := k.SignIn.Gate(context.Background(), r)
			k.OK(err)
			return signin.Attempt{Gate: g, Request: r}
		}
		for range signin.MaxMissed + 1 {
			decided, err := k.SignIn.Prove(context.Background(), attempt(), p.Wrong())
			k.OK(err)
			if decided.State != transaction.Denied {
				t.Fatalf("a wrong code came to %s", decided.State)
			}
		}
		if _, err := k.SignIn.Send(context.Background(), attempt(), "push:"+p.ID); err != nil {
			t.Errorf("after wrong codes a request is refused: %v", err)
		}
	})
}

// A code that fits what was read is let in without another look, so what was read must still be so (AC-003, AC-005).
func TestARightCodeCountsAsThingsAreNow(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("vpn")
		p := k.Enrolled(app, "alice")
		r := signin.Request{Application: app, Username: "alice", IP: flowkit.Address(1)}
		try := func(meanwhile func(code string)) (transaction.Transaction, error) {
			g, err := k.SignIn.Gate(context.Background(), r)
			k.OK(err)
			code := p.Code()
			meanwhile(code)
			return k.SignIn.Prove(context.Background(), signin.Attempt{Gate: g, Request: r}, code)
		}
		d, err := try(func(code string) { k.OK(k.Begin(app, "alice").Code(code, transaction.SignIn)) })
		k.OK(err)
		if n := k.Reload("alice").Failures; d.State != transaction.Denied || n != 1 || k.Last("alice").Reason != audit.InvalidPasscode {
			k.Errorf("a code used meanwhile: %s, %d failures, logged as %s", d.State, n, k.Last("alice").Reason)
		}
		d, err = try(func(string) {})
		k.OK(err)
		if n := k.Reload("alice").Failures; d.State != transaction.Approved || n != 0 {
			k.Errorf("a good code: %s, %d failures", d.State, n)
		}
		_, err = try(func(string) { k.Status("alice", user.Disabled) })
		if k.Want(err, user.ErrLocked); k.Last("alice").Reason != audit.UserDisabled {
			k.Errorf("disabled meanwhile: logged as %s", k.Last("alice").Reason)
		}
	})
}

// Whose account was closed after the gates is not let in, whatever was presumed meanwhile.
func TestACodeThatIsRefusedIsNotCalledApproved(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("ssh")
		p := k.Enrolled(app, "alice")
		r := signin.Request{Application: app, Username: "alice", IP: flowkit.Address(1)}
		g, err := k.SignIn.Gate(context.Background(), r)
		k.OK(err)
		k.OK(k.DB.Write(context.Background(), func(st flow.Store) error {
			_, err := st.LockOut(context.Background(), g.User.ID, k.Clock.Now())
			return err
		}))
		a := signin.Attempt{Gate: g, Request: r}
		decided, err := k.SignIn.Prove(context.Background(), a, p.Code())
		if k.Want(err, user.ErrLocked); decided.State == transaction.Approved {
			k.Error("the transaction beside the refusal is approved")
		}
	})
}
