package mobile_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// in says that the app keeps its keys in the storage of that name.
func in(storage string) func(*phonewire.Activation) {
	return func(a *phonewire.Activation) { a.Instance = phonewire.Instance("sign.example.edu", storage) }
}

// RULE-10: an app that is set up for its person already is no spare. It is told so, and the code serves another device.
func TestThePhoneThatIsSetUpAlreadyIsNoSpare(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx, app := context.Background(), k.Application("Payroll")
		l := k.Begin(app, "alice")
		first, err := k.Claim(l.Pair().Link, in("pocket"))
		k.OK(err)
		k.OK(l.Code(first.Code(), transaction.SignIn))
		v := k.View(k.Prove(app, "alice", first))
		code := k.PairPortal(v, "").Link
		if _, err := k.Claim(code, in("pocket")); !errors.Is(err, phone.ErrTwice) {
			k.Errorf("the same app is told %v", err)
		}
		if all, err := k.Devices.Phones(ctx, v); err != nil || len(all) != 1 || !all[0].Connected() {
			k.Errorf("%+v, %v", all, err)
		}
		second, err := k.Claim(code, in("desk"))
		k.OK(err)

		// Its own record it may be set up for again, another's not.
		v = k.View(k.Prove(app, "alice", second))
		if _, err := k.Claim(k.PairPortal(v, first.ID).Link, in("desk")); !errors.Is(err, phone.ErrTwice) {
			k.Errorf("the app of the second phone takes the record of the first: %v", err)
		}
		again, err := k.Claim(k.PairPortal(v, first.ID).Link, in("pocket"))
		k.OK(err)
		if again.ID != first.ID {
			k.Errorf("record %s, want %s", again.ID, first.ID)
		}

		// Once it has left, it may come back on any record; and it may serve two people.
		k.OK(k.Mobile.Leave(ctx, again.ID, again.KeyID))
		_, err = k.Claim(k.PairPortal(k.View(k.Prove(app, "alice", second)), "").Link, in("pocket"))
		k.OK(err)
		theirs, err := k.Claim(k.Begin(app, "bob").Pair().Link, in("pocket"))
		k.OK(err)
		mine, err := k.DB.Read().PhonesOf(ctx, second.Row().UserID)
		k.OK(err)
		for _, p := range mine {
			if string(p.Instance) == string(theirs.Row().Instance) {
				k.Error("the rows of two people tell that they share a phone")
			}
		}
	})
}

// RULE-10: an app that does not say where its keys lie is known by the address of its alerts.
func TestTwoRecordsOfOneDeviceCountAsOneWhereASpareIsAskedFor(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.Spare, a.Policy.RememberDays = policy.SpareRequire, 7 })
		first := k.Enrolled(k.Application("Other"), "alice")
		second, err := k.Claim(k.PairPortal(k.View(k.Prove(app, "alice", first)), "").Link)
		k.OK(err)
		asked := func() bool {
			l := k.Begin(app, "alice")
			k.OK(l.Code(first.Code(), transaction.SignIn))
			return l.Step().Kind == signin.Spare
		}
		if asked() {
			k.Error("two devices, and a spare is asked for")
		}
		alert := func(p *flowkit.Phone, endpoint string) {
			k.OK(k.Mobile.Subscribe(ctx, p.ID, p.KeyID, phonewire.Subscription{Endpoint: endpoint, Permission: "granted"}))
		}
		alert(first, "https://push.example.net/one")
		alert(second, "https://push.example.net/two")
		if asked() {
			k.Error("alerted at two addresses, and a spare is asked for")
		}
		alert(second, "https://push.example.net/one")
		if !asked() {
			k.Error("alerted at one address, and no spare is asked for")
		}
		k.OK(k.Mobile.Subscribe(ctx, second.ID, second.KeyID, phonewire.Subscription{Permission: "denied"}))
		if !asked() {
			k.Error("turning alerts off makes two devices of one")
		}
		third, err := k.Claim(k.PairPortal(k.View(k.Prove(app, "alice", second)), "").Link)
		k.OK(err)
		if asked() {
			k.Error("with a third phone a spare is asked for")
		}
		k.OK(k.Mobile.Leave(ctx, third.ID, third.KeyID))
		if !asked() {
			k.Error("with the third phone gone no spare is asked for")
		}
	})
}

// the answer to a claim has secrets, so it is given again to the app alone that never had it.
func TestTheAnswerToAClaimIsNotRepeatedToAnAppThatHasIt(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx, app, from := context.Background(), k.Application("Payroll"), netip.MustParseAddr("203.0.113.9")
		claim := func(name string) (*flowkit.Phone, phonewire.Activation) {
			var sent phonewire.Activation
			p, err := k.Claim(k.Begin(app, name).Pair().Link, func(a *phonewire.Activation) { sent = *a })
			k.OK(err)
			return p, sent
		}
		p, sent := claim("alice")
		_, err := k.Mobile.Activate(ctx, sent, from, "")
		k.OK(err)
		k.OK(k.Mobile.Confirm(ctx, p.KeyID)) // its first signed call
		if _, err = k.Mobile.Activate(ctx, sent, from, ""); !errors.Is(err, activation.ErrUsed) {
			k.Errorf("after its first call it is answered %v", err)
		}

		_, sent = claim("bob")
		_, err = k.Directory.SignOut(ctx, directory.CommandLine, "bob")
		k.OK(err)
		if _, err = k.Mobile.Activate(ctx, sent, from, ""); !errors.Is(err, activation.ErrUsed) {
			k.Errorf("signed out everywhere, and it is answered %v", err)
		}
	})
}
