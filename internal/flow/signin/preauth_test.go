package signin_test

import (
	"context"
	"testing"

	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// X-08 at doors without a browser: the opening call logs what a prompt logs when it opens, the call with the proof
// logs the proof.
func TestPreauthLogsOnceThatNoMethodIsAllowed(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("SSH")
		k.Enrolled(app, "ana")
		code := k.BypassCode("ana")
		app.Type, app.Policy.Methods = application.TypeUnix, []string{}
		k.Save(app)
		before := len(k.Log("ana"))
		r := signin.Request{Application: app, Username: "ana", IP: flowkit.Address(1)}
		if _, err := k.SignIn.Preauth(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		r.Proving = true
		g, err := k.SignIn.Preauth(context.Background(), r)
		k.OK(err)
		_, err = k.SignIn.Prove(context.Background(), signin.Attempt{Gate: g, Request: r}, code)
		k.OK(err)
		rows := k.Log("ana")[before:]
		if len(rows) != 2 || rows[0].Reason != audit.FactorRestricted || rows[0].Result != audit.Denied || rows[1].Reason != audit.ValidPasscode {
			t.Errorf("logged %+v", rows)
		}
	})
}
