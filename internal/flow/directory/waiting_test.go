package directory_test

import (
	"context"
	"testing"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// a program that waits for the answer to a request learns why it ended, and the log says so.
func TestAProgramThatWaitsIsToldThatThePersonWasTurnedOff(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		ssh := k.Application("ssh")
		send := func(name string) transaction.Transaction {
			p := k.Enrolled(k.Application("Payroll "+name), name)
			r := signin.Request{Application: ssh, Username: name, IP: flowkit.Address(1)}
			g, err := k.SignIn.Gate(ctx, r)
			k.OK(err)
			sent, err := k.SignIn.Send(ctx, signin.Attempt{Gate: g, Request: r}, "push:"+p.ID)
			k.OK(err)
			return sent
		}
		off, gone, open := send("alice"), send("bob"), send("carol")
		disabled, bypass := user.Disabled, user.Bypass
		_, err := k.Directory.SetUser(ctx, directory.CommandLine, "alice", directory.UserChange{Status: &disabled})
		k.OK(err)
		_, err = k.Directory.DeleteUser(ctx, directory.CommandLine, "bob")
		k.OK(err)
		_, err = k.Directory.SetUser(ctx, directory.CommandLine, "carol", directory.UserChange{Status: &bypass})
		k.OK(err)
		for name, sent := range map[string]transaction.Transaction{"alice": off, "bob": gone} {
			if now := k.Transaction(sent.ID); now.State != transaction.Cancelled || now.Reason != audit.UserDisabled {
				t.Errorf("%s: %+v", name, now)
			}
			if last := k.Last(name); last.Reason != audit.UserDisabled || last.Result != audit.Denied || last.TxID != sent.ID || last.Application.ID != ssh.ID || last.Device.ID != sent.PhoneID {
				t.Errorf("%s: logged %+v", name, last)
			}
		}
		if now := k.Transaction(open.ID); now.State != transaction.Cancelled || now.Reason != "" || k.Count("carol", audit.UserDisabled) != 0 {
			t.Errorf("who needs no second step any more: %+v", now)
		}
	})
}
