package notice

import (
	"context"
	"encoding/json"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/internal/base/errs"
	"countersign/internal/domain/outbox"
	"countersign/internal/flow"
)

const (
	atOnce   = 4                // letters on their way at the same time
	sendLife = 45 * time.Second // of one delivery, whatever the mail server does
	lease    = 2 * time.Minute  // longer than sendLife: no other node takes the letter meanwhile
	poll     = 5 * time.Second  // when the bell is not heard
	farewell = 5 * time.Second  // what a letter on its way gets when the program stops
)

// Run sends what is due until ctx ends. It never returns an error: a database or mail server
// that is down is waited for.
func (d *Desk) Run(ctx context.Context) {
	if d.sender == nil {
		<-ctx.Done()
		return
	}
	wake, stop := d.bell.Listen(flow.OutboxTopic)
	defer stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		sent, err := d.Deliver(ctx)
		if err != nil && ctx.Err() == nil {
			d.logger.ErrorContext(ctx, "mail waits: the outbox cannot be read", "error", err)
		}
		if sent > 0 && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-tick.C:
		}
	}
}

// Deliver tries the letters that are due now, a handful at once, and returns how many it tried.
// A crash between the mail server's yes and ours repeats a letter once, under the same ID.
func (d *Desk) Deliver(ctx context.Context) (tried int, err error) {
	waiting, _, err := d.db.Read().MailWaiting(ctx)
	if err != nil || waiting == 0 { // reading is cheap, leasing writes
		return 0, err
	}
	var due []outbox.Mail
	err = d.db.Write(ctx, func(st Store) (err error) {
		now := d.now()
		due, err = st.LeaseMail(ctx, now, now.Add(lease), atOnce)
		return err
	})
	if err != nil {
		return 0, err
	}
	var all errgroup.Group
	for _, m := range due {
		all.Go(func() error { return d.deliver(ctx, m) })
	}
	return len(due), all.Wait()
}

// deliver hands one letter over and writes down what came of it.
func (d *Desk) deliver(ctx context.Context, m outbox.Mail) error {
	var content outbox.Content
	plain, err := d.keys.Open(outbox.SealPurpose, m.ID, m.Body)
	if err == nil {
		err = json.Unmarshal(plain, &content)
	}
	if err != nil {
		return d.note(ctx, m, errs.New(errs.Invalid, "mail.unreadable").With(err))
	}
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendLife)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(farewell, cancel) })
	defer stop()
	return d.note(ctx, m, d.sender.Send(sending, Letter{
		ID: m.ID, To: m.To, Subject: m.Subject, Text: content.Text, HTML: content.HTML,
	}))
}

// note records the outcome, also when the program is stopping.
func (d *Desk) note(ctx context.Context, m outbox.Mail, outcome error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	now := d.now()
	return d.db.Write(ctx, func(st Store) error {
		switch {
		case outcome == nil:
			return st.MailSent(ctx, m.ID, now)
		case errs.KindOf(outcome) == errs.Invalid, now.Sub(m.Created) >= outbox.GiveUpAfter:
			d.logger.WarnContext(ctx, "mail given up", "mail", m.ID, "kind", m.Kind, "error", outcome)
			return st.MailFailed(ctx, m.ID, now, outcome.Error())
		}
		d.logger.InfoContext(ctx, "mail is tried again", "mail", m.ID, "kind", m.Kind, "attempts", m.Attempts+1, "error", outcome)
		return st.MailRetry(ctx, m.ID, now.Add(outbox.Backoff(m.Attempts)), outcome.Error())
	})
}
