// Package outbox is mail that is to be sent: written in the same database transaction as what it
// tells about, sent later, kept until the mail server took it.
package outbox

import (
	"context"
	"time"
)

// Mail is one message to one address. Bodies may hold links, so they rest sealed.
type Mail struct {
	ID       string // DM + 18
	Kind     string // "activation", "device_added" …, for the log
	To       string
	Subject  string
	Body     []byte // sealed JSON of Content, purpose SealPurpose, row ID; emptied when sent
	Created  time.Time
	Due      time.Time
	Attempts int
	Sent     time.Time
	Failed   time.Time // given up
	Error    string    // last answer, for doctor and the panel
}

// Content is what Body seals.
type Content struct {
	Text string `json:"text"`
	HTML string `json:"html"`
}

// SealPurpose is the sealing purpose of Mail.Body.
const SealPurpose = "mail-body"

// GiveUpAfter is how long sending is tried (FAIL-9).
const GiveUpAfter = 72 * time.Hour

// Backoff is the wait before try number attempts+1: 5 s doubling to 30 min.
func Backoff(attempts int) time.Duration {
	d := 5 * time.Second << min(attempts, 9)
	return min(d, 30*time.Minute)
}

// Store keeps the outbox.
type Store interface {
	EnqueueMail(ctx context.Context, m Mail) error
	// LeaseMail takes up to limit due messages and moves their Due to until, so that no other node takes
	// them meanwhile: UPDATE … RETURNING.
	LeaseMail(ctx context.Context, now, until time.Time, limit int) ([]Mail, error)
	// MailSent empties body and address: of an address typed for one mail nothing stays (D-22). MailRetry sets
	// the next Due, counts the attempt and keeps the answer; MailFailed gives up.
	MailSent(ctx context.Context, id string, now time.Time) error
	// MailRetry counts a try that failed with answer, and waits until due; MailFailed gives up.
	MailRetry(ctx context.Context, id string, due time.Time, answer string) error
	MailFailed(ctx context.Context, id string, now time.Time, answer string) error
	// MailWaiting counts unsent messages and gives the latest error.
	MailWaiting(ctx context.Context) (n int, lastError string, err error)
}
