package sqlstore

import (
	"context"
	"encoding/json"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/transaction"
)

var transactions = newTable("transactions", func(t *transaction.Transaction) []column {
	return []column{{"transaction_id", &t.ID}, {"user_id", &t.UserID}, {"username", &t.Username}, {"application_id", &t.ApplicationID},
		{"application", &t.Application}, {"phone_id", &t.PhoneID}, {"login_id", &t.LoginID}, {"purpose", (*string)(&t.Purpose)},
		{"state", (*string)(&t.State)}, {"number", &t.Number}, {"ip", &t.IP}, {"client", &t.Client}, {"created_at", &t.Created},
		{"expires_at", &t.Expires}, {"decided_at", &t.Decided}, {"delivered_at", &t.Delivered}, {"fetched_at", &t.Fetched},
		{"unreachable", &t.Unreachable}, {"title", &t.Title}, {"info", lines{&t.Info}}, {"factor", &t.Factor}, {"reason", &t.Reason},
		{"remember_as", &t.RememberAs}, {"proof", proofText{&t.Proof}},
		{"reported_at", &t.Reported}}
})

// lines are further lines of a door. They are for the eye only: what does not read is left out.
type lines struct{ at *[]transaction.Field }

func (l lines) decode(text string) error {
	var list []transaction.Field
	if text != "" && json.Unmarshal([]byte(text), &list) == nil {
		*l.at = list
	}
	return nil
}

func (l lines) encode() (string, error) {
	if len(*l.at) == 0 {
		return "", nil
	}
	b, err := json.Marshal(*l.at)
	return string(b), err
}

var createTransaction = transactions.insert()

func (s *store) CreateTransaction(ctx context.Context, t transaction.Transaction) error {
	return insert(ctx, s.run, transactions, createTransaction, t)
}

var transactionByID = transactions.from(`WHERE transaction_id = $1`)

func (s *store) TransactionByID(ctx context.Context, id string) (transaction.Transaction, error) {
	return one(ctx, s.run, transaction.ErrUnknown, transactions, transactionByID, id)
}

var openTransactionsOn = transactions.from(`WHERE phone_id = $1 AND state = 'pending' AND expires_at > $2 ORDER BY created_at, transaction_id`)

func (s *store) OpenTransactionsOn(ctx context.Context, phoneID string, now time.Time) ([]transaction.Transaction, error) {
	return list(ctx, s.run, transactions, openTransactionsOn, phoneID, micros(now))
}

// A request is answered while its time runs, times out when that is over, and may be cancelled at any time.
const decide = `UPDATE transactions SET state = $2, decided_at = $3, proof = $4 WHERE transaction_id = $1 AND state = 'pending'`

func (s *store) DecideTransaction(ctx context.Context, id string, to transaction.State, p account.Proof, now time.Time) error {
	q := decide + ` AND expires_at > $3`
	switch to {
	case transaction.TimedOut:
		q = decide + ` AND expires_at <= $3`
	case transaction.Cancelled:
		q = decide
	}
	return s.must(ctx, transaction.ErrDecided, q, id, string(to), micros(now), encodeProof(p))
}

func (s *store) ReportTransaction(ctx context.Context, id string, now time.Time) error {
	const q = `UPDATE transactions SET reported_at = $2 WHERE transaction_id = $1 AND reported_at = 0`
	return s.must(ctx, transaction.ErrDecided, q, id, micros(now))
}

func (s *store) ExplainTransaction(ctx context.Context, id, factor, reason string) error {
	const q = `UPDATE transactions SET factor = $2, reason = $3 WHERE transaction_id = $1`
	return s.queue(ctx, q, id, factor, reason)
}

// transactionCounts are how many requests of a user are open and how many were missed.
type transactionCounts struct{ open, missed int }

var openAndMissed = newTable("", func(c *transactionCounts) []column { return []column{{"open", &c.open}, {"missed", &c.missed}} })

func (s *store) CountTransactions(ctx context.Context, userID string, since time.Time) (open, missed int, err error) {
	const q = `SELECT (SELECT COUNT(*) FROM transactions WHERE user_id = $1 AND state = 'pending') AS open,
		(SELECT COUNT(*) FROM transactions WHERE user_id = $1 AND created_at >= $2 AND state NOT IN ('pending', 'approved') AND phone_id <> '') AS missed`
	c, err := one(ctx, s.run, errNone, openAndMissed, q, userID, micros(since))
	return c.open, c.missed, err
}

// number is the result of a count.
var number = single[int]("n")

func (s *store) AnsweredSince(ctx context.Context, phoneID string, since time.Time) (bool, error) {
	const q = `SELECT COUNT(*) AS n FROM transactions WHERE created_at >= $1 AND phone_id = $2 AND decided_at > $3
		AND decided_at > created_at AND state IN ('approved', 'denied', 'wrong_number', 'fraud')`
	n, err := one(ctx, s.run, errNone, number, q, micros(since.Add(-transaction.Life)), phoneID, micros(since))
	return n > 0, err
}

var (
	overdueTransactions   = transactions.from(`WHERE state = 'pending' AND expires_at <= $1 ORDER BY expires_at LIMIT $2`)
	overdueTransactionsOf = transactions.from(`WHERE state = 'pending' AND expires_at <= $1 AND user_id = $3 ORDER BY expires_at LIMIT $2`)
)

func (s *store) OverdueTransactions(ctx context.Context, userID string, now time.Time, n int) ([]transaction.Transaction, error) {
	if userID == "" {
		return list(ctx, s.run, transactions, overdueTransactions, micros(now), limit(n, 1000))
	}
	return list(ctx, s.run, transactions, overdueTransactionsOf, micros(now), limit(n, 1000), userID)
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
	q := transactions.from(`WHERE state = 'pending' AND ` + w.or() + ` ORDER BY created_at, transaction_id`)
	return list(ctx, s.run, transactions, q, w.args...)
}

func (s *store) MarkDelivery(ctx context.Context, id string, delivered, fetched time.Time, unreachable bool) error {
	const q = `UPDATE transactions SET delivered_at = CASE WHEN $2 = CAST(0 AS BIGINT) THEN delivered_at ELSE $2 END,
		fetched_at = CASE WHEN $3 = CAST(0 AS BIGINT) THEN fetched_at ELSE $3 END, unreachable = $4 WHERE transaction_id = $1`
	return s.queue(ctx, q, id, micros(delivered), micros(fetched), unreachable)
}

func (s *store) ForgetTransactions(ctx context.Context, before time.Time) (int64, error) {
	const q = `DELETE FROM transactions WHERE created_at < $1 AND state <> 'pending'`
	return s.count(ctx, q, micros(before))
}
