package signin_test

import (
	"testing"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// AC-034: what the policy says when the proof is given counts, for codes and requests as for approvals.
func TestAPolicyThatDeniesMeanwhileStopsEveryProof(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "ana")
		l := k.Begin(app, "ana")
		app.Policy.Authentication = policy.AuthenticationDeny
		k.Save(app)
		k.Want(l.Code(p.Code(), transaction.SignIn), login.ErrStale)
		if last := k.Last("ana"); last.Reason != audit.DeniedByPolicy || last.Result != audit.Denied || l.Stage() != login.Open {
			t.Errorf("the sign-in is %s, logged %+v", l.Stage(), last)
		}
		_, err := l.Push(transaction.SignIn)
		k.Want(err, login.ErrStale)
		_, err = l.Finish()
		k.Want(err, login.ErrStale)
		if step := l.Step(); step.Kind != signin.Refused || step.Reason.Code != "way.denied" {
			t.Errorf("the page says %+v", step)
		}
		if n := k.Reload("ana").Failures; n != 0 {
			t.Errorf("%d failures counted", n)
		}
	})
}
