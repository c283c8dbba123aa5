package sqlstore

import (
	"context"
	"slices"
	"time"

	"countersign/internal/domain/outbox"
)

const mailColumns = `mail_id, kind, recipient, subject, body, created_at, due_at, attempts, sent_at, failed_at, error`

func scanMail(r *row) outbox.Mail {
	return outbox.Mail{ID: r.text(), Kind: r.text(), To: r.text(), Subject: r.text(), Body: r.bytes(), Created: r.time(), Due: r.time(),
		Attempts: int(r.int()), Sent: r.time(), Failed: r.time(), Error: r.text()}
}

func (s *store) EnqueueMail(ctx context.Context, m outbox.Mail) error {
	const q = `INSERT INTO mails (` + mailColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	return s.run.later(ctx, q, []any{m.ID, m.Kind, m.To, m.Subject, blob(m.Body), micros(m.Created), micros(m.Due), int64(m.Attempts),
		micros(m.Sent), micros(m.Failed), m.Error})
}

// LeaseMail repeats the condition outside the sub-select: on PostgreSQL a second node that waited for the
// row looks at it again and finds it leased.
func (s *store) LeaseMail(ctx context.Context, now, until time.Time, n int) ([]outbox.Mail, error) {
	const q = `UPDATE mails SET due_at = $2 WHERE sent_at = 0 AND failed_at = 0 AND due_at <= $1 AND mail_id IN (
			SELECT mail_id FROM mails WHERE sent_at = 0 AND failed_at = 0 AND due_at <= $1 ORDER BY due_at LIMIT $3)
		RETURNING ` + mailColumns
	var all []outbox.Mail
	err := s.run.change(ctx, q, []any{micros(now), micros(until), limit(n, 1000)}, func(r *row) { all = append(all, scanMail(r)) })
	slices.SortFunc(all, func(a, b outbox.Mail) int { return a.Created.Compare(b.Created) })
	return all, err
}

func (s *store) MailSent(ctx context.Context, id string, now time.Time) error {
	const q = `UPDATE mails SET sent_at = $2, body = NULL, recipient = '' WHERE mail_id = $1`
	return s.run.later(ctx, q, []any{id, micros(now)})
}

func (s *store) MailRetry(ctx context.Context, id string, due time.Time, answer string) error {
	const q = `UPDATE mails SET due_at = $2, attempts = attempts + 1, error = $3 WHERE mail_id = $1`
	return s.run.later(ctx, q, []any{id, micros(due), answer})
}

func (s *store) MailFailed(ctx context.Context, id string, now time.Time, answer string) error {
	const q = `UPDATE mails SET failed_at = $2, error = $3 WHERE mail_id = $1`
	return s.run.later(ctx, q, []any{id, micros(now), answer})
}

// MailWaiting gives the error of the newest message that has one and was not sent after all.
func (s *store) MailWaiting(ctx context.Context) (n int, lastError string, err error) {
	const count = `SELECT COUNT(*) FROM mails WHERE sent_at = 0 AND failed_at = 0`
	n, err = one(ctx, s.run, errNone, func(r *row) int { return int(r.int()) }, count)
	if err != nil {
		return 0, "", err
	}
	const q = `SELECT error FROM mails WHERE error <> '' AND sent_at = 0 ORDER BY created_at DESC LIMIT 1`
	lastError, _, err = taken(one(ctx, s.run, errNone, (*row).text, q))
	return n, lastError, err
}
