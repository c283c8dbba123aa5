package sqlstore

import (
	"context"
	"time"

	"countersign/internal/domain/login"
)

const loginColumns = `login_id, cookie_digest, door, door_state, application_id, user_id, username, stage, enrolling, transaction_id,
	version, factor, reason, phone_id, manage_proof_at, manage_factor, spare_asked, recovery_asked, ip, user_agent,
	created_at, expires_at, tx_id, decided_at, remember, ticket_used_at`

func scanLogin(r *row) login.Login {
	return login.Login{
		ID: r.text(), CookieDigest: r.bytes(), Door: r.text(), DoorState: r.bytes(), ApplicationID: r.text(), UserID: r.text(),
		Username: r.text(), Stage: login.Stage(r.text()), Enrolling: r.bool(), TransactionID: r.text(), Version: r.int(),
		Factor: r.text(), Reason: r.text(), PhoneID: r.text(), ManageProof: r.time(), ManageFactor: r.text(),
		SpareAsked: r.bool(), RecoveryAsked: r.bool(), IP: r.text(), UserAgent: r.text(), Created: r.time(), Expires: r.time(),
		TxID: r.text(), DecidedAt: r.time(), Remember: r.bool(), Collected: r.time(),
	}
}

func (s *store) CreateLogin(ctx context.Context, l login.Login) error {
	const q = `INSERT INTO logins (` + loginColumns + `, ticket_digest, ticket_expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, NULL, 0)`
	return s.run.later(ctx, q, []any{l.ID, blob(l.CookieDigest), l.Door, blob(l.DoorState), l.ApplicationID, l.UserID, l.Username,
		string(l.Stage), l.Enrolling, l.TransactionID, l.Version, l.Factor, l.Reason, l.PhoneID, micros(l.ManageProof), l.ManageFactor,
		l.SpareAsked, l.RecoveryAsked, l.IP, l.UserAgent, micros(l.Created), micros(l.Expires), l.TxID, micros(l.DecidedAt), l.Remember,
		micros(l.Collected)})
}

func (s *store) LoginByID(ctx context.Context, id string) (login.Login, error) {
	const q = `SELECT ` + loginColumns + ` FROM logins WHERE login_id = $1`
	return one(ctx, s.run, login.ErrStale, scanLogin, q, id)
}

func (s *store) AllowLogin(ctx context.Context, id string, p login.Proof, now time.Time) (bool, error) {
	const q = `UPDATE logins SET stage = 'allowed', factor = $2, reason = $3, phone_id = $4, decided_at = $5, version = version + 1
		WHERE login_id = $1 AND stage = 'open' AND expires_at > $5`
	return touched(ctx, s.run, q, id, p.Factor, p.Reason, p.PhoneID, micros(now))
}

func (s *store) RefuseLogin(ctx context.Context, id, reason string, now time.Time) (bool, error) {
	const q = `UPDATE logins SET stage = 'refused', reason = $2, decided_at = $3, version = version + 1
		WHERE login_id = $1 AND stage = 'open'`
	return touched(ctx, s.run, q, id, reason, micros(now))
}

func (s *store) ShowTransaction(ctx context.Context, id, transactionID string) error {
	const q = `UPDATE logins SET transaction_id = $2, version = version + 1 WHERE login_id = $1`
	return s.run.later(ctx, q, []any{id, transactionID})
}

func (s *store) BumpLogin(ctx context.Context, id string) error {
	const q = `UPDATE logins SET version = version + 1 WHERE login_id = $1`
	return s.run.later(ctx, q, []any{id})
}

func (s *store) EnrollLogin(ctx context.Context, id, userID, transactionID string) error {
	const q = `UPDATE logins SET user_id = $2, enrolling = FALSE, transaction_id = $3, version = version + 1 WHERE login_id = $1`
	return must(ctx, s.run, login.ErrStale, q, id, userID, transactionID)
}

func (s *store) ProveManage(ctx context.Context, id, factor string, now time.Time) (bool, error) {
	const q = `UPDATE logins SET manage_proof_at = $3, manage_factor = $2, version = version + 1
		WHERE login_id = $1 AND stage IN ('open', 'allowed') AND expires_at > $3`
	return touched(ctx, s.run, q, id, factor, micros(now))
}

func (s *store) TakeManageProof(ctx context.Context, id string, since time.Time) (string, bool, error) {
	const q = `UPDATE logins SET manage_proof_at = 0 WHERE login_id = $1 AND manage_proof_at > $2 RETURNING manage_factor`
	return taken(changeOne(ctx, s.run, errNone, (*row).text, q, id, micros(since)))
}

// errNone stands for "no row" where that is an answer and not an error.
const errNone = errText("no row")

// taken makes false of errNone.
func taken(v string, err error) (string, bool, error) {
	if err == errNone {
		return "", false, nil
	}
	return v, err == nil, err
}

func (s *store) AnswerSpare(ctx context.Context, id string) error {
	const q = `UPDATE logins SET spare_asked = TRUE WHERE login_id = $1`
	return s.run.later(ctx, q, []any{id})
}

func (s *store) AnswerRecovery(ctx context.Context, id string) error {
	const q = `UPDATE logins SET recovery_asked = TRUE WHERE login_id = $1`
	return s.run.later(ctx, q, []any{id})
}

func (s *store) ChooseRemember(ctx context.Context, id string, remember bool, now time.Time) (bool, error) {
	const q = `UPDATE logins SET remember = $2 WHERE login_id = $1 AND stage IN ('open', 'allowed') AND expires_at > $3`
	return touched(ctx, s.run, q, id, remember, micros(now))
}

func (s *store) ExtendLogin(ctx context.Context, id string, until, now time.Time) (bool, error) {
	const q = `UPDATE logins SET expires_at = $2 WHERE login_id = $1 AND stage IN ('open', 'allowed') AND expires_at > $3 AND expires_at < $2`
	return touched(ctx, s.run, q, id, micros(until), micros(now))
}

func (s *store) FinishLogin(ctx context.Context, id string, grant []byte, grantExpires, now time.Time) (bool, error) {
	const q = `UPDATE logins SET ticket_expires_at = CASE WHEN stage = 'finished' THEN ticket_expires_at ELSE $3 END,
		stage = 'finished', ticket_digest = $2, version = version + 1
		WHERE login_id = $1 AND (stage = 'allowed' OR stage = 'finished' AND ticket_used_at = 0 AND ticket_expires_at > $4) AND expires_at > $4`
	return touched(ctx, s.run, q, id, blob(grant), micros(grantExpires), micros(now))
}

func (s *store) CollectGrant(ctx context.Context, grant []byte, applicationID string, now time.Time) error {
	const q = `UPDATE logins SET ticket_used_at = $3
		WHERE ticket_digest = $1 AND application_id = $2 AND stage = 'finished' AND ticket_used_at = 0 AND ticket_expires_at > $3`
	return must(ctx, s.run, login.ErrGrant, q, blob(grant), applicationID, micros(now))
}

func (s *store) ForgetLogins(ctx context.Context, before time.Time) (int64, error) {
	const q = `DELETE FROM logins WHERE expires_at < $1`
	return s.run.exec(ctx, q, []any{micros(before)})
}
