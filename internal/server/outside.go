package server

import (
	"context"
	"time"

	"countersign/internal/adapter/mail"
	"countersign/internal/flow"
	"countersign/internal/flow/notice"
	"countersign/internal/server/config"
)

// mailSender implements notice.Sender with a mail adapter and the organization's sender address.
type mailSender struct {
	from    string
	adapter interface {
		Send(ctx context.Context, m mail.Message) error
	}
}

// Send implements notice.Sender.
func (s mailSender) Send(ctx context.Context, m notice.Letter) error {
	return s.adapter.Send(ctx, mail.Message{ID: m.ID, From: s.from, To: m.To, Subject: m.Subject, Text: m.Text, HTML: m.HTML})
}

// InboxSender returns a sender that keeps mail in an inbox instead of sending it. from is the sender address.
func InboxSender(from string, inbox *mail.Inbox) notice.Sender {
	return mailSender{from: from, adapter: inbox}
}

// smtp returns a sender for the configured mail server. It is nil when there is none: mail then stays in the outbox.
func smtp(c config.Mail, now func() time.Time) notice.Sender {
	if c.SMTPHost == "" {
		return nil
	}
	return mailSender{from: c.From, adapter: &mail.Sender{Host: c.SMTPHost, Port: c.SMTPPort, Username: c.Username,
		Password: c.Password, TLS: c.TLS, Now: now}}
}

// doorbell sends alerts to phones through their push services.
func (s *Server) doorbell() flow.Doorbell { return s.Push }
