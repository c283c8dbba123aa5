package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/outbox"
	"countersign/internal/flow"
)

// Kinds of mail and the arguments their texts know beside {organization} and {time}, which the
// desk fills in. An argument that is not given reads as nothing.
const (
	Activation       = "activation"         // {username}, {expires}; with the link to the pairing page
	Enrollment       = "enrollment"         // {username}, {expires}; with the link to the prompt
	DeviceAdded      = "device_added"       // {username}, {device}
	DeviceReplaced   = "device_replaced"    // {username}, {device}: the name of the old one
	Reconnected      = "device_reconnected" // {username}, {device}: of which the app was gone
	DeviceRemoved    = "device_removed"     // {username}, {device}
	BypassCreated    = "bypass_created"     // {username}, {expires}
	LockedOut        = "locked_out"         // {username}, {application}, {ip}; also to the security desk
	CodesHalfWay     = "codes_half_way"     // {username}, {device}: none for a code of the help desk
	CodesOff         = "codes_off"          // the same
	CodesOffReported = "codes_off_reported" // the same and {application}; to the organization's security desk
	ChangeReported   = "change_reported"    // {username}, {device}; to the organization's security desk
	FraudReported    = "fraud_reported"     // {username}, {application}, {ip}; to the organization's security desk
)

// ofChange are the kinds an organization may switch off (RULE-25).
var ofChange = map[string]bool{DeviceAdded: true, DeviceReplaced: true, Reconnected: true, DeviceRemoved: true, BypassCreated: true}

// arguments are all names a text may use, so that one nobody gave never shows its braces.
var arguments = []string{"username", "device", "application", "ip", "expires", "time", "organization"}

// Message is what to tell whom: a time.Time among its Args is written out in the zone of the
// organization, and zero is no time.
type Message = flow.Notice

// Letter is a composed mail as a mail server takes it.
type Letter struct {
	ID      string // the outbox row, so that a repeated delivery can be recognized
	To      string
	Subject string
	Text    string
	HTML    string
}

// Sender delivers one letter. An error of kind Invalid is a refusal for good; any other is tried again.
type Sender interface {
	Send(ctx context.Context, l Letter) error
}

// Store is the part of the database that a Desk uses.
type Store interface {
	flow.MailStore
	outbox.Store
}

// Needs are what a Desk is built of. Who builds one keeps them: a Desk shows none of it.
type Needs struct {
	DB        flow.Part[Store]
	Keys      *secret.Keyring
	Bell      flow.Bell
	Rand      io.Reader
	Now       func() time.Time
	Log       *slog.Logger
	PublicURL string         // where this instance is reached; stands in the footer
	Zone      *time.Location // in which times are told; nil = UTC
	Sender    Sender         // nil: mail waits in the outbox
}

// Desk writes and sends the mail of one instance.
type Desk struct {
	db        flow.Part[Store]
	keys      *secret.Keyring
	bell      flow.Bell
	rand      io.Reader
	now       func() time.Time
	logger    *slog.Logger
	publicURL string
	zone      *time.Location
	sender    Sender
}

// New builds a Desk.
func New(n Needs) *Desk {
	return &Desk{db: n.DB, keys: n.Keys, bell: n.Bell, rand: n.Rand, now: n.Now, logger: n.Log,
		publicURL: n.PublicURL, zone: n.Zone, sender: n.Sender}
}

// Queue composes m and puts it into the outbox of the given store, which is usually bound to the
// change that causes it. A missing or bad address is skipped with a log line: mail never
// undoes a change. Call Sent when the database transaction is through, or let the worker's poll
// find it. The only errors are the database's.
func (d *Desk) Queue(ctx context.Context, st flow.MailStore, m Message) error {
	if m.To == "" {
		return nil
	}
	to, ok := address(m.To)
	if !ok {
		d.logger.WarnContext(ctx, "mail skipped: the address is not usable", "kind", m.Kind)
		return nil
	}
	s, err := st.LoadSettings(ctx)
	if err != nil {
		return err
	}
	s = s.WithDefaults()
	if s.NoChangeMail && ofChange[m.Kind] {
		return nil
	}
	now := d.now()
	letter := d.compose(m, s.Organization, now)
	body, err := json.Marshal(outbox.Content{Text: letter.Text, HTML: letter.HTML})
	if err != nil {
		return err
	}
	row := id.Key(d.rand, id.Mail)
	return st.EnqueueMail(ctx, outbox.Mail{
		ID: row, Kind: m.Kind, To: to, Subject: letter.Subject,
		Body: d.keys.Seal(outbox.SealPurpose, row, body), Created: now, Due: now,
	})
}

// Sent rings the worker: mail was queued and is on disk.
func (d *Desk) Sent() { d.bell.Ring(flow.OutboxTopic) }

// address accepts exactly one bare address without anything a mail program reads twice (AC-051).
func address(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 254 || strings.ContainsFunc(s, breaks) || strings.ContainsAny(s, "%!,;") {
		return "", false
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Name != "" || parsed.Address != s {
		return "", false
	}
	return s, true
}

// breaks finds what may end a line or turn text around.
func breaks(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// moment writes a time so that nobody has to ask which day or where: "Sunday 1 March 2026 at 04:00 (EST, UTC-5)".
func (d *Desk) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	zone := d.zone
	if zone == nil {
		zone = time.UTC
	}
	t = t.In(zone)
	text := t.Format("Monday 2 January 2006 at 15:04")
	name, offset := t.Zone()
	if name == "UTC" {
		return text + " UTC"
	}
	from := fmt.Sprintf("UTC%+d", offset/3600)
	if minutes := (offset / 60) % 60; minutes != 0 {
		from += fmt.Sprintf(":%02d", max(minutes, -minutes))
	}
	if strings.ContainsAny(name, "+-0123456789") { // a zone without a name of its own
		return text + " (" + from + ")"
	}
	return text + " (" + name + ", " + from + ")"
}

// clean makes a value fit for one line of a mail.
func (d *Desk) clean(value any) string {
	if t, ok := value.(time.Time); ok {
		return d.moment(t)
	}
	s := strings.Map(func(r rune) rune {
		if breaks(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(fmt.Sprint(value), ""))
	if r := []rune(s); len(r) > 100 {
		s = string(r[:99]) + "…"
	}
	return strings.TrimSpace(s)
}
