package enroll

import (
	"cmp"
	"context"
	"errors"

	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/user"
)

// Invitation is an enrollment link that is good now.
type Invitation struct {
	Link enrollment.Link
	User user.User
}

// Open looks a link up without changing anything: mail scanners open links too (AC-008).
// enrollment.ErrExpired, enrollment.ErrUsed when the person has a phone that works,
// else enrollment.ErrInvalid (X-27: unknown, revoked, used, user or reason gone).
func (f *Flow) Open(ctx context.Context, token secret.Text) (Invitation, error) {
	st := f.db.Read()
	l, err := st.EnrollmentByDigest(ctx, f.keys.Digest(enrollment.DigestPurpose, token.Reveal()))
	if err != nil {
		return Invitation{}, err
	}
	if !l.Used.IsZero() || !l.Revoked.IsZero() {
		return Invitation{}, spent(ctx, st, l)
	}
	if !l.Expires.IsZero() && !f.now().Before(l.Expires) {
		return Invitation{}, enrollment.ErrExpired
	}
	v, err := st.SnapshotAt(ctx, l.UserID, cmp.Or(l.ApplicationID, application.PortalID))
	if errors.Is(err, user.ErrUnknown) || err == nil && !v.Person().MayFollow(l, f.now()) {
		err = enrollment.ErrInvalid
	}
	return Invitation{Link: l, User: v.User}, err
}

// spent is the answer for a link that was used or revoked.
func spent(ctx context.Context, st Store, l enrollment.Link) error {
	if l.Used.IsZero() {
		return enrollment.ErrInvalid
	}
	s, err := st.SnapshotByAccount(ctx, l.UserID)
	if err != nil {
		return err
	}
	if s.Person().CanProve() {
		return enrollment.ErrUsed
	}
	return enrollment.ErrInvalid
}
