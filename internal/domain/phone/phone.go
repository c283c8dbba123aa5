// Package phone is a phone or tablet of an account, and the app that may be paired with it.
package phone

import (
	"bytes"
	"context"
	"strings"
	"time"
	"unicode"

	"countersign/internal/base/errs"
	"countersign/internal/domain/account"
)

// Phone is one record. The same record survives a new handset: only the key changes (D-09).
type Phone struct {
	ID       string     // DP + 18
	UserID   account.ID // whose it is
	Name     string     // 1-50 characters, chosen by the user or made from the model
	Number   string     // E.164, "" for tablets and app-only phones
	Type     Type
	Platform string // as the app reported it: "Android", "iOS", "macOS" …; "" before activation
	Model    string
	Created  time.Time

	KeyID     string // fingerprint of the active app key; "" = no app
	Key       []byte // SubjectPublicKeyInfo (DER, P-256) of that key
	Activated time.Time
	Instance  []byte // digest of the storage that the app keeps its keys in; nil = the app did not say
	Endpoint  []byte // digest of the last address its alerts went to; nil = none since it was paired

	OTP     OTP
	Guesses account.Guesses // wrong codes tried on the app

	Subscription []byte // sealed Web Push subscription, purpose SubscriptionPurpose, row ID; nil = alerts off
	Alerts       Alerts
	LastSeen     time.Time
	LastUsed     time.Time // last proof
}

// MaxPerUser is how many phones one person may have.
const MaxPerUser = 20

// Type is the kind of device; the app's own report says more.
type Type string

// The types a person can say; "" is a phone whose kind nobody asked.
const (
	Mobile Type = "mobile"
	Tablet Type = "tablet"
)

// OTP is the app's passcode generator.
type OTP struct {
	Type    string // "hotp" or "totp", "" = none
	Seed    []byte // sealed, purpose SeedPurpose, row phone ID; 20 bytes when opened
	Counter int64  // HOTP: the next counter expected; TOTP: the last time step accepted
	// Three consecutive codes far ahead resynchronize (D-30): the run so far.
	ResyncNext  int64
	ResyncCount int
	ResyncSince time.Time
}

// Sealing purposes of the phone's secrets; the row is the phone's ID.
const (
	SeedPurpose         = "passcode-seed"
	SubscriptionPurpose = "push-subscription"
)

// Kinds of digest. Each is made of the owner's ID and the value, so that no two people's digests can be compared.
const (
	InstancePurpose = "phone-instance"
	EndpointPurpose = "push-endpoint"
)

// Subscription is the Web Push address of the app on a phone (RFC 8030, RFC 8291).
type Subscription struct {
	Endpoint string `json:"endpoint"`
	P256dh   string `json:"p256dh"`
	Auth     string `json:"auth"`
}

// Alerts says whether the app can be woken.
type Alerts string

const (
	AlertsOff  Alerts = "off"  // never allowed, or withdrawn
	AlertsOn   Alerts = "on"   //
	AlertsDead Alerts = "dead" // the push service said the subscription is gone
)

// CanProve reports whether its owner can prove anything with this phone, by whatever a policy allows.
func (p Phone) CanProve() bool { return p.Connected() }

// Connected reports whether an app is paired with this phone: it answers requests.
func (p Phone) Connected() bool { return p.KeyID != "" }

// SameDevice reports whether two records are one device: their apps keep their keys in the same storage, or are alerted
// at the same address.
func (p Phone) SameDevice(q Phone) bool {
	same := func(a, b []byte) bool { return len(a) > 0 && bytes.Equal(a, b) }
	return p.ID == q.ID || same(p.Instance, q.Instance) || same(p.Endpoint, q.Endpoint)
}

// MakesCodes reports whether the app on this phone makes codes that are taken.
func (p Phone) MakesCodes() bool { return p.hasCodes() && p.Guesses.Off.IsZero() }

// CodesOff reports whether they are not taken because too many were wrong (RULE-43).
func (p Phone) CodesOff() bool { return p.hasCodes() && !p.Guesses.Off.IsZero() }

func (p Phone) hasCodes() bool { return p.Connected() && p.OTP.Type != "" }

