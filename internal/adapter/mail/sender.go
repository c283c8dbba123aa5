package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"countersign/internal/base/secret"
)

// Sender hands messages to one SMTP server, a connection a message. It is safe for concurrent use
// as long as its fields are not changed.
type Sender struct {
	Host     string         // name of the mail server; its certificate must carry it
	Port     int            // 587 by custom for starttls, 465 for implicit, 25 between servers
	Username string         // empty: no sign-in
	Password secret.Text    // never sent over a connection without TLS, loopback excepted
	TLS      string         // "starttls" (also when empty), "implicit", "opportunistic" or "none"
	RootCAs  *x509.CertPool // nil: the system's
	Timeout  time.Duration  // for one whole delivery; zero means 30 seconds
	HELO     string         // name we greet with; empty: the machine's host name
	Now      func() time.Time
}

// Send delivers m, or says why not: ErrAddress, ErrContent and ErrSettings before any connection is made,
// ErrRefused when the server refused for good, ErrUnavailable otherwise. It takes no longer than
// Timeout whatever the server does. A nil error means that the server took responsibility.
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

	line := &line{ctx: ctx}
	defer line.hangUp()
	client, err := s.client(timeout, line)
	if err != nil {
		return ErrSettings.With(err)
	}
	letter := s.compose(good)
	err = client.DialAndSendWithContext(ctx, letter)
	if letter.IsDelivered() {
		return nil // whatever went wrong while saying good-bye, a second copy would be worse
	}
	if err == nil {
		err = errors.New("the server did not confirm the message")
	}
	return classify(ctx, err, good.To, good.to)
}

func (s *Sender) client(timeout time.Duration, line *line) (*gomail.Client, error) {
	config := &tls.Config{ServerName: s.Host, RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12}
	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(timeout), gomail.WithTLSConfig(config),
		gomail.WithoutNoop(), gomail.WithoutSMTPUTF8(),
	}
	dial := line.dial
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
			raw, err := line.dial(ctx, network, address)
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

func (s *Sender) compose(m checked) *gomail.Msg {
	letter := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	letter.FromMailAddress(&m.from)
	letter.SetAddrHeaderFromMailAddress(gomail.HeaderTo, &netMailAddress{Address: m.to})
	letter.Subject(m.Subject)
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: vacation programs keep quiet
	domain := m.from.Address[strings.LastIndexByte(m.from.Address, '@')+1:]
	if m.ID != "" {
		letter.SetMessageIDWithValue(m.ID + "@" + domain)
	} else {
		letter.SetMessageID()
	}
	if s.Now != nil {
		letter.SetDateWithValue(s.Now())
	}
	letter.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		letter.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return letter
}

// classify turns the library's error into one of ours. The cause tells the operator what the
// server said, without the person's address.
func classify(ctx context.Context, err error, addresses ...string) error {
	kind := ErrUnavailable
	var sending *gomail.SendError
	if errors.As(err, &sending) && sending.ErrorCode() >= 500 && sending.ErrorCode() < 600 {
		switch {
		case sending.ErrorCode() == 530, sending.ErrorCode() == 535: // our sign-in is missing, not their mailbox
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

// ServerAddress gives host:port for messages to the operator.
func (s *Sender) ServerAddress() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }
