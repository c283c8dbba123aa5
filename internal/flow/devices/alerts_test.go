package devices_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"countersign/internal/testkit/flowkit"
)

// M-09: a change of a device rings the person's other phones, and nobody else's.
func TestAChangeOfADeviceRingsThePersonsOtherPhones(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx, app := context.Background(), k.Application("Payroll")
		v, cookie, first := k.Manager(app, "ana")
		first.Subscribe()
		others := k.Enrolled(app, "ben")
		others.Subscribe()
		at := func(p *flowkit.Phone) string { return "https://push.example.net/" + p.ID }
		rings := func(what string, want ...string) {
			k.Helper()
			k.Eventually(what, func() bool { return len(k.Doorbell.Rung()) >= len(want) })
			if got := k.Doorbell.Rung(); !slices.Equal(got, want) {
				k.Errorf("%s: %v rang, not %v", what, got, want)
			}
		}
		rings("setting up a first phone")

		second, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		rings("adding one", at(first))
		second.Subscribe()

		v = k.View(cookie)
		replaced, err := k.Claim(k.PairPortal(v, second.ID).Link)
		k.OK(err)
		rings("replacing it", at(first), at(first))

		k.OK(k.Devices.Remove(ctx, k.View(cookie), replaced.ID))
		rings("removing it", at(first), at(first), at(first))
		if log := k.Logged(); strings.Contains(log, "push.example.net") {
			k.Error("the address of a phone is in the log")
		}
	})
}

// An account deleted in the app is such a change, too.
func TestAnAccountThatIsDeletedInTheAppRingsTheOthers(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		v, _, first := k.Manager(k.Application("Payroll"), "ana")
		first.Subscribe()
		rings := func(n int) {
			k.Helper()
			k.Eventually("the first phone rings", func() bool { return len(k.Doorbell.Rung()) == n })
		}
		second, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		rings(1)
		second.Subscribe()
		k.OK(second.Leave())
		rings(2)
		if all := k.Doorbell.Rung(); slices.Contains(all, "https://push.example.net/"+second.ID) {
			k.Errorf("%v", all)
		}
	})
}
