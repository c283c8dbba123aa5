package sqlstore

import (
	"context"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/phone"
)

var phones = newTable("phones", func(p *phone.Phone) []column {
	return append([]column{{"phone_id", &p.ID}, {"user_id", &p.UserID}, {"name", &p.Name}, {"number", &p.Number}, {"platform", &p.Platform},
		{"model", &p.Model}, {"created_at", &p.Created}, {"key_id", &p.KeyID}, {"key_spki", &p.Key}, {"activated_at", &p.Activated},
		{"otp_type", &p.OTP.Type}, {"otp_seed", &p.OTP.Seed}, {"otp_counter", &p.OTP.Counter}, {"resync_next", &p.OTP.ResyncNext},
		{"resync_count", &p.OTP.ResyncCount}, {"resync_since", &p.OTP.ResyncSince}, {"subscription", &p.Subscription},
		{"alerts", (*string)(&p.Alerts)}, {"last_seen_at", &p.LastSeen}, {"last_used_at", &p.LastUsed}, {"type", (*string)(&p.Type)},
		{"instance", &p.Instance}, {"endpoint", &p.Endpoint}},
		guessColumns(&p.Guesses)...)
})

var phoneKeys = newTable("phone_keys", func(k *phone.Key) []column {
	return []column{{"key_id", &k.ID}, {"phone_id", &k.PhoneID}, {"user_id", &k.UserID}, {"spki", &k.SPKI}, {"state", (*string)(&k.State)},
		{"answer_counter", &k.AnswerCounter}, {"created_at", &k.Created}, {"ended_at", &k.Ended}, {"confirmed_at", &k.Confirmed}}
})

// errKeyBound reports an app key that is or was bound already: every pairing makes a new one.
var errKeyBound = errs.New(errs.Conflict, "phone.key_bound")

var createPhone = phones.insert()

func (s *store) CreatePhone(ctx context.Context, p phone.Phone) error {
	return insert(ctx, s.run, phones, createPhone, p)
}

var phoneByID = phones.from(`WHERE phone_id = $1`)

func (s *store) PhoneByID(ctx context.Context, id string) (phone.Phone, error) {
	return one(ctx, s.run, phone.ErrUnknown, phones, phoneByID, id)
}

var phonesOf = phones.from(`WHERE user_id = $1 ORDER BY created_at, phone_id`)

func (s *store) PhonesOf(ctx context.Context, userID string) ([]phone.Phone, error) {
	return list(ctx, s.run, phones, phonesOf, userID)
}

func (s *store) RenamePhone(ctx context.Context, id, name string) error {
	const q = `UPDATE phones SET name = $2 WHERE phone_id = $1`
	return s.must(ctx, phone.ErrUnknown, q, id, name)
}

func (s *store) DeletePhone(ctx context.Context, id, userID string, now time.Time) (bool, error) {
	const q = `DELETE FROM phones WHERE phone_id = $1 AND user_id = $2`
	existed, err := s.touched(ctx, q, id, userID)
	if err != nil || !existed {
		return false, err
	}
	if err := s.forgetDays(ctx, id); err != nil {
		return false, err
	}
	return true, s.endKeys(ctx, id, phone.KeyRemoved, now)
}

func (s *store) endKeys(ctx context.Context, phoneID string, to phone.KeyState, now time.Time) error {
	const q = `UPDATE phone_keys SET state = $2, ended_at = $3 WHERE phone_id = $1 AND state = 'active'`
	return s.queue(ctx, q, phoneID, string(to), micros(now))
}

var createKey = phoneKeys.insert() + ` ON CONFLICT (key_id) DO NOTHING`

func (s *store) BindKey(ctx context.Context, p phone.Phone, k phone.Key) error {
	if err := s.endKeys(ctx, p.ID, phone.KeyReplaced, k.Created); err != nil {
		return err
	}
	k.PhoneID, k.State, k.Ended = p.ID, phone.KeyActive, time.Time{}
	args, err := phoneKeys.values(k)
	if err != nil {
		return err
	}
	if err := s.must(ctx, errKeyBound, createKey, args...); err != nil {
		return err
	}
	const q = `UPDATE phones SET key_id = $2, key_spki = $3, platform = $4, model = $5, activated_at = $6, otp_type = $7, otp_seed = $8,
		otp_counter = $9, resync_next = 0, resync_count = 0, resync_since = 0, subscription = NULL, alerts = 'off',
		instance = $10, endpoint = NULL, ` + noGuesses + ` WHERE phone_id = $1`
	if err := s.forgetDays(ctx, p.ID); err != nil {
		return err
	}
	return s.must(ctx, phone.ErrUnknown, q, p.ID, k.ID, blob(k.SPKI), p.Platform, p.Model, micros(p.Activated),
		p.OTP.Type, blob(p.OTP.Seed), p.OTP.Counter, blob(p.Instance))
}

