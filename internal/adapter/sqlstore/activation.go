package sqlstore

import (
	"context"
	"time"

	"countersign/internal/domain/activation"
)

const activationColumns = `activation_id, user_id, phone_id, login_id, session_id, purpose, mailed, link_digest, typed_digest,
	created_at, expires_at, claimed_at, superseded_at, number, device_type`

func scanActivation(r *row) activation.Activation {
	return activation.Activation{
		ID: r.text(), UserID: r.text(), PhoneID: r.text(), LoginID: r.text(), SessionID: r.text(), Purpose: activation.Purpose(r.text()),
		Mailed: r.bool(), LinkDigest: r.bytes(), TypedDigest: r.bytes(), Created: r.time(), Expires: r.time(),
		Claimed: r.time(), Superseded: r.time(), Number: r.text(), DeviceType: r.text(),
	}
}

func (s *store) CreateActivation(ctx context.Context, a activation.Activation) error {
	const q = `INSERT INTO activations (` + activationColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
	return s.run.later(ctx, q, []any{a.ID, a.UserID, a.PhoneID, a.LoginID, a.SessionID, string(a.Purpose), a.Mailed, blob(a.LinkDigest),
		blob(a.TypedDigest), micros(a.Created), micros(a.Expires), micros(a.Claimed), micros(a.Superseded), a.Number, a.DeviceType})
}

func (s *store) ActivationByID(ctx context.Context, id string) (activation.Activation, error) {
	const q = `SELECT ` + activationColumns + ` FROM activations WHERE activation_id = $1`
	return one(ctx, s.run, activation.ErrExpired, scanActivation, q, id)
}

func (s *store) ActivationByDigest(ctx context.Context, digest []byte) (activation.Activation, error) {
	const q = `SELECT ` + activationColumns + ` FROM activations WHERE link_digest = $1 OR typed_digest = $1`
	return one(ctx, s.run, activation.ErrExpired, scanActivation, q, blob(digest))
}

func (s *store) ClaimActivation(ctx context.Context, id, userID, phoneID string, now time.Time) (bool, error) {
	const q = `UPDATE activations SET claimed_at = $4, user_id = $2, phone_id = $3
		WHERE activation_id = $1 AND claimed_at = 0 AND superseded_at = 0 AND expires_at > $4`
	return touched(ctx, s.run, q, id, userID, phoneID, micros(now))
}

func (s *store) SupersedeActivations(ctx context.Context, loginID, sessionID, phoneID, except string, now time.Time) error {
	var w where
	w.args = []any{micros(now), except}
	if loginID != "" {
		w.add(`(login_id <> '' AND login_id = ?)`, loginID)
	}
	if sessionID != "" {
		w.add(`(session_id <> '' AND session_id = ?)`, sessionID)
	}
	if phoneID != "" {
		w.add(`(phone_id <> '' AND phone_id = ?)`, phoneID)
	}
	if len(w.parts) == 0 {
		return nil
	}
	q := `UPDATE activations SET superseded_at = $1 WHERE claimed_at = 0 AND superseded_at = 0 AND activation_id <> $2 AND ` + w.or()
	return s.run.later(ctx, q, w.args)
}

func (s *store) CountMailedActivations(ctx context.Context, loginID, sessionID string, since time.Time) (int, error) {
	var w where
	w.args = []any{micros(since)}
	if loginID != "" {
		w.add(`(login_id <> '' AND login_id = ?)`, loginID)
	}
	if sessionID != "" {
		w.add(`(session_id <> '' AND session_id = ?)`, sessionID)
	}
	if len(w.parts) == 0 {
		return 0, nil
	}
	q := `SELECT COUNT(*) FROM activations WHERE mailed = TRUE AND created_at >= $1 AND ` + w.or()
	return one(ctx, s.run, errNone, func(r *row) int { return int(r.int()) }, q, w.args...)
}

func (s *store) ActivationsOf(ctx context.Context, loginID, sessionID string, since time.Time) ([]activation.Activation, error) {
	var w where
	w.args = []any{micros(since)}
	if loginID != "" {
		w.add(`(login_id <> '' AND login_id = ?)`, loginID)
	}
	if sessionID != "" {
		w.add(`(session_id <> '' AND session_id = ?)`, sessionID)
	}
	if len(w.parts) == 0 {
		return nil, nil
	}
	q := `SELECT ` + activationColumns + ` FROM activations WHERE created_at >= $1 AND ` + w.or() + ` ORDER BY created_at DESC, activation_id DESC`
	return list(ctx, s.run, scanActivation, q, w.args...)
}

func (s *store) SupersedeUserActivations(ctx context.Context, userID string, now time.Time) error {
	const q = `UPDATE activations SET superseded_at = $1 WHERE claimed_at = 0 AND superseded_at = 0 AND user_id <> '' AND user_id = $2`
	return s.run.later(ctx, q, []any{micros(now), userID})
}
