package command

import (
	"context"
	"crypto/tls"
	"net"
	"net/smtp"
	"strconv"
	"strings"
	"time"

	"countersign/internal/server/config"
)

// netTime is how long a check waits for another machine.
const netTime = 5 * time.Second

// mail connects to the mail server, greets it and disconnects. It sends no mail and does not authenticate.
func (d *report) mail(r *run, cfg config.Config) {
	if cfg.Mail.SMTPHost == "" {
		d.add("mail", warn, "none")
		return
	}
	address := net.JoinHostPort(cfg.Mail.SMTPHost, strconv.Itoa(cfg.Mail.SMTPPort))
	ctx, cancel := context.WithTimeout(r.ctx, netTime)
	defer cancel()
	starttls, err := greet(ctx, address, cfg.Mail)
	switch {
	case err != nil:
		d.add("mail", fail, "unreached", "address", address, "error", err)
	case cfg.Mail.TLS == "starttls" && !starttls:
		d.add("mail", fail, "starttls", "address", address)
	default:
		d.add("mail", fine, "good", "address", address)
	}
}

// greet sends EHLO (RFC 5321 4.1.1.1) and reports whether the server offers STARTTLS (RFC 3207).
func greet(ctx context.Context, address string, m config.Mail) (starttls bool, err error) {
	var conn net.Conn
	if m.TLS == "implicit" {
		conn, err = (&tls.Dialer{Config: &tls.Config{ServerName: m.SMTPHost}}).DialContext(ctx, "tcp", address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return false, err
		}
	}
	client, err := smtp.NewClient(conn, m.SMTPHost)
	if err != nil {
		return false, err
	}
	if err := client.Hello("localhost"); err != nil {
		return false, err
	}
	starttls, _ = client.Extension("STARTTLS")
	return starttls, client.Quit()
}

// pushServices are the hosts to which alerts for the phones of the large makers go.
var pushServices = []string{"fcm.googleapis.com", "web.push.apple.com", "updates.push.services.mozilla.com"}

// push looks up the names of the push services. It sends nothing to them.
func (d *report) push(r *run, cfg config.Config) {
	names := pushServices
	for _, host := range cfg.Push.AllowHosts {
		if name, _, err := net.SplitHostPort(host); err == nil {
			names = append(names[:len(names):len(names)], name)
		}
	}
	ctx, cancel := context.WithTimeout(r.ctx, netTime)
	defer cancel()
	var lost []string
	for _, name := range names {
		if _, err := r.LookupHost(ctx, name); err != nil {
			lost = append(lost, name)
		}
	}
	if len(lost) > 0 {
		d.add("push", warn, "lost", "names", strings.Join(lost, ", "))
		return
	}
	d.add("push", fine, "good", "count", len(names))
}