// UnbindKey leaves platform and model: the list of devices still says what it was.
func (s *store) UnbindKey(ctx context.Context, phoneID string, to phone.KeyState, now time.Time) error {
	if err := s.endKeys(ctx, phoneID, to, now); err != nil {
		return err
	}
	const q = `UPDATE phones SET key_id = '', key_spki = NULL, activated_at = 0, otp_type = '', otp_seed = NULL, otp_counter = 0,
		resync_next = 0, resync_count = 0, resync_since = 0, subscription = NULL, alerts = 'off', instance = NULL, endpoint = NULL
		WHERE phone_id = $1`
	return s.queue(ctx, q, phoneID)
}

var keyByID = phoneKeys.from(`WHERE key_id = $1`)

func (s *store) KeyByID(ctx context.Context, keyID string) (phone.Key, error) {
	return one(ctx, s.run, phone.ErrUnknown, phoneKeys, keyByID, keyID)
}

func (s *store) ConfirmKey(ctx context.Context, keyID string, now time.Time) error {
	const q = `UPDATE phone_keys SET confirmed_at = $2 WHERE key_id = $1 AND state = 'active' AND confirmed_at = 0`
	return s.queue(ctx, q, keyID, micros(now))
}

func (s *store) AdvanceAnswerCounter(ctx context.Context, keyID string, counter int64) error {
	const q = `UPDATE phone_keys SET answer_counter = $2 WHERE key_id = $1 AND state = 'active' AND answer_counter < $2`
	return s.must(ctx, phone.ErrCounter, q, keyID, counter)
}

// SpendPasscode knows the pairing by its sealed seed: no two are sealed alike.
func (s *store) SpendPasscode(ctx context.Context, p phone.Phone, next int64, now time.Time) error {
	const q = `UPDATE phones SET otp_counter = $3, resync_next = 0, resync_count = 0, resync_since = 0, last_used_at = $4, codes_wrong = 0
		WHERE phone_id = $1 AND codes_off_at = 0 AND otp_type <> '' AND otp_seed = $2 AND otp_counter < $3`
	return s.must(ctx, phone.ErrCodeSpent, q, p.ID, blob(p.OTP.Seed), next, micros(now))
}

func (s *store) SaveResync(ctx context.Context, phoneID string, next int64, count int, since time.Time) error {
	const q = `UPDATE phones SET resync_next = $2, resync_count = $3, resync_since = $4 WHERE phone_id = $1`
	return s.queue(ctx, q, phoneID, next, int64(count), micros(since))
}

func (s *store) SaveSubscription(ctx context.Context, phoneID, keyID string, sealed, endpoint []byte, alerts phone.Alerts) error {
	const q = `UPDATE phones SET subscription = $3, alerts = $4, endpoint = COALESCE($5, endpoint) WHERE phone_id = $1 AND key_id = $2`
	return s.must(ctx, phone.ErrReplaced, q, phoneID, keyID, blob(sealed), string(alerts), blob(endpoint))
}

func (s *store) DropSubscription(ctx context.Context, phoneID string, sealed []byte) error {
	const q = `UPDATE phones SET subscription = NULL, alerts = $3 WHERE phone_id = $1 AND subscription = $2`
	return s.queue(ctx, q, phoneID, blob(sealed), string(phone.AlertsDead))
}

func (s *store) TouchPhone(ctx context.Context, phoneID string, used bool, now time.Time) error {
	const q = `UPDATE phones SET last_seen_at = $3, last_used_at = CASE WHEN $2 THEN $3 ELSE last_used_at END WHERE phone_id = $1`
	return s.queue(ctx, q, phoneID, used, micros(now))
}
