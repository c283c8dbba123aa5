package sqlstore

import (
	"context"
	"encoding/json"
	"time"

	"countersign/internal/domain/transaction"
)

const transactionColumns = `transaction_id, user_id, username, application_id, application, phone_id, login_id, purpose, state, number,
	ip, client, created_at, expires_at, decided_at, delivered_at, fetched_at, unreachable, title, info, factor, reason, remember_as`

func scanTransaction(r *row) transaction.Transaction {
	return transaction.Transaction{
		ID: r.text(), UserID: r.text(), Username: r.text(), ApplicationID: r.text(), Application: r.text(), PhoneID: r.text(),
		LoginID: r.text(), Purpose: transaction.Purpose(r.text()), State: transaction.State(r.text()), Number: r.text(),
		IP: r.text(), Client: r.text(), Created: r.time(), Expires: r.time(), Decided: r.time(), Delivered: r.time(),
		Fetched: r.time(), Unreachable: r.bool(), Title: r.text(), Info: fields(r.text()), Factor: r.text(), Reason: r.text(),
		RememberAs: r.text(),
	}
}

// fields reads the lines a door told. They are for the eye only: what does not read is left out.
func fields(text string) []transaction.Field {
	if text == "" {
		return nil
	}
	var list []transaction.Field
	if json.Unmarshal([]byte(text), &list) != nil {
		return nil
	}
	return list
}

func (s *store) CreateTransaction(ctx context.Context, t transaction.Transaction) error {
	const q = `INSERT INTO transactions (` + transactionColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`
	info := ""
	if len(t.Info) > 0 {
		b, err := json.Marshal(t.Info)
		if err != nil {
			return err
		}
		info = string(b)
	}
	return s.run.later(ctx, q, []any{t.ID, t.UserID, t.Username, t.ApplicationID, t.Application, t.PhoneID, t.LoginID, string(t.Purpose),
		string(t.State), t.Number, t.IP, t.Client, micros(t.Created), micros(t.Expires), micros(t.Decided), micros(t.Delivered),
		micros(t.Fetched), t.Unreachable, t.Title, info, t.Factor, t.Reason, t.RememberAs})
}

func (s *store) TransactionByID(ctx context.Context, id string) (transaction.Transaction, error) {
	const q = `SELECT ` + transactionColumns + ` FROM transactions WHERE transaction_id = $1`
	return one(ctx, s.run, transaction.ErrUnknown, scanTransaction, q, id)
}

func (s *store) OpenTransactionsOn(ctx context.Context, phoneID string, now time.Time) ([]transaction.Transaction, error) {
	const q = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE phone_id = $1 AND state = 'pending' AND expires_at > $2 ORDER BY created_at, transaction_id`
	return list(ctx, s.run, scanTransaction, q, phoneID, micros(now))
}

func (s *store) DecideTransaction(ctx context.Context, id string, to transaction.State, now time.Time) (transaction.Transaction, error) {
	const move = `UPDATE transactions SET state = $2, decided_at = $3 WHERE transaction_id = $1 AND state = 'pending'`
	const give = ` RETURNING ` + transactionColumns
	q := move + ` AND expires_at > $3` + give
	switch to {
	case transaction.TimedOut:
		q = move + ` AND expires_at <= $3` + give
	case transaction.Cancelled:
		q = move + give
	}
	return changeOne(ctx, s.run, transaction.ErrDecided, scanTransaction, q, id, string(to), micros(now))
}

func (s *store) ExplainTransaction(ctx context.Context, id, factor, reason string) error {
	const q = `UPDATE transactions SET factor = $2, reason = $3 WHERE transaction_id = $1`
	return s.run.later(ctx, q, []any{id, factor, reason})
}

func (s *store) CountTransactions(ctx context.Context, userID string, since time.Time) (open, missed int, err error) {
	const q = `SELECT (SELECT COUNT(*) FROM transactions WHERE user_id = $1 AND state = 'pending'),
		(SELECT COUNT(*) FROM transactions WHERE user_id = $1 AND created_at >= $2 AND state NOT IN ('pending', 'approved') AND phone_id <> '')`
	counts, err := one(ctx, s.run, errNone, func(r *row) [2]int { return [2]int{int(r.int()), int(r.int())} }, q, userID, micros(since))
	return counts[0], counts[1], err
}

func (s *store) AnsweredSince(ctx context.Context, phoneID string, since time.Time) (bool, error) {
	const q = `SELECT COUNT(*) FROM transactions WHERE created_at >= $1 AND phone_id = $2 AND decided_at > $3
		AND decided_at > created_at AND state IN ('approved', 'denied', 'wrong_number', 'fraud')`
	n, err := one(ctx, s.run, errNone, (*row).int, q, micros(since.Add(-transaction.Life)), phoneID, micros(since))
	return n > 0, err
}

func (s *store) OverdueTransactions(ctx context.Context, userID string, now time.Time, n int) ([]transaction.Transaction, error) {
	const all = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE state = 'pending' AND expires_at <= $1 ORDER BY expires_at LIMIT $2`
	const of = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE state = 'pending' AND expires_at <= $1 AND user_id = $3 ORDER BY expires_at LIMIT $2`
	if userID == "" {
		return list(ctx, s.run, scanTransaction, all, micros(now), limit(n, 1000))
	}
	return list(ctx, s.run, scanTransaction, of, micros(now), limit(n, 1000), userID)
}

func (s *store) OpenTransactionsOf(ctx context.Context, userID, loginID, phoneID string) ([]transaction.Transaction, error) {
	var w where
	if userID != "" {
		w.add(`user_id = ?`, userID)
	}
	if loginID != "" {
		w.add(`login_id = ?`, loginID)
	}
	if phoneID != "" {
		w.add(`phone_id = ?`, phoneID)
	}
	if len(w.parts) == 0 {
		return nil, nil
	}
	q := `SELECT ` + transactionColumns + ` FROM transactions WHERE state = 'pending' AND ` + w.or() + ` ORDER BY created_at, transaction_id`
	return list(ctx, s.run, scanTransaction, q, w.args...)
}

func (s *store) MarkDelivery(ctx context.Context, id string, delivered, fetched time.Time, unreachable bool) error {
	const q = `UPDATE transactions SET delivered_at = CASE WHEN $2 = CAST(0 AS BIGINT) THEN delivered_at ELSE $2 END,
		fetched_at = CASE WHEN $3 = CAST(0 AS BIGINT) THEN fetched_at ELSE $3 END, unreachable = $4 WHERE transaction_id = $1`
	return s.run.later(ctx, q, []any{id, micros(delivered), micros(fetched), unreachable})
}

func (s *store) ForgetTransactions(ctx context.Context, before time.Time) (int64, error) {
	const q = `DELETE FROM transactions WHERE created_at < $1 AND state <> 'pending'`
	return s.run.exec(ctx, q, []any{micros(before)})
}
