package sqlstore

import (
	"context"
	"time"

	"countersign/internal/domain/bypass"
)

const bypassColumns = `bypass_id, user_id, digest, uses_left, expires_at, created_at, creator`

func scanBypass(r *row) bypass.Code {
	return bypass.Code{ID: r.text(), UserID: r.text(), Digest: r.bytes(), UsesLeft: int(r.int()), Expires: r.time(), Created: r.time(), Creator: r.text()}
}

func (s *store) CreateBypassCode(ctx context.Context, c bypass.Code) error {
	const q = `INSERT INTO bypass_codes (` + bypassColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	return s.run.later(ctx, q, []any{c.ID, c.UserID, c.Digest, int64(c.UsesLeft), micros(c.Expires), micros(c.Created), c.Creator})
}

func (s *store) LiveBypassCodes(ctx context.Context, userID string, now time.Time) ([]bypass.Code, error) {
	const q = `SELECT ` + bypassColumns + ` FROM bypass_codes
		WHERE user_id = $1 AND uses_left <> 0 AND (expires_at = 0 OR expires_at > $2) ORDER BY created_at, bypass_id`
	return list(ctx, s.run, scanBypass, q, userID, micros(now))
}

// SpendBypassCode leaves Unlimited (-1) as it is.
func (s *store) SpendBypassCode(ctx context.Context, userID string, digest []byte, now time.Time) (string, bool, error) {
	const q = `UPDATE bypass_codes SET uses_left = CASE WHEN uses_left > 0 THEN uses_left - 1 ELSE uses_left END
		WHERE user_id = $1 AND digest = $2 AND uses_left <> 0 AND (expires_at = 0 OR expires_at > $3)
		RETURNING bypass_id`
	return taken(changeOne(ctx, s.run, errNone, (*row).text, q, userID, blob(digest), micros(now)))
}

func (s *store) DeleteBypassCodes(ctx context.Context, userID string, now time.Time) (int64, error) {
	const q = `DELETE FROM bypass_codes WHERE user_id = $1 RETURNING uses_left, expires_at`
	var live int64
	err := s.run.change(ctx, q, []any{userID}, func(r *row) {
		uses, expires := r.int(), r.time()
		if uses != 0 && (expires.IsZero() || expires.After(now)) {
			live++
		}
	})
	return live, err
}
