package sqlstore

import (
	"context"
	"time"

	"countersign/internal/domain/activation"
)

var activations = newTable("activations", func(a *activation.Activation) []column {
	return []column{{"activation_id", &a.ID}, {"user_id", &a.UserID}, {"phone_id", &a.PhoneID}, {"login_id", &a.LoginID},
		{"session_id", &a.SessionID}, {"purpose", (*string)(&a.Purpose)}, {"mailed", &a.Mailed}, {"link_digest", &a.LinkDigest},
		{"typed_digest", &a.TypedDigest}, {"created_at", &a.Created}, {"expires_at", &a.Expires}, {"claimed_at", &a.Claimed},
		{"superseded_at", &a.Superseded}, {"number", &a.Number}, {"device_type", &a.DeviceType},
		{"epoch", &a.Epoch}, {"application_id", &a.ApplicationID}, {"origin", &a.Origin}, {"key_id", &a.KeyID}, {"proved_by", &a.ProvedBy}}
})

var createActivation = activations.insert()

func (s *store) CreateActivation(ctx context.Context, a activation.Activation) error {
	return insert(ctx, s.run, activations, createActivation, a)
}

var activationByID = activations.from(`WHERE activation_id = $1`)

func (s *store) ActivationByID(ctx context.Context, id string) (activation.Activation, error) {
	return one(ctx, s.run, activation.ErrExpired, activations, activationByID, id)
}

var activationByDigest = activations.from(`WHERE link_digest = $1 OR typed_digest = $1`)

func (s *store) ActivationByDigest(ctx context.Context, digest []byte) (activation.Activation, error) {
	return one(ctx, s.run, activation.ErrExpired, activations, activationByDigest, blob(digest))
}

func (s *store) ClaimActivation(ctx context.Context, id, userID, phoneID, keyID, provedBy string, now time.Time) (bool, error) {
	const q = `UPDATE activations SET claimed_at = $4, user_id = $2, phone_id = $3, proved_by = $5, key_id = $6
		WHERE activation_id = $1 AND claimed_at = 0 AND superseded_at = 0 AND expires_at > $4`
	return s.touched(ctx, q, id, userID, phoneID, micros(now), provedBy, keyID)
}

var claimedFrom = activations.from(`WHERE origin = $1 AND origin <> '' AND claimed_at > 0 ORDER BY claimed_at, activation_id`)

func (s *store) ClaimedFrom(ctx context.Context, loginID string) ([]activation.Activation, error) {
	return list(ctx, s.run, activations, claimedFrom, loginID)
}

var claimedBy = activations.from(`WHERE proved_by = $1 AND proved_by <> '' AND claimed_at > 0 ORDER BY claimed_at, activation_id`)

func (s *store) ClaimedBy(ctx context.Context, authenticator string) ([]activation.Activation, error) {
	return list(ctx, s.run, activations, claimedBy, authenticator)
}

// ofOwner selects what belongs to a sign-in, a session or a phone; "" is nobody's.
func (w *where) ofOwner(loginID, sessionID, phoneID string) {
	if loginID != "" {
		w.add(`(login_id <> '' AND login_id = ?)`, loginID)
	}
	if sessionID != "" {
		w.add(`(session_id <> '' AND session_id = ?)`, sessionID)
	}
	if phoneID != "" {
		w.add(`(phone_id <> '' AND phone_id = ?)`, phoneID)
	}
}

func (s *store) SupersedeActivations(ctx context.Context, loginID, sessionID, phoneID, except string, now time.Time) error {
	w := where{args: []any{micros(now), except}}
	w.ofOwner(loginID, sessionID, phoneID)
	if len(w.parts) == 0 {
		return nil
	}
	q := `UPDATE activations SET superseded_at = $1 WHERE claimed_at = 0 AND superseded_at = 0 AND activation_id <> $2 AND ` + w.or()
	return s.queue(ctx, q, w.args...)
}

func (s *store) CountMailedActivations(ctx context.Context, loginID, sessionID string, since time.Time) (int, error) {
	w := where{args: []any{micros(since)}}
	w.ofOwner(loginID, sessionID, "")
	if len(w.parts) == 0 {
		return 0, nil
	}
	return one(ctx, s.run, errNone, number, `SELECT COUNT(*) AS n FROM activations WHERE mailed = TRUE AND created_at >= $1 AND `+w.or(), w.args...)
}

func (s *store) ActivationsOf(ctx context.Context, loginID, sessionID string, since time.Time) ([]activation.Activation, error) {
	w := where{args: []any{micros(since)}}
	w.ofOwner(loginID, sessionID, "")
	if len(w.parts) == 0 {
		return nil, nil
	}
	q := activations.from(`WHERE created_at >= $1 AND ` + w.or() + ` ORDER BY created_at DESC, activation_id DESC`)
	return list(ctx, s.run, activations, q, w.args...)
}

func (s *store) SupersedeUserActivations(ctx context.Context, userID string, now time.Time) error {
	const q = `UPDATE activations SET superseded_at = $1 WHERE claimed_at = 0 AND superseded_at = 0 AND user_id <> '' AND user_id = $2`
	return s.queue(ctx, q, micros(now), userID)
}
