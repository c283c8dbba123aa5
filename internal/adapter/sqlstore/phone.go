package sqlstore

import (
	"context"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/phone"
)

const phoneColumns = `phone_id, user_id, name, number, platform, model, created_at, key_id, key_spki, activated_at,
	otp_type, otp_seed, otp_counter, resync_next, resync_count, resync_since, subscription, alerts, last_seen_at, last_used_at, type`

func scanPhone(r *row) phone.Phone {
	return phone.Phone{
		ID: r.text(), UserID: r.text(), Name: r.text(), Number: r.text(), Platform: r.text(), Model: r.text(), Created: r.time(),
		KeyID: r.text(), Key: r.bytes(), Activated: r.time(),
		OTP:          phone.OTP{Type: r.text(), Seed: r.bytes(), Counter: r.int(), ResyncNext: r.int(), ResyncCount: int(r.int()), ResyncSince: r.time()},
		Subscription: r.bytes(), Alerts: phone.Alerts(r.text()), LastSeen: r.time(), LastUsed: r.time(),
		Type: phone.Type(r.text()),
	}
}

// errKeyBound reports an app key that is or was bound already: every pairing makes a new one.
var errKeyBound = errs.New(errs.Conflict, "phone.key_bound")

func (s *store) CreatePhone(ctx context.Context, p phone.Phone) error {
	const q = `INSERT INTO phones (` + phoneColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`
	return s.run.later(ctx, q, []any{p.ID, p.UserID, p.Name, p.Number, p.Platform, p.Model, micros(p.Created), p.KeyID, blob(p.Key),
		micros(p.Activated), p.OTP.Type, blob(p.OTP.Seed), p.OTP.Counter, p.OTP.ResyncNext, int64(p.OTP.ResyncCount),
		micros(p.OTP.ResyncSince), blob(p.Subscription), string(p.Alerts), micros(p.LastSeen), micros(p.LastUsed), string(p.Type)})
}

func (s *store) PhoneByID(ctx context.Context, id string) (phone.Phone, error) {
	const q = `SELECT ` + phoneColumns + ` FROM phones WHERE phone_id = $1`
	return one(ctx, s.run, phone.ErrUnknown, scanPhone, q, id)
}

func (s *store) PhonesOf(ctx context.Context, userID string) ([]phone.Phone, error) {
	const q = `SELECT ` + phoneColumns + ` FROM phones WHERE user_id = $1 ORDER BY created_at, phone_id`
	return list(ctx, s.run, scanPhone, q, userID)
}

func (s *store) RenamePhone(ctx context.Context, id, name string) error {
	const q = `UPDATE phones SET name = $2 WHERE phone_id = $1`
	return must(ctx, s.run, phone.ErrUnknown, q, id, name)
}

func (s *store) DeletePhone(ctx context.Context, id, userID string, now time.Time) (bool, error) {
	const q = `DELETE FROM phones WHERE phone_id = $1 AND user_id = $2`
	existed, err := touched(ctx, s.run, q, id, userID)
	if err != nil || !existed {
		return false, err
	}
	return true, s.endKeys(ctx, id, phone.KeyRemoved, now)
}

func (s *store) endKeys(ctx context.Context, phoneID string, to phone.KeyState, now time.Time) error {
	const q = `UPDATE phone_keys SET state = $2, ended_at = $3 WHERE phone_id = $1 AND state = 'active'`
	return s.run.later(ctx, q, []any{phoneID, string(to), micros(now)})
}

func (s *store) BindKey(ctx context.Context, p phone.Phone, k phone.Key) error {
	if err := s.endKeys(ctx, p.ID, phone.KeyReplaced, k.Created); err != nil {
		return err
	}
	const insert = `INSERT INTO phone_keys (key_id, phone_id, user_id, spki, state, answer_counter, created_at, ended_at)
		VALUES ($1, $2, $3, $4, 'active', $5, $6, 0) ON CONFLICT (key_id) DO NOTHING`
	err := must(ctx, s.run, errKeyBound, insert, k.ID, p.ID, k.UserID, blob(k.SPKI), k.AnswerCounter, micros(k.Created))
	if err != nil {
		return err
	}
	const q = `UPDATE phones SET key_id = $2, key_spki = $3, platform = $4, model = $5, activated_at = $6, otp_type = $7, otp_seed = $8,
		otp_counter = $9, resync_next = 0, resync_count = 0, resync_since = 0, subscription = NULL, alerts = 'off' WHERE phone_id = $1`
	return must(ctx, s.run, phone.ErrUnknown, q, p.ID, k.ID, blob(k.SPKI), p.Platform, p.Model, micros(p.Activated),
		p.OTP.Type, blob(p.OTP.Seed), p.OTP.Counter)
}

// UnbindKey leaves platform and model: the list of devices still says what it was.
func (s *store) UnbindKey(ctx context.Context, phoneID string, to phone.KeyState, now time.Time) error {
	if err := s.endKeys(ctx, phoneID, to, now); err != nil {
		return err
	}
	const q = `UPDATE phones SET key_id = '', key_spki = NULL, activated_at = 0, otp_type = '', otp_seed = NULL, otp_counter = 0,
		resync_next = 0, resync_count = 0, resync_since = 0, subscription = NULL, alerts = 'off' WHERE phone_id = $1`
	return s.run.later(ctx, q, []any{phoneID})
}

func (s *store) KeyByID(ctx context.Context, keyID string) (phone.Key, error) {
	const q = `SELECT key_id, phone_id, user_id, spki, state, answer_counter, created_at, ended_at FROM phone_keys WHERE key_id = $1`
	return one(ctx, s.run, phone.ErrUnknown, func(r *row) phone.Key {
		return phone.Key{ID: r.text(), PhoneID: r.text(), UserID: r.text(), SPKI: r.bytes(), State: phone.KeyState(r.text()),
			AnswerCounter: r.int(), Created: r.time(), Ended: r.time()}
	}, q, keyID)
}

func (s *store) AdvanceAnswerCounter(ctx context.Context, keyID string, counter int64) (bool, error) {
	const q = `UPDATE phone_keys SET answer_counter = $2 WHERE key_id = $1 AND state = 'active' AND answer_counter < $2`
	return touched(ctx, s.run, q, keyID, counter)
}

// SpendPasscode knows the pairing by its sealed seed: no two are sealed alike.
func (s *store) SpendPasscode(ctx context.Context, p phone.Phone, next int64, now time.Time) (bool, error) {
	const q = `UPDATE phones SET otp_counter = $3, resync_next = 0, resync_count = 0, resync_since = 0, last_used_at = $4
		WHERE phone_id = $1 AND otp_type <> '' AND otp_seed = $2 AND otp_counter < $3`
	return touched(ctx, s.run, q, p.ID, blob(p.OTP.Seed), next, micros(now))
}

func (s *store) SaveResync(ctx context.Context, phoneID string, next int64, count int, since time.Time) error {
	const q = `UPDATE phones SET resync_next = $2, resync_count = $3, resync_since = $4 WHERE phone_id = $1`
	return s.run.later(ctx, q, []any{phoneID, next, int64(count), micros(since)})
}

func (s *store) SaveSubscription(ctx context.Context, phoneID string, sealed []byte, alerts phone.Alerts) error {
	const q = `UPDATE phones SET subscription = $2, alerts = $3 WHERE phone_id = $1`
	return must(ctx, s.run, phone.ErrUnknown, q, phoneID, blob(sealed), string(alerts))
}

func (s *store) DropSubscription(ctx context.Context, phoneID string, sealed []byte) error {
	const q = `UPDATE phones SET subscription = NULL, alerts = $3 WHERE phone_id = $1 AND subscription = $2`
	return s.run.later(ctx, q, []any{phoneID, blob(sealed), string(phone.AlertsDead)})
}

func (s *store) TouchPhone(ctx context.Context, phoneID string, used bool, now time.Time) error {
	const q = `UPDATE phones SET last_seen_at = $3, last_used_at = CASE WHEN $2 THEN $3 ELSE last_used_at END WHERE phone_id = $1`
	return s.run.later(ctx, q, []any{phoneID, used, micros(now)})
}
