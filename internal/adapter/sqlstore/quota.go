package sqlstore

import (
	"context"
	"fmt"
	"time"

	"countersign/internal/domain/quota"
)

// An event rests as the 16 digits of its microseconds, the newest in front, and no more of them than are allowed. So the one
// that must be over before there is another is found at a fixed place, and is ” where there are fewer.
const stampDigits = 16

func stampOf(t time.Time) string { return fmt.Sprintf("%0*d", stampDigits, max(0, t.UnixMicro())) }

// oldest is where the stamp of the event stands that has to be over, counted from 1.
func oldest(q quota.Quota) int64 { return int64(q.Most-1)*stampDigits + 1 }

var quotaSpent = single[string]("holder")

func (s *store) QuotaLeft(ctx context.Context, q quota.Quota, holder string, now time.Time) (bool, error) {
	const text = `SELECT holder FROM quotas WHERE quota = $1 AND holder = $2 AND substr(taken, CAST($3 AS INTEGER), 16) > $4`
	spent, err := list(ctx, s.run, quotaSpent, text, q.Name, holder, oldest(q), stampOf(now.Add(-q.Window)))
	return q.Most > 0 && len(spent) == 0, err
}

func (s *store) TakeQuota(ctx context.Context, q quota.Quota, holder string, now time.Time) (bool, error) {
	const text = `INSERT INTO quotas (quota, holder, taken, ends_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (quota, holder) DO UPDATE
		SET taken = excluded.taken || substr(quotas.taken, 1, CAST($5 AS INTEGER) - 1), ends_at = excluded.ends_at
		WHERE substr(quotas.taken, CAST($5 AS INTEGER), 16) <= $6`
	if q.Most <= 0 {
		return false, nil
	}
	return s.touched(ctx, text, q.Name, holder, stampOf(now), micros(now.Add(q.Window)), oldest(q), stampOf(now.Add(-q.Window)))
}

func (s *store) SweepQuotas(ctx context.Context, now time.Time) (int64, error) {
	return s.count(ctx, `DELETE FROM quotas WHERE ends_at <= $1`, micros(now))
}
