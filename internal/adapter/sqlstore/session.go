package sqlstore

import (
	"context"
	"time"

	"countersign/internal/domain/session"
)

const sessionColumns = `session_id, digest, user_id, application_id, login_id, proved_at, factor, changes_left, created_at, seen_at, expires_at`

func scanSession(r *row) session.Session {
	return session.Session{ID: r.text(), Digest: r.bytes(), UserID: r.text(), ApplicationID: r.text(), LoginID: r.text(), Proved: r.time(),
		Factor: r.text(), ChangesLeft: int(r.int()), Created: r.time(), Seen: r.time(), Expires: r.time()}
}

func (s *store) CreateSession(ctx context.Context, v session.Session) error {
	const q = `INSERT INTO sessions (` + sessionColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	return s.run.later(ctx, q, []any{v.ID, v.Digest, v.UserID, v.ApplicationID, v.LoginID, micros(v.Proved), v.Factor, int64(v.ChangesLeft),
		micros(v.Created), micros(v.Seen), micros(v.Expires)})
}

func (s *store) TouchSession(ctx context.Context, digest []byte, now time.Time) (session.Session, error) {
	const q = `UPDATE sessions SET seen_at = $2 WHERE digest = $1 AND expires_at > $2 AND seen_at > $3 RETURNING ` + sessionColumns
	return changeOne(ctx, s.run, session.ErrIdle, scanSession, q, blob(digest), micros(now), micros(now.Add(-session.Idle)))
}

func (s *store) SessionByID(ctx context.Context, id string) (session.Session, error) {
	const q = `SELECT ` + sessionColumns + ` FROM sessions WHERE session_id = $1`
	return one(ctx, s.run, session.ErrIdle, scanSession, q, id)
}

// SpendChange leaves Unlimited (-1) as it is.
func (s *store) SpendChange(ctx context.Context, id string, since time.Time) (bool, error) {
	const q = `UPDATE sessions SET changes_left = CASE WHEN changes_left > 0 THEN changes_left - 1 ELSE changes_left END
		WHERE session_id = $1 AND proved_at > $2 AND changes_left <> 0`
	return touched(ctx, s.run, q, id, micros(since))
}

func (s *store) RenewSession(ctx context.Context, id, factor string, changesLeft int, now time.Time) error {
	const q = `UPDATE sessions SET proved_at = $4, factor = $2, changes_left = $3 WHERE session_id = $1`
	return must(ctx, s.run, session.ErrIdle, q, id, factor, int64(changesLeft), micros(now))
}

func (s *store) EndSessions(ctx context.Context, userID, except string) error {
	const q = `DELETE FROM sessions WHERE user_id = $1 AND session_id <> $2`
	return s.run.later(ctx, q, []any{userID, except})
}

func (s *store) ForgetSessions(ctx context.Context, before time.Time) (int64, error) {
	const q = `DELETE FROM sessions WHERE expires_at < $1`
	return s.run.exec(ctx, q, []any{micros(before)})
}
