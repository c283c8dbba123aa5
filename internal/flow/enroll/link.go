package enroll

import (
	"context"

	"countersign/internal/base/secret"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/user"
)

// Invitation is an enrollment link that is good now.
type Invitation struct {
	Link enrollment.Link
	User user.User
}

// Open looks a link up without changing anything: mail scanners open links too (AC-008).
// enrollment.ErrExpired, enrollment.ErrInvalid (X-27: unknown, revoked, used, user gone or enrolled).
func (f *Flow) Open(ctx context.Context, token secret.Text) (Invitation, error) {
	st := f.DB.Read()
	l, err := st.EnrollmentByDigest(ctx, f.Keys.Digest(enrollment.DigestPurpose, token.Reveal()))
	if err != nil {
		return Invitation{}, err
	}
	if !l.Used.IsZero() || !l.Revoked.IsZero() {
		return Invitation{}, enrollment.ErrInvalid
	}
	if !l.Expires.IsZero() && !f.Now().Before(l.Expires) {
		return Invitation{}, enrollment.ErrExpired
	}
	u, err := st.UserByID(ctx, l.UserID)
	if err != nil {
		return Invitation{}, enrollment.ErrInvalid
	}
	return Invitation{Link: l, User: u}, nil
}
