package sqlstore

import (
	"context"
	"time"

	"countersign/internal/domain/enrollment"
)

const enrollmentColumns = `enrollment_id, user_id, digest, created_at, expires_at, used_at, revoked_at`

func (s *store) CreateEnrollment(ctx context.Context, l enrollment.Link) error {
	const q = `INSERT INTO enrollment_links (` + enrollmentColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	return s.run.later(ctx, q, []any{l.ID, l.UserID, l.Digest, micros(l.Created), micros(l.Expires), micros(l.Used), micros(l.Revoked)})
}

func (s *store) EnrollmentByDigest(ctx context.Context, digest []byte) (enrollment.Link, error) {
	const q = `SELECT ` + enrollmentColumns + ` FROM enrollment_links WHERE digest = $1`
	return one(ctx, s.run, enrollment.ErrInvalid, scanEnrollment, q, blob(digest))
}

func scanEnrollment(r *row) enrollment.Link {
	return enrollment.Link{ID: r.text(), UserID: r.text(), Digest: r.bytes(), Created: r.time(), Expires: r.time(), Used: r.time(), Revoked: r.time()}
}

func (s *store) OpenEnrollments(ctx context.Context, userID string, now time.Time) ([]enrollment.Link, error) {
	const q = `SELECT ` + enrollmentColumns + ` FROM enrollment_links
		WHERE user_id = $1 AND used_at = 0 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $2) ORDER BY created_at, enrollment_id`
	return list(ctx, s.run, scanEnrollment, q, userID, micros(now))
}

func (s *store) UseEnrollments(ctx context.Context, userID string, now time.Time) error {
	const q = `UPDATE enrollment_links SET used_at = $2 WHERE user_id = $1 AND used_at = 0 AND revoked_at = 0`
	return s.run.later(ctx, q, []any{userID, micros(now)})
}

// RevokeEnrollments leaves expired links as they are: their page says that they expired.
func (s *store) RevokeEnrollments(ctx context.Context, userID string, now time.Time) (int64, error) {
	const q = `UPDATE enrollment_links SET revoked_at = $2
		WHERE user_id = $1 AND used_at = 0 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $2)`
	return s.run.exec(ctx, q, []any{userID, micros(now)})
}

func (s *store) SweepEnrollments(ctx context.Context, userID string, before time.Time) (int64, error) {
	const q = `DELETE FROM enrollment_links WHERE user_id = $1 AND expires_at > 0 AND expires_at < $2 AND expires_at - created_at <= $3`
	return s.run.exec(ctx, q, []any{userID, micros(before), enrollment.PortalLife.Microseconds()})
}