var (
	// ErrUnknown reports a phone that does not exist or is another user's.
	ErrUnknown = errs.New(errs.NotFound, "phone.unknown")
	// ErrNameInvalid reports a name that is too long or has control characters.
	ErrNameInvalid = errs.New(errs.Invalid, "device.name")
	// ErrCodeSpent reports a code that was used already, or whose app is another now.
	ErrCodeSpent = errs.New(errs.Denied, "code.wrong")
	// ErrCounter reports an answer whose counter equals the last one, or that a later one overtook: sign again with a
	// higher one.
	ErrCounter = errs.New(errs.Conflict, "answer.counter")
	// ErrReplaced and ErrRemoved tell an app that its key is dead (D-10, E-20).
	ErrReplaced = errs.New(errs.Gone, "phone.replaced")
	ErrRemoved  = errs.New(errs.Gone, "phone.removed")
	// ErrTwice reports an app that is set up for its owner already, on another record.
	ErrTwice = errs.New(errs.Conflict, "phone.twice")
)

// maxName is how many characters a name has at most (D-27).
const maxName = 50

// CleanName trims and checks a device name (D-27): at most 50 characters, no controls. Empty is allowed
// and means "take the default".
func CleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	n := 0
	for _, r := range name {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf) && r != 0x200d || r == unicode.ReplacementChar {
			return "", ErrNameInvalid
		}
		n++
	}
	if n > maxName {
		return "", ErrNameInvalid
	}
	return name, nil
}

// KeyState is what became of an app key. Every key ever bound stays on record.
type KeyState string

const (
	KeyActive   KeyState = "active"
	KeyReplaced KeyState = "replaced"
	KeyRemoved  KeyState = "removed"
	KeyCopied   KeyState = "copied" // the answer counter went back: two apps use one key (AC-083)
)

// Key is one app key.
type Key struct {
	ID            string // base64url SHA-256 of SPKI
	PhoneID       string
	UserID        account.ID
	SPKI          []byte
	State         KeyState
	AnswerCounter int64 // highest counter seen in an answer
	Created       time.Time
	Confirmed     time.Time // its first signed call: the app has what pairing gave it; zero = none yet
	Ended         time.Time
}

// Store keeps phones and their keys.
type Store interface {
	CreatePhone(ctx context.Context, p Phone) error
	// PhoneByID: ErrUnknown. PhonesOf lists a user's phones, oldest first.
	PhoneByID(ctx context.Context, id string) (Phone, error)
	// PhonesOf lists a user's, oldest first.
	PhonesOf(ctx context.Context, userID string) ([]Phone, error)
	// RenamePhone writes the name. ErrUnknown.
	RenamePhone(ctx context.Context, id, name string) error
	// DeletePhone removes the record and ends its keys as removed. It reports whether it existed for that user.
	DeletePhone(ctx context.Context, id, userID string, now time.Time) (bool, error)

	// BindKey makes k the phone's only active key (an earlier one becomes replaced) and writes Platform,
	// Model, Activated, OTP, Instance; subscription, Endpoint, alerts and guesses are cleared.
	BindKey(ctx context.Context, p Phone, k Key) error
	// UnbindKey ends the active key with the given state and clears app fields of the phone.
	UnbindKey(ctx context.Context, phoneID string, state KeyState, now time.Time) error
	// KeyByID finds any key ever bound. ErrUnknown.
	KeyByID(ctx context.Context, keyID string) (Key, error)
	// ConfirmKey notes the first call that an active key signed; a later one changes nothing.
	ConfirmKey(ctx context.Context, keyID string, now time.Time) error
	// AdvanceAnswerCounter moves the counter forward: one conditional UPDATE. The change ends with ErrCounter when counter is
	// not higher than the one stored or the key is not active.
	AdvanceAnswerCounter(ctx context.Context, keyID string, counter int64) error

	// SpendPasscode moves the counter of the phone as it was read from below next to next (HOTP: matched+1; TOTP:
	// matched step, and passes when stored < step) and clears the resync run: one conditional UPDATE. The
	// change ends with ErrCodeSpent when the code was already used, the phone was paired anew or its codes are off. It sets
	// LastUsed and clears Guesses.InARow.
	SpendPasscode(ctx context.Context, p Phone, next int64, now time.Time) error
	// SaveResync writes the resync run.
	SaveResync(ctx context.Context, phoneID string, next int64, count int, since time.Time) error
	// SaveSubscription writes the sealed subscription and the alert state for the app that has the key. The change ends with
	// ErrReplaced when the phone's key is another one by now. endpoint becomes Endpoint; nil leaves it.
	SaveSubscription(ctx context.Context, phoneID, keyID string, sealed, endpoint []byte, alerts Alerts) error
	// DropSubscription forgets a subscription that is dead, unless another one is in its place by now.
	DropSubscription(ctx context.Context, phoneID string, sealed []byte) error
	// TouchPhone sets LastSeen, and LastUsed when used.
	TouchPhone(ctx context.Context, phoneID string, used bool, now time.Time) error
}
