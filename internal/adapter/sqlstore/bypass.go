package sqlstore

import (
	"context"
	"time"

	"countersign/internal/domain/bypass"
)

var bypassCodes = newTable("bypass_codes", func(c *bypass.Code) []column {
	return append([]column{{"bypass_id", &c.ID}, {"user_id", &c.UserID}, {"digest", &c.Digest}, {"uses_left", &c.UsesLeft},
		{"expires_at", &c.Expires}, {"created_at", &c.Created}, {"creator", &c.Creator}, {"digits", &c.Digits}},
		guessColumns(&c.Guesses)...)
})

var createBypassCode = bypassCodes.insert()

func (s *store) CreateBypassCode(ctx context.Context, c bypass.Code) error {
	return insert(ctx, s.run, bypassCodes, createBypassCode, c)
}

var liveBypassCodes = bypassCodes.from(`WHERE user_id = $1 AND uses_left <> 0 AND codes_off_at = 0 AND (expires_at = 0 OR expires_at > $2) ORDER BY created_at, bypass_id`)

func (s *store) LiveBypassCodes(ctx context.Context, userID string, now time.Time) ([]bypass.Code, error) {
	return list(ctx, s.run, bypassCodes, liveBypassCodes, userID, micros(now))
}

var bypassID = single[string]("bypass_id")

// SpendBypassCode leaves Unlimited (-1) as it is.
func (s *store) SpendBypassCode(ctx context.Context, userID string, digest []byte, now time.Time) (string, bool, error) {
	const q = `UPDATE bypass_codes SET uses_left = CASE WHEN uses_left > 0 THEN uses_left - 1 ELSE uses_left END, codes_wrong = 0
		WHERE user_id = $1 AND digest = $2 AND uses_left <> 0 AND codes_off_at = 0 AND (expires_at = 0 OR expires_at > $3)
		RETURNING bypass_id`
	return found(one(ctx, s.run, errNone, bypassID, q, userID, blob(digest), micros(now)))
}

var deleteBypassCodes = bypassCodes.returning(`DELETE FROM bypass_codes WHERE user_id = $1`)

func (s *store) DeleteBypassCodes(ctx context.Context, userID string, now time.Time) (live int64, err error) {
	gone, err := list(ctx, s.run, bypassCodes, deleteBypassCodes, userID)
	for _, c := range gone {
		if c.UsesLeft != 0 && (c.Expires.IsZero() || c.Expires.After(now)) {
			live++
		}
	}
	return live, err
}
