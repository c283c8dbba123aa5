package sqlstore

import (
	"context"
	"time"

	"countersign/internal/domain/enrollment"
)

var enrollments = newTable("enrollment_links", func(l *enrollment.Link) []column {
	return []column{{"enrollment_id", &l.ID}, {"user_id", &l.UserID}, {"application_id", &l.ApplicationID}, {"epoch", &l.Epoch}, {"digest", &l.Digest}, {"created_at", &l.Created},
		{"expires_at", &l.Expires}, {"used_at", &l.Used}, {"revoked_at", &l.Revoked}}
})

var createEnrollment = enrollments.insert()

func (s *store) CreateEnrollment(ctx context.Context, l enrollment.Link) error {
	return insert(ctx, s.run, enrollments, createEnrollment, l)
}

var enrollmentByDigest = enrollments.from(`WHERE digest = $1`)

func (s *store) EnrollmentByDigest(ctx context.Context, digest []byte) (enrollment.Link, error) {
	return one(ctx, s.run, enrollment.ErrInvalid, enrollments, enrollmentByDigest, blob(digest))
}

var openEnrollments = enrollments.from(`WHERE user_id = $1 AND used_at = 0 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $2)
	ORDER BY created_at, enrollment_id`)

func (s *store) OpenEnrollments(ctx context.Context, userID string, now time.Time) ([]enrollment.Link, error) {
	return list(ctx, s.run, enrollments, openEnrollments, userID, micros(now))
}

func (s *store) UseEnrollments(ctx context.Context, userID string, now time.Time) error {
	const q = `UPDATE enrollment_links SET used_at = $2 WHERE user_id = $1 AND used_at = 0 AND revoked_at = 0`
	return s.queue(ctx, q, userID, micros(now))
}

// RevokeEnrollments leaves expired links as they are: their page says that they expired.
func (s *store) RevokeEnrollments(ctx context.Context, userID string, now time.Time) (int64, error) {
	const q = `UPDATE enrollment_links SET revoked_at = $2
		WHERE user_id = $1 AND used_at = 0 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $2)`
	return s.count(ctx, q, userID, micros(now))
}

func (s *store) SweepEnrollments(ctx context.Context, userID string, before time.Time) (int64, error) {
	const q = `DELETE FROM enrollment_links WHERE user_id = $1 AND application_id <> '' AND expires_at > 0 AND expires_at < $2`
	return s.count(ctx, q, userID, micros(before))
}
