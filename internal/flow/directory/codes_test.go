package directory_test

import (
	"testing"

	"countersign/internal/domain/account"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// RULE-43
func TestResettingCodesForgetsTheGuessesOfOnePhoneOrOfAll(t *testing.T) {
	each(t, func(b *bench) {
		u := b.user("jo", "")
		first, second := b.phone(u.ID), b.phone(u.ID)
		guessed := func() (n int) {
			d, err := b.User(t.Context(), "jo")
			b.ok(err)
			for _, p := range d.Phones {
				if p.Guesses != (account.Guesses{}) {
					n++
				}
			}
			return n
		}
		guess := func() {
			b.write(func(st flow.Store) error {
				for _, p := range []phone.Phone{first, second} {
					g := account.Guess{On: account.App, ID: p.ID, Chance: account.MaxChance, Time: b.now}
					if _, _, err := st.CountGuess(t.Context(), g); err != nil {
						return err
					}
					if _, _, err := st.TurnCodesOff(t.Context(), g); err != nil {
						return err
					}
				}
				return nil
			})
		}
		guess()
		before := len(b.actions())
		_, reset, err := b.ResetCodes(t.Context(), actor, "jo", second.ID)
		b.ok(err)
		if len(reset) != 1 || reset[0].ID != second.ID || guessed() != 1 {
			b.t.Fatalf("reset %+v", reset)
		}
		if a := b.actions(); len(a) != before+1 || a[0].Action != "user_reset_codes" || a[0].Actor.Name != actor.Name || a[0].Object != "jo" {
			b.t.Errorf("logged %+v", a[0])
		}
		guess()
		if _, reset, err = b.ResetCodes(t.Context(), actor, "jo", ""); len(reset) != 2 || guessed() != 0 {
			b.t.Errorf("reset %+v, %v", reset, err)
		}
		if _, reset, err = b.ResetCodes(t.Context(), actor, "jo", ""); len(reset) != 0 || err != nil || len(b.actions()) != before+2 {
			b.t.Errorf("a second time: %+v, %v", reset, err)
		}
		_, _, err = b.ResetCodes(t.Context(), actor, "jo", "no such phone")
		b.want(err, phone.ErrUnknown)
		_, _, err = b.ResetCodes(t.Context(), actor, "nobody", "")
		b.want(err, user.ErrUnknown)
	})
}
