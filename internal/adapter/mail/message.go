// Package mail delivers one message at a time to an SMTP server (RFC 5321), or keeps messages in memory for the
// demo. It writes no texts of its own and has no queue. A caller that must not lose a message keeps it in an
// outbox and calls Send again after an error of kind Unavailable.
package mail

import (
	"errors"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"countersign/internal/base/errs"
)

// Message is one mail to one person. Text is required. HTML is optional and says the same; its maker has
// escaped it already. Both are whole bodies.
type Message struct {
	ID      string // optional, [A-Za-z0-9._-]; becomes the Message-ID, by which a repeated delivery can be recognized
	From    string // address, with or without a display name: "countersign <noreply@example.edu>"
	To      string // exactly one bare address: "jo@example.edu"
	Subject string // one line, any language
	Text    string
	HTML    string
}

var (
	// ErrAddress reports a recipient that is not exactly one usable address.
	ErrAddress = errs.New(errs.Invalid, "mail.address")
	// ErrContent reports a subject, id or body that may not be sent: empty, too long, or with line
	// ends where one line is required.
	ErrContent = errs.New(errs.Invalid, "mail.content")
	// ErrSettings reports a sender address or server settings that cannot work. The operator can correct them,
	// so the caller keeps the message.
	ErrSettings = errs.New(errs.Internal, "mail.settings")
	// ErrRefused reports that the mail server refused the recipient or the message for good (5xx
	// to RCPT or after DATA). Sending the same message again is useless.
	ErrRefused = errs.New(errs.Invalid, "mail.refused")
	// ErrUnavailable reports a mail server that is down, slow, or refuses for now (4xx). The same message may be
	// sent again.
	ErrUnavailable = errs.New(errs.Unavailable, "mail.unavailable")
)

var errFrom = ErrSettings.With(errors.New("the sender is not one usable address"))

const (
	maxSubject = 400     // runes
	maxBody    = 1 << 20 // bytes, each of Text and HTML
)

// Address checks that s is exactly one bare address (RFC 5322 addr-spec without comments, quotes or address
// literals) and returns it with an ASCII domain, ready for SMTP. It refuses what mail programs and relays read
// in different ways: lists, display names, routes with '%' or '!', and line ends of any script. The error is
// ErrAddress and does not contain s.
func Address(s string) (string, error) {
	if len(s) > 254 || !utf8.ValidString(s) || hasControl(s) {
		return "", ErrAddress
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Name != "" || parsed.Address != s {
		return "", ErrAddress
	}
	at := strings.LastIndexByte(s, '@')
	local, domain := s[:at], s[at+1:]
	if len(local) > 64 || !isASCII(local) || strings.ContainsAny(local, "%!\" ") {
		return "", ErrAddress
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !hostname(ascii) {
		return "", ErrAddress
	}
	return local + "@" + ascii, nil
}

// hostname accepts letters, digits and hyphens in labels of 1 to 63 bytes (RFC 1123).
func hostname(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

// hasControl finds control characters, the Unicode line ends, and marks that change the direction of writing.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
	})
}

// checked is a Message whose parts are known to be valid.
type checked struct {
	Message
	from mail.Address
	to   string // with an ASCII domain
}

func check(m Message) (checked, error) {
	to, err := Address(m.To)
	if err != nil {
		return checked{}, err
	}
	from, err := sender(m.From)
	if err != nil {
		return checked{}, err
	}
	switch {
	case m.Subject == "", !utf8.ValidString(m.Subject), hasControl(m.Subject), utf8.RuneCountInString(m.Subject) > maxSubject:
		return checked{}, ErrContent.Arg("field", "subject")
	case m.Text == "", len(m.Text) > maxBody, len(m.HTML) > maxBody, !utf8.ValidString(m.Text), !utf8.ValidString(m.HTML):
		return checked{}, ErrContent.Arg("field", "body")
	case len(m.ID) > 100 || strings.ContainsFunc(m.ID, notIDRune):
		return checked{}, ErrContent.Arg("field", "id")
	}
	return checked{Message: m, from: from, to: to}, nil
}

// CheckSender returns ErrSettings when from cannot be the sender of a Message, and nil otherwise.
func CheckSender(from string) error {
	_, err := sender(from)
	return err
}

func sender(text string) (mail.Address, error) {
	if hasControl(text) || len(text) > 500 {
		return mail.Address{}, errFrom
	}
	from, err := mail.ParseAddress(text)
	if err != nil {
		return mail.Address{}, errFrom
	}
	if from.Address, err = Address(from.Address); err != nil {
		return mail.Address{}, errFrom
	}
	return *from, nil
}

func notIDRune(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
}
