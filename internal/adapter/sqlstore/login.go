package sqlstore

import (
	"context"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/login"
)

var logins = newTable("logins", func(l *login.Login) []column {
	return []column{{"login_id", &l.ID}, {"cookie_digest", &l.CookieDigest}, {"door", &l.Door}, {"door_state", &l.DoorState},
		{"application_id", &l.ApplicationID}, {"user_id", &l.UserID}, {"username", &l.Username}, {"stage", (*string)(&l.Stage)},
		{"enrolling", &l.Enrolling}, {"transaction_id", &l.TransactionID}, {"version", &l.Version}, {"factor", &l.Factor},
		{"reason", &l.Reason}, {"phone_id", &l.PhoneID}, {"proof", proofText{&l.Proof}}, {"manage_proof_at", &l.ManageProof}, {"manage_factor", &l.Manage.Factor},
		{"manage_proof", proofText{&l.Manage}},
		{"spare_asked", &l.SpareAsked}, {"recovery_asked", &l.RecoveryAsked}, {"ip", &l.IP}, {"user_agent", &l.UserAgent},
		{"created_at", &l.Created}, {"expires_at", &l.Expires}, {"tx_id", &l.TxID}, {"decided_at", &l.DecidedAt},
		{"remember", &l.Remember}, {"ticket_used_at", &l.Collected}, {"enrollment_id", &l.EnrollmentID}}
})

var createLogin = logins.insert("ticket_digest", "ticket_expires_at")

func (s *store) CreateLogin(ctx context.Context, l login.Login) error {
	return insert(ctx, s.run, logins, createLogin, l, nil, int64(0))
}

var loginByID = logins.from(`WHERE login_id = $1`)

func (s *store) LoginByID(ctx context.Context, id string) (login.Login, error) {
	return one(ctx, s.run, login.ErrStale, logins, loginByID, id)
}

func (s *store) AllowLogin(ctx context.Context, id string, d login.Decision, now time.Time) error {
	const q = `UPDATE logins SET stage = 'allowed', factor = $2, reason = $3, phone_id = $4, decided_at = $5, proof = $6, version = version + 1
		WHERE login_id = $1 AND stage = 'open' AND expires_at > $5`
	return s.must(ctx, login.ErrStale, q, id, d.Proof.Factor, d.Reason, d.PhoneID, micros(now), encodeProof(d.Proof))
}

func (s *store) ShowTransaction(ctx context.Context, id, transactionID string, manage bool) error {
	const q = `UPDATE logins SET transaction_id = $2, version = version + 1
		WHERE login_id = $1 AND (stage = 'open' OR stage = 'allowed' AND $3)`
	return s.must(ctx, login.ErrStale, q, id, transactionID, manage)
}

func (s *store) BumpLogin(ctx context.Context, id string) error {
	const q = `UPDATE logins SET version = version + 1 WHERE login_id = $1`
	return s.queue(ctx, q, id)
}

func (s *store) EnrollLogin(ctx context.Context, id, userID, transactionID string) error {
	const q = `UPDATE logins SET user_id = $2, enrolling = FALSE, transaction_id = $3, version = version + 1 WHERE login_id = $1`
	return s.must(ctx, login.ErrStale, q, id, userID, transactionID)
}

func (s *store) ProveManage(ctx context.Context, id string, d login.Decision, now time.Time) error {
	const q = `UPDATE logins SET manage_proof_at = $5, manage_factor = $2, manage_proof = $6, version = version + 1,
		factor = CASE WHEN stage = 'open' THEN $2 ELSE factor END, reason = CASE WHEN stage = 'open' THEN $3 ELSE reason END,
		phone_id = CASE WHEN stage = 'open' THEN $4 ELSE phone_id END, decided_at = CASE WHEN stage = 'open' THEN $5 ELSE decided_at END,
		proof = CASE WHEN stage = 'open' THEN $6 ELSE proof END,
		stage = 'allowed'
		WHERE login_id = $1 AND stage IN ('open', 'allowed') AND expires_at > $5`
	return s.must(ctx, login.ErrStale, q, id, d.Proof.Factor, d.Reason, d.PhoneID, micros(now), encodeProof(d.Proof))
}

var manageProof = newTable("", func(p *account.Proof) []column { return []column{{"manage_proof", proofText{p}}} })

func (s *store) TakeManageProof(ctx context.Context, id string, since time.Time) (account.Proof, bool, error) {
	const q = `UPDATE logins SET manage_proof_at = 0 WHERE login_id = $1 AND manage_proof_at > $2 RETURNING manage_proof`
	return found(one(ctx, s.run, errNone, manageProof, q, id, micros(since)))
}

func (s *store) RenewLogin(ctx context.Context, id string, proof, manage account.Proof) error {
	const q = `UPDATE logins SET proof = $2, manage_factor = $3, manage_proof = $4 WHERE login_id = $1`
	return s.must(ctx, login.ErrStale, q, id, encodeProof(proof), manage.Factor, encodeProof(manage))
}

func (s *store) AnswerSpare(ctx context.Context, id string) error {
	const q = `UPDATE logins SET spare_asked = TRUE WHERE login_id = $1`
	return s.queue(ctx, q, id)
}

func (s *store) AnswerRecovery(ctx context.Context, id string) error {
	const q = `UPDATE logins SET recovery_asked = TRUE WHERE login_id = $1`
	return s.queue(ctx, q, id)
}

func (s *store) ChooseRemember(ctx context.Context, id string, remember bool, now time.Time) error {
	const q = `UPDATE logins SET remember = $2 WHERE login_id = $1 AND stage IN ('open', 'allowed') AND expires_at > $3`
	return s.must(ctx, login.ErrStale, q, id, remember, micros(now))
}

func (s *store) ExtendLogin(ctx context.Context, id string, until, now time.Time) (bool, error) {
	const q = `UPDATE logins SET expires_at = $2 WHERE login_id = $1 AND stage IN ('open', 'allowed') AND expires_at > $3 AND expires_at < $2`
	return s.touched(ctx, q, id, micros(until), micros(now))
}

func (s *store) FinishLogin(ctx context.Context, id string, grant []byte, grantExpires, now time.Time) error {
	const q = `UPDATE logins SET ticket_expires_at = CASE WHEN stage = 'finished' THEN ticket_expires_at ELSE $3 END,
		stage = 'finished', ticket_digest = $2, version = version + 1
		WHERE login_id = $1 AND (stage = 'allowed' OR stage = 'finished' AND ticket_used_at = 0 AND ticket_expires_at > $4) AND expires_at > $4`
	return s.must(ctx, login.ErrStale, q, id, blob(grant), micros(grantExpires), micros(now))
}

func (s *store) CollectGrant(ctx context.Context, grant []byte, applicationID string, now time.Time) error {
	const q = `UPDATE logins SET ticket_used_at = $3
		WHERE ticket_digest = $1 AND application_id = $2 AND stage = 'finished' AND ticket_used_at = 0 AND ticket_expires_at > $3`
	if err := s.run.Share(ctx); err != nil {
		return err
	}
	return s.must(ctx, login.ErrGrant, q, blob(grant), applicationID, micros(now))
}

func (s *store) ForgetLogins(ctx context.Context, before time.Time) (int64, error) {
	const q = `DELETE FROM logins WHERE expires_at < $1`
	return s.count(ctx, q, micros(before))
}
