package enroll_test

import (
	"context"
	"testing"

	"countersign/internal/base/id"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/phone"
	"countersign/internal/flow"
	"countersign/internal/flow/enroll"
	"countersign/internal/testkit/flowkit"
)

// Each phone of a person makes the look at a code longer, and that look holds the database's one writer: nobody
// may slow everybody else's sign-in down by pairing phones without end.
func TestAPersonHasSoManyPhonesAndNoMore(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		v, _, p := k.Manager(k.Application("wiki"), "alice")
		k.Write(func(st flow.Store) error {
			for range phone.MaxPerUser - 2 {
				if err := st.CreatePhone(ctx, phone.Phone{ID: id.Key(k.Rand, id.Phone), UserID: v.User.ID, Name: "Phone", Created: k.Clock.Now(), Alerts: phone.AlertsOff}); err != nil {
					return err
				}
			}
			return nil
		})
		owner, add := enroll.Owner{SessionID: v.Session.ID}, enroll.Subject{Purpose: activation.Add, UserID: v.User.ID}
		last, err := k.Enroll.Pair(ctx, owner, add)
		k.OK(err)
		_, err = k.Claim(last.Typed)
		k.OK(err)
		_, err = k.Enroll.Pair(ctx, owner, add)
		k.Want(err, enroll.ErrTooMany)
		k.Want(k.Enroll.Mail(ctx, owner, add, "a@example.org", "alice"), enroll.ErrTooMany)
		_, err = k.Enroll.Pair(ctx, owner, enroll.Subject{Purpose: activation.Reactivate, UserID: v.User.ID, PhoneID: p.Account.AccountID})
		k.OK(err) // a new phone in an old one's place is none more
	})
}
