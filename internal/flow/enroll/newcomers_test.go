package enroll_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"countersign/internal/domain/quota"
	"countersign/internal/domain/user"
	"countersign/internal/flow/enroll"
	"countersign/internal/testkit/flowkit"
)

// Names cost a caller nothing: an application that asks for one after the other fills no table. Whoever is known
// already, and people of other applications, are not kept from their pages by that.
func TestAnApplicationBringsSoManyNewPeopleInAnHourAndNoMore(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		k.Rewire(func(n *flowkit.Needs) {
			n.Enroll.Newcomers = quota.Quota{Name: "newcomers", Most: 3, Window: time.Hour}
		})
		ssh, wiki := k.Application("ssh"), k.Application("wiki")
		known := k.User("known")
		come := func(name string) error {
			link, err := k.Enroll.Portal(context.Background(), ssh, "", name)
			if (link == "") == (err == nil) {
				t.Errorf("%q and %v", link, err)
			}
			return err
		}
		for n := range 3 {
			k.OK(come(fmt.Sprint("new", n)))
		}
		k.Want(come("new3"), enroll.ErrIssueNone)
		if _, err := k.DB.Read().UserByName(context.Background(), "new3"); !errors.Is(err, user.ErrUnknown) {
			t.Errorf("it was registered all the same: %v", err)
		}
		k.OK(come("new1"))
		_, err := k.Enroll.Portal(context.Background(), ssh, known.ID, "known")
		k.OK(err)
		_, err = k.Enroll.Portal(context.Background(), wiki, "", "new3")
		k.OK(err)
		k.Clock.Advance(time.Hour)
		k.OK(come("new4"))
	})
}
