package signin_test

import (
	"context"
	"testing"

	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// AC-025: who can write to the database moves a seed from one row to another.
func TestAMovedSeedClosesItsOwnPhoneAlone(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		v, _, first := k.Manager(app, "alice")
		second, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		moved := first.Row()
		moved.OTP.Seed = second.Row().OTP.Seed
		k.Write(func(st flow.Store) error {
			return st.BindKey(context.Background(), moved, phone.Key{ID: "moved", PhoneID: moved.ID, UserID: v.User.ID, SPKI: []byte("moved"), Created: k.Clock.Now()})
		})
		k.Want(k.Begin(app, "alice").Code(first.Code(), transaction.SignIn), signin.ErrCodeWrong)
		k.OK(k.Begin(app, "alice").Code(second.Code(), transaction.SignIn))
		if used := k.Last("alice").Device.ID; used != second.ID {
			k.Errorf("the code let in by phone %s, want %s", used, second.ID)
		}
	})
}
