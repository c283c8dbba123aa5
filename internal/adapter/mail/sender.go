package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"countersign/internal/base/secret"
)

// Sender delivers messages to one SMTP server, over one connection per message. It is safe for concurrent use
// as long as its fields are not changed.
type Sender struct {
	Host     string           // name of the mail server, which its certificate must contain
	Port     int              // usually 587 for starttls, 465 for implicit, 25 between servers
	Username string           // empty: no authentication
	Password secret.Text      // never sent without TLS, except over loopback
	TLS      string           // "starttls" (also when empty), "implicit", "opportunistic" or "none"
	RootCAs  *x509.CertPool   // nil: the system's
	Timeout  time.Duration    // for one whole delivery; zero means 30 seconds
	HELO     string           // name in the greeting (EHLO); empty: the machine's host name
	Now      func() time.Time // for the Date header; nil: the library's clock
}

// Send delivers m. A nil error means that the server has taken responsibility for it. ErrAddress, ErrContent and
// ErrSettings come before any connection is made. ErrRefused means that the server refused for good; every other
// failure is ErrUnavailable. Send takes no longer than Timeout, whatever the server does.
func (s *Sender) Send(ctx context.Context, m Message) error {
	good, err := check(m)
	if err != nil {
		return err
	}
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	session := &session{ctx: ctx}
	defer session.close()
	client, err := s.client(timeout, session)
	if err != nil {
		return ErrSettings.With(err)
	}
	msg := s.compose(good)
	err = client.DialAndSendWithContext(ctx, msg)
	if msg.IsDelivered() {
		return nil // an error after the delivery (at QUIT) does not count: a second copy would be worse
	}
	if err == nil {
		err = errors.New("the server did not confirm the message")
	}
	return classify(ctx, err, good.To, good.to)
}

// client sets up the library for one delivery. The error names a TLS mode that does not exist.
func (s *Sender) client(timeout time.Duration, session *session) (*gomail.Client, error) {
	config := &tls.Config{ServerName: s.Host, RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12}
	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(timeout), gomail.WithTLSConfig(config),
		gomail.WithoutNoop(), gomail.WithoutSMTPUTF8(),
	}
	dial := session.dial
	switch s.TLS {
	case "", "starttls":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "opportunistic":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case "implicit":
		options = append(options, gomail.WithSSL())
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := session.dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			conn := tls.Client(raw, config)
			return conn, conn.HandshakeContext(ctx)
		}
	default:
		return nil, fmt.Errorf("unknown mail TLS mode %q", s.TLS)
	}
	options = append(options, gomail.WithDialContextFunc(dial))
	if s.HELO != "" {
		options = append(options, gomail.WithHELO(s.HELO))
	}
	if s.Username != "" {
		options = append(options, gomail.WithUsername(s.Username), gomail.WithPassword(s.Password.Reveal()),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return gomail.NewClient(s.Host, options...)
}

// compose writes the headers and bodies of a message (RFC 5322).
func (s *Sender) compose(m checked) *gomail.Msg {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&m.from)
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderTo, &netMailAddress{Address: m.to})
	msg.Subject(m.Subject)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: vacation programs do not answer
	domain := m.from.Address[strings.LastIndexByte(m.from.Address, '@')+1:]
	if m.ID != "" {
		msg.SetMessageIDWithValue(m.ID + "@" + domain)
	} else {
		msg.SetMessageID()
	}
	if s.Now != nil {
		msg.SetDateWithValue(s.Now())
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg
}

// classify turns an error of the library into ErrRefused or ErrUnavailable. The cause quotes what the server
// said, for the operator, with the addresses of persons left out.
func classify(ctx context.Context, err error, addresses ...string) error {
	kind := ErrUnavailable
	var sending *gomail.SendError
	if errors.As(err, &sending) && sending.ErrorCode() >= 500 && sending.ErrorCode() < 600 {
		switch {
		case sending.ErrorCode() == 530, sending.ErrorCode() == 535: // the settings lack a valid sign-in; the mailbox may exist
		case sending.Reason == gomail.ErrSMTPRcptTo, sending.Reason == gomail.ErrSMTPDataClose:
			kind = ErrRefused
		}
	}
	text := err.Error()
	if ctx.Err() != nil {
		text = "gave up after the time allowed: " + text
	}
	text, _, _ = strings.Cut(text, ", affected recipient(s)")
	for _, address := range addresses {
		text = strings.ReplaceAll(text, address, "[address]")
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return kind.With(errors.New(text))
}
