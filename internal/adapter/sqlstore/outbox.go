package sqlstore

import (
	"context"
	"slices"
	"time"

	"countersign/internal/domain/outbox"
)

var mails = newTable("mails", func(m *outbox.Mail) []column {
	return []column{{"mail_id", &m.ID}, {"kind", &m.Kind}, {"recipient", &m.To}, {"subject", &m.Subject}, {"body", &m.Body},
		{"created_at", &m.Created}, {"due_at", &m.Due}, {"attempts", &m.Attempts}, {"sent_at", &m.Sent}, {"failed_at", &m.Failed}, {"error", &m.Error}}
})

var enqueueMail = mails.insert()

func (s *store) EnqueueMail(ctx context.Context, m outbox.Mail) error {
	return insert(ctx, s.run, mails, enqueueMail, m)
}

var leaseMail = mails.returning(`UPDATE mails SET due_at = $2 WHERE sent_at = 0 AND failed_at = 0 AND due_at <= $1 AND mail_id IN (
	SELECT mail_id FROM mails WHERE sent_at = 0 AND failed_at = 0 AND due_at <= $1 ORDER BY due_at LIMIT $3)`)

// LeaseMail repeats the condition outside the sub-select: on PostgreSQL a second node that waited for the
// row looks at it again and finds it leased.
func (s *store) LeaseMail(ctx context.Context, now, until time.Time, n int) ([]outbox.Mail, error) {
	all, err := list(ctx, s.run, mails, leaseMail, micros(now), micros(until), limit(n, 1000))
	slices.SortFunc(all, func(a, b outbox.Mail) int { return a.Created.Compare(b.Created) })
	return all, err
}

func (s *store) MailSent(ctx context.Context, id string, now time.Time) error {
	const q = `UPDATE mails SET sent_at = $2, body = NULL, recipient = '' WHERE mail_id = $1`
	return s.queue(ctx, q, id, micros(now))
}

func (s *store) MailRetry(ctx context.Context, id string, due time.Time, answer string) error {
	const q = `UPDATE mails SET due_at = $2, attempts = attempts + 1, error = $3 WHERE mail_id = $1`
	return s.queue(ctx, q, id, micros(due), answer)
}

func (s *store) MailFailed(ctx context.Context, id string, now time.Time, answer string) error {
	const q = `UPDATE mails SET failed_at = $2, error = $3 WHERE mail_id = $1`
	return s.queue(ctx, q, id, micros(now), answer)
}

var mailError = single[string]("error")

// MailWaiting gives the error of the newest message that has one and was not sent after all.
func (s *store) MailWaiting(ctx context.Context) (n int, lastError string, err error) {
	const count = `SELECT COUNT(*) AS n FROM mails WHERE sent_at = 0 AND failed_at = 0`
	if n, err = one(ctx, s.run, errNone, number, count); err != nil {
		return 0, "", err
	}
	const q = `SELECT error FROM mails WHERE error <> '' AND sent_at = 0 ORDER BY created_at DESC LIMIT 1`
	lastError, _, err = found(one(ctx, s.run, errNone, mailError, q))
	return n, lastError, err
}
