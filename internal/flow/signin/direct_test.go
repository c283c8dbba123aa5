package signin_test

import (
	"context"
	"testing"

	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

// A client repeats a call when its connection breaks (security 4.4): that is one request. Two logins from one
// address are two.
func TestARepeatedCallIsOneRequestAndAnotherLoginIsItsOwn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		k := flowkit.New(t, db)
		app := k.Application("ssh")
		p := k.Enrolled(app, "alice")
		ask := func(command string) transaction.Transaction {
			t.Helper()
			r := signin.Request{Application: app, Username: "alice", IP: flowkit.Address(1)}
			g, err := k.SignIn.Gate(context.Background(), r)
			k.OK(err)
			sent, err := k.SignIn.Send(context.Background(), signin.Attempt{Gate: g, Request: r,
				Info: []transaction.Field{{Label: "Command", Value: command}}}, "push:"+p.ID)
			k.OK(err)
			return sent
		}
		first := ask("ls")
		if again := ask("ls"); again.ID != first.ID {
			t.Error("the repeated call sent a second request")
		}
		if other := ask("rm"); other.ID == first.ID {
			t.Error("another login shared the first one's request")
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
// (decision 13) do not count them, as they do not count codes typed in the prompt (AC-035).
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
