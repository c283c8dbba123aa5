package attempt_test

import (
	"context"
	"strings"
	"testing"

	"countersign/internal/api/attempt"
	"countersign/internal/base/message"
	"countersign/internal/domain/account"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// D-30: on a terminal, too, the steps of a resynchronization ask for the next code; the log counts them as wrong ones.
func TestADoorWithoutPagesAsksForTheNextCodeOfAResynchronization(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ssh := k.Application("ssh")
		p := k.Enrolled(k.Application("Payroll"), "alice")
		try := func(counter uint64) transaction.Transaction {
			r := signin.Request{Application: ssh, Username: "alice", IP: flowkit.Address(1)}
			g, err := k.SignIn.Gate(context.Background(), r)
			k.OK(err)
			sent, err := k.SignIn.Prove(context.Background(), signin.Attempt{Gate: g, Request: r, InCall: true}, p.CodeAt(counter))
			k.OK(err)
			return sent
		}
		far := uint64(p.Row().OTP.Counter) + 60
		for n := range uint64(2) {
			step := try(far + n)
			if s := attempt.StatusOf(message.English(), step); step.State != transaction.Denied || s.Result != attempt.ResultDeny || !strings.Contains(s.Text, "next one") {
				t.Errorf("step %d: %+v, %+v", n+1, step, s)
			}
			if last := k.Last("alice"); last.Reason != audit.InvalidPasscode {
				t.Errorf("step %d: logged %+v", n+1, last)
			}
		}
		if third := try(far + 2); third.State != transaction.Approved {
			t.Errorf("the third code: %+v", third)
		}
		k.Write(func(st flow.Store) error { // RULE-43
			g := account.Guess{On: account.App, ID: p.ID, Chance: account.MaxChance, Time: k.Clock.Now()}
			_, _, err := st.TurnCodesOff(context.Background(), g)
			return err
		})
		if s := attempt.StatusOf(message.English(), try(far+3)); s.Result != attempt.ResultDeny || !strings.Contains(s.Text, "codes of your phone are off") {
			t.Errorf("codes that are off: %+v", s)
		}
		k.Write(func(st flow.Store) error { return st.ForgetGuesses(context.Background(), account.App, p.ID) })
		if wrong := try(far + 5000); wrong.Reason != audit.InvalidPasscode {
			t.Errorf("a wrong code: %+v", wrong)
		}
	})
}
