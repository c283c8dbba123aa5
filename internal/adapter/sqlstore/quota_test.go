package sqlstore

import (
	"testing"
	"time"

	"countersign/internal/domain/quota"
	"countersign/internal/flow"
)

func TestQuotas(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		three := quota.Quota{Name: "mail", Most: 3, Window: time.Hour}
		left := func(q quota.Quota, holder string, now time.Time) bool {
			return got[bool](t)(db.Read().QuotaLeft(ctx, q, holder, now))
		}
		take := func(q quota.Quota, holder string, now time.Time) bool {
			was := left(q, holder, now)
			took := wrote(t, db, func(s flow.Store) (bool, error) { return s.TakeQuota(ctx, q, holder, now) })
			same(t, "left and taken", was, took)
			return took
		}
		same(t, "first", take(three, "ana", noon), true)
		same(t, "second", take(three, "ana", at(50*time.Minute)), true)
		same(t, "third", take(three, "ana", at(59*time.Minute)), true)
		same(t, "fourth", take(three, "ana", at(time.Hour-time.Microsecond)), false)
		same(t, "another holder", take(three, "ben", noon), true)
		same(t, "another quota", take(quota.Quota{Name: "code", Most: 1, Window: time.Hour}, "ana", noon), true)
		same(t, "when the first is over", take(three, "ana", at(time.Hour)), true)
		same(t, "not twice as many at the edge", take(three, "ana", at(time.Hour)), false)
		same(t, "when the second is over", take(three, "ana", at(110*time.Minute)), true)
		same(t, "a refusal counts nothing", take(three, "ana", at(119*time.Minute)), true)
		same(t, "again three", take(three, "ana", at(119*time.Minute)), false)
		same(t, "none are allowed", take(quota.Quota{Name: "none", Window: time.Hour}, "ana", noon), false)
		same(t, "one", take(quota.Quota{Name: "one", Most: 1, Window: time.Second}, "ana", noon), true)
		same(t, "of one", take(quota.Quota{Name: "one", Most: 1, Window: time.Second}, "ana", noon), false)

		sweep := func(now time.Time) int64 {
			return wrote(t, db, func(s flow.Store) (int64, error) { return s.SweepQuotas(ctx, now) })
		}
		same(t, "what is over", sweep(at(time.Hour)), int64(3))
		same(t, "the rest is kept", take(three, "ana", at(119*time.Minute)), false)
		same(t, "all", sweep(at(179*time.Minute)), int64(1))

		many := quota.Quota{Name: "many", Most: 500, Window: time.Hour}
		for range 500 {
			same(t, "many", wrote(t, db, func(s flow.Store) (bool, error) { return s.TakeQuota(ctx, many, "ana", noon) }), true)
		}
		same(t, "one too many", take(many, "ana", noon), false)
	})
}

func TestOfManyAtOnceAsManyTakeAsAreLeft(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		for _, most := range []int{1, 7, 20} {
			won := race(t, db, 50, func(_ int, s flow.Store) (bool, error) {
				return s.TakeQuota(ctx, quota.Quota{Name: "race", Most: most, Window: time.Hour}, string(rune('a'+most)), noon)
			})
			same(t, "taken", won, most)
		}
	})
}
