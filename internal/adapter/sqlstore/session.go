package sqlstore

import (
	"context"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/session"
)

var sessions = newTable("sessions", func(v *session.Session) []column {
	return []column{{"session_id", &v.ID}, {"digest", &v.Digest}, {"user_id", &v.UserID}, {"application_id", &v.ApplicationID},
		{"login_id", &v.LoginID}, {"proved_at", &v.Proved}, {"factor", &v.Proof.Factor}, {"proof", proofText{&v.Proof}}, {"changes_left", &v.ChangesLeft},
		{"created_at", &v.Created}, {"seen_at", &v.Seen}, {"expires_at", &v.Expires}}
})

var createSession = sessions.insert()

func (s *store) CreateSession(ctx context.Context, v session.Session) error {
	return insert(ctx, s.run, sessions, createSession, v)
}

var touchSession = sessions.returning(`UPDATE sessions SET seen_at = $2 WHERE digest = $1 AND expires_at > $2 AND seen_at > $3`)

func (s *store) TouchSession(ctx context.Context, digest []byte, now time.Time) (session.Session, error) {
	return one(ctx, s.run, session.ErrIdle, sessions, touchSession, blob(digest), micros(now), micros(now.Add(-session.Idle)))
}

var sessionByID = sessions.from(`WHERE session_id = $1`)

func (s *store) SessionByID(ctx context.Context, id string) (session.Session, error) {
	return one(ctx, s.run, session.ErrIdle, sessions, sessionByID, id)
}

// SpendChange leaves Unlimited (-1) as it is.
func (s *store) SpendChange(ctx context.Context, id string, since time.Time) (bool, error) {
	const q = `UPDATE sessions SET changes_left = CASE WHEN changes_left > 0 THEN changes_left - 1 ELSE changes_left END
		WHERE session_id = $1 AND proved_at > $2 AND changes_left <> 0`
	return s.touched(ctx, q, id, micros(since))
}

func (s *store) RenewSession(ctx context.Context, id string, p account.Proof) error {
	const q = `UPDATE sessions SET factor = $2, proof = $3 WHERE session_id = $1`
	return s.must(ctx, session.ErrIdle, q, id, p.Factor, encodeProof(p))
}

func (s *store) EndSessions(ctx context.Context, userID, except string) error {
	const q = `DELETE FROM sessions WHERE user_id = $1 AND session_id <> $2`
	return s.queue(ctx, q, userID, except)
}

func (s *store) ForgetSessions(ctx context.Context, before time.Time) (int64, error) {
	const q = `DELETE FROM sessions WHERE expires_at < $1`
	return s.count(ctx, q, micros(before))
}
