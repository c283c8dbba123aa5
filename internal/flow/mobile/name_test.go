package mobile_test

import (
	"context"
	"testing"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/phone"
	"countersign/internal/flow/enroll"
	"countersign/internal/testkit/flowkit"
)

// Two entries that read the same cannot be chosen between (B-02, D-07, D-12): whoever gives a name, at whichever door,
// gets one of its own. A phone put in the place of another keeps that one's name unless it brings its own.
func TestNoTwoPhonesOfAPersonBearOneName(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		v, _, old := k.Manager(k.Application("wiki"), "alice")
		named := func(name string) func(*phonewire.Activation) {
			return func(a *phonewire.Activation) { a.Name, a.Model = name, "" }
		}
		first := old.Row().Name
		second, err := k.Claim(k.PairPortal(v, "").Typed, named(first))
		k.OK(err)
		c, err := k.Enroll.Pair(ctx, enroll.Owner{SessionID: v.Session.ID}, enroll.Subject{Purpose: activation.Add, UserID: v.User.ID, Type: phone.Tablet})
		k.OK(err)
		tablet, err := k.Claim(c.Typed, named(""))
		k.OK(err)
		for _, got := range [][2]string{{second.Row().Name, first + " 2"}, {tablet.Row().Name, "My tablet"}} {
			if got[0] != got[1] {
				k.Errorf("the new device is called %q, want %q", got[0], got[1])
			}
		}
		k.OK(k.Mobile.Rename(ctx, tablet.ID, tablet.KeyID, first))
		k.OK(k.Devices.Rename(ctx, v, second.ID, first))
		if tablet.Row().Name != first+" 3" || second.Row().Name != first+" 2" {
			k.Errorf("renamed to %q and %q", tablet.Row().Name, second.Row().Name)
		}
		kept, err := k.Claim(k.PairPortal(v, old.ID).Typed, named(""))
		k.OK(err)
		if kept.Row().Name != first {
			k.Errorf("the phone in the old one's place is called %q, want %q", kept.Row().Name, first)
		}
	})
}
