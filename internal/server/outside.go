package server

import (
	"context"
	"time"

	"countersign/internal/adapter/mail"
	"countersign/internal/flow"
	"countersign/internal/flow/notice"
	"countersign/internal/server/config"
)

// letters hands what the desk wrote to a mail adapter, under the organization's sender address.
type letters struct {
	From string
	Post interface {
		Send(ctx context.Context, m mail.Message) error
	}
}

// Send implements notice.Sender.
func (l letters) Send(ctx context.Context, m notice.Letter) error {
	return l.Post.Send(ctx, mail.Message{ID: m.ID, From: l.From, To: m.To, Subject: m.Subject, Text: m.Text, HTML: m.HTML})
}

// InboxSender keeps letters in an inbox instead of sending them.
func InboxSender(from string, inbox *mail.Inbox) notice.Sender {
	return letters{From: from, Post: inbox}
}

// smtp is the configured mail server; nil, and mail waits, when there is none.
func smtp(c config.Mail, now func() time.Time) notice.Sender {
	if c.SMTPHost == "" {
		return nil
	}
	return letters{From: c.From, Post: &mail.Sender{Host: c.SMTPHost, Port: c.SMTPPort, Username: c.Username,
		Password: c.Password, TLS: c.TLS, Now: now}}
}

// doorbell rings phones through their push services.
func (s *Server) doorbell() flow.Doorbell { return s.Push }
