package mobile

import (
	"context"

	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// claimIssued is the first device of a person whom an application registered. The code was given to whoever
// the application trusts, so it opens an account without a way in and nothing else (C-09, AC-002).
func (f *Flow) claimIssued(ctx context.Context, st flow.Store, c *claim) error {
	var err error
	if c.user, err = st.LockUser(ctx, c.act.UserID); err != nil {
		return lacking(err, activation.ErrExpired)
	}
	if c.user.Status != user.Active && c.user.Status != user.Bypass {
		return activation.ErrExpired
	}
	if !c.user.FirstEnrolled.IsZero() {
		return activation.ErrUsed // somebody enrolled meanwhile
	}
	return f.loadApplication(ctx, st, c, application.PortalID)
}
