package signin

import (
	"context"

	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// FirstRequest writes the request that ends a first pairing (RULE-9): approving it proves the new
// phone's path and is the sign-in. It runs in the caller's database transaction. When policy allows no
// requests, or the door sends none unasked, there is none: the sign-in goes on with the new phone.
func (f *Flow) FirstRequest(ctx context.Context, st flow.RequestStore, l login.Login, u user.User, p phone.Phone) (transaction.Transaction, error) {
	s := Session{Login: l, User: u}
	var err error
	if s.Application, err = st.ApplicationByID(ctx, l.ApplicationID); err != nil {
		return transaction.Transaction{}, err
	}
	if s.Settings, err = st.LoadSettings(ctx); err != nil {
		return transaction.Transaction{}, err
	}
	demand, err := factor.DemandOf(ctx, st, s.Settings.Policy)
	if err != nil {
		return transaction.Transaction{}, err
	}
	s.Policy = demand.Raise(policy.Effective(s.Settings.Policy, s.Application.Policy))
	if login.Asked(l.Door) {
		return transaction.Transaction{}, nil
	}
	for _, by := range factor.All() {
		if by.Rings() && by.Allowed(s.Policy) && by.Request.Ready(p) {
			return f.newRequest(ctx, st, s, by, p, transaction.Pairing)
		}
	}
	return transaction.Transaction{}, nil
}
