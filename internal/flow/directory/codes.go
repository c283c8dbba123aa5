package directory

import (
	"context"
	"strings"

	"countersign/internal/domain/account"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/user"
)

// ResetCodes starts the codes of a user's phones afresh: what was guessed is forgotten, and codes that are off are on again
// (RULE-43). device is the ID or the name of one phone; "" = all. It returns the phones on which something had been
// counted. Errors: user.ErrUnknown, phone.ErrUnknown.
func (f *Flow) ResetCodes(ctx context.Context, actor audit.Actor, who, device string) (u user.User, reset []phone.Phone, err error) {
	err = f.change(ctx, actor, audit.OverPeople, func(st Store) (err error) {
		reset = nil
		if u, err = lockUser(ctx, st, who); err != nil {
			return err
		}
		phones, err := st.PhonesOf(ctx, u.ID)
		if err != nil {
			return err
		}
		known := device == ""
		var ids []string
		for _, p := range phones {
			if device != "" && p.ID != device && !strings.EqualFold(p.Name, device) {
				continue
			}
			known = true
			if p.Guesses == (account.Guesses{}) {
				continue
			}
			if err := st.ForgetGuesses(ctx, account.App, p.ID); err != nil {
				return err
			}
			reset, ids = append(reset, p), append(ids, p.ID)
		}
		if !known {
			return phone.ErrUnknown
		}
		if len(reset) == 0 {
			return nil
		}
		return f.log(ctx, st, actor, "user_reset_codes", u.Username, map[string]any{"user_id": u.ID, "phones": ids})
	})
	return u, reset, err
}
