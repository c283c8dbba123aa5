// Package enroll shows, renews, mails and watches the codes by which an app is paired, and opens
// enrollment links. Claiming a code is the phone's side: package mobile.
//
// A code has two spellings of one activation: the link behind the QR (128 bit) and eight typed
// characters (40 bit). Neither is stored: both are derived from the activation's ID and the master
// key, so a page can show them again after a reload while the database holds only digests.
package enroll

import (
	"cmp"
	"context"
	"encoding/base64"
	"io"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/quota"
	"countersign/internal/domain/settings"
	"countersign/internal/flow"
)

// Needs are what a Flow is built of. Who builds one keeps them: a Flow shows none of it.
type Needs struct {
	DB        flow.Part[Store]
	Keys      *secret.Keyring
	Bell      flow.Bell
	Notices   flow.Notices
	Now       func() time.Time
	Rand      io.Reader
	PublicURL string // scheme and host of every link

	Newcomers quota.Quota // people whom Portal registers, per application; zero: NewcomerQuota
}

// Flow shows and mails pairing codes.
type Flow struct {
	db        flow.Part[Store]
	keys      *secret.Keyring
	bell      flow.Bell
	notices   flow.Notices
	now       func() time.Time
	rand      io.Reader
	publicURL string
	newcomers quota.Quota
}

// New builds a Flow.
func New(n Needs) *Flow {
	return &Flow{db: n.DB, keys: n.Keys, bell: n.Bell, notices: n.Notices, now: n.Now, rand: n.Rand,
		publicURL: n.PublicURL, newcomers: cmp.Or(n.Newcomers, NewcomerQuota)}
}

// Owner is the page that shows a code: a sign-in or a portal session, one of the two.
type Owner struct{ LoginID, SessionID string }

// Subject is what claiming the code will do. UserID is "" for a person without a user row yet;
// PhoneID is set for Reactivate.
type Subject struct {
	Purpose activation.Purpose
	UserID  string
	PhoneID string
	Number  string     // of a new record, when the traditional wizard asked for it
	Type    phone.Type // likewise
}

// Pairing is one code as the page shows it.
type Pairing struct {
	ID      string
	Link    string // https://HOST/a/<22 characters>, the QR's content
	Typed   string // XXXX-XXXX
	TypeAt  string // HOST/a
	Expires time.Time
}

// MailLife is how long a mailed code lives (RULE-20).
const MailLife = 24 * time.Hour

// MaxMails per sign-in or session, and MaxMailsADay per name over all its sign-ins: someone who knows a password
// but has no phone must not make us send mail without end.
const (
	MaxMails     = 5
	MaxMailsADay = 15
)

// MailQuota is the limit of links mailed per name.
var MailQuota = quota.Quota{Name: "mail", Most: MaxMailsADay, Window: 24 * time.Hour}

// MaxNewcomers is how many people nobody knew one application may bring to the enrollment pages in an hour: names cost
// a caller nothing, and each becomes a row that stays, because an account that was never set up must be able to go
// stale (AC-037). The rest are led to the help desk.
const MaxNewcomers = 500

// NewcomerQuota is the limit of people whom Portal registers, per application.
var NewcomerQuota = quota.Quota{Name: "newcomers", Most: MaxNewcomers, Window: time.Hour}

var (
	// ErrMailLimit reports a page that has mailed its code MaxMails times.
	ErrMailLimit = errs.New(errs.Limited, "mail.limit")
	// ErrMailAddress reports an address that is not exactly one address.
	ErrMailAddress = errs.New(errs.Invalid, "mail.address")
	// ErrTooMany reports a person with phone.MaxPerUser phones who wants one more.
	ErrTooMany = errs.New(errs.Conflict, "device.many")
)

// Pair gives the code now on show for an owner and subject, making one when none waits. ErrTooMany.
func (f *Flow) Pair(ctx context.Context, o Owner, s Subject) (Pairing, error) {
	now := f.now()
	settings, err := f.db.Read().LoadSettings(ctx)
	if err != nil {
		return Pairing{}, err
	}
	if err := room(ctx, f.db.Read(), s); err != nil {
		return Pairing{}, err
	}
	if a, ok, err := f.waiting(ctx, f.db.Read(), o, s, now); err != nil || ok {
		return f.pairing(a), err
	}
	var a activation.Activation
	err = f.db.Write(ctx, func(st Store) error {
		var ok bool
		if a, ok, err = f.waiting(ctx, st, o, s, now); err != nil || ok {
			return err // another tab was first
		}
		if a, err = f.fresh(ctx, st, o, s, now, settings); err != nil {
			return err
		}
		return st.CreateActivation(ctx, a)
	})
	return f.pairing(a), err
}

// room refuses a code for one phone more than a person may have.
func room(ctx context.Context, st Store, s Subject) error {
	if s.Purpose != activation.Add || s.UserID == "" {
		return nil
	}
	phones, err := st.PhonesOf(ctx, s.UserID)
	if err == nil && len(phones) >= phone.MaxPerUser {
		err = ErrTooMany
	}
	return err
}

// waiting finds the on-screen code that waits. One about to expire (15 s) is not shown any more.
func (f *Flow) waiting(ctx context.Context, st Store, o Owner, s Subject, now time.Time) (activation.Activation, bool, error) {
	list, err := st.ActivationsOf(ctx, o.LoginID, o.SessionID, now.Add(-time.Hour))
	if err != nil {
		return activation.Activation{}, false, err
	}
	epoch, err := epochOf(ctx, st, s.UserID)
	if err != nil {
		return activation.Activation{}, false, err
	}
	for _, a := range list {
		if !a.Mailed && a.Epoch == epoch && a.Purpose == s.Purpose && a.PhoneID == s.PhoneID && a.Number == s.Number && a.DeviceType == string(s.Type) && a.State(now.Add(15*time.Second)) == activation.Waiting {
			return a, true, nil
		}
	}
	return activation.Activation{}, false, nil
}

// epochOf is the epoch of a person; 0 of one who is not there yet.
func epochOf(ctx context.Context, st Store, userID string) (int64, error) {
	if userID == "" {
		return 0, nil
	}
	u, err := st.AccountByID(ctx, userID)
	return u.Epoch, err
}

func (f *Flow) fresh(ctx context.Context, st Store, o Owner, s Subject, now time.Time, set settings.Settings) (activation.Activation, error) {
	epoch, err := epochOf(ctx, st, s.UserID)
	if err != nil {
		return activation.Activation{}, err
	}
	origin := o.LoginID
	if o.SessionID != "" {
		of, err := st.SessionByID(ctx, o.SessionID)
		if err != nil {
			return activation.Activation{}, err
		}
		origin = of.LoginID
	}
	a := activation.Activation{ID: id.Key(f.rand, id.Activation), UserID: s.UserID, PhoneID: s.PhoneID, Epoch: epoch, Origin: origin,
		LoginID: o.LoginID, SessionID: o.SessionID, Purpose: s.Purpose, Number: s.Number, DeviceType: string(s.Type), Created: now, Expires: now.Add(set.PairingLife)}
	a.LinkDigest = f.keys.Digest(activation.LinkPurpose, f.linkCode(a.ID))
	a.TypedDigest = f.keys.Digest(activation.TypedPurpose, f.typedCode(a.ID))
	return a, nil
}

func (f *Flow) linkCode(activationID string) string {
	return base64.RawURLEncoding.EncodeToString(f.keys.Digest("activation-link-code", activationID)[:16])
}

func (f *Flow) typedCode(activationID string) string {
	return id.Crockford(f.keys.Digest("activation-typed-code", activationID), 8)
}

func (f *Flow) pairing(a activation.Activation) Pairing {
	if a.ID == "" {
		return Pairing{}
	}
	typed := f.typedCode(a.ID)
	return Pairing{ID: a.ID, Link: f.publicURL + "/a/" + f.linkCode(a.ID), Typed: typed[:4] + "-" + typed[4:],
		TypeAt: host(f.publicURL) + "/a", Expires: a.Expires}
}

func host(origin string) string {
	for i := 0; i+2 < len(origin); i++ {
		if origin[i:i+3] == "://" {
			return origin[i+3:]
		}
	}
	return origin
}

// Progress tells what became of the code a page shows: waiting, claimed (by it or by a mailed twin), or
// dead (expired; Pair makes a new one). With hold it waits until it is no longer waiting, or ctx ends.
func (f *Flow) Progress(ctx context.Context, o Owner, activationID string, hold bool) (activation.State, error) {
	topic := flow.LoginTopic(o.LoginID)
	if o.LoginID == "" {
		topic = flow.SessionTopic(o.SessionID)
	}
	wake, stop := f.bell.Listen(topic)
	defer stop()
	for {
		state, err := f.state(context.WithoutCancel(ctx), o, activationID)
		if err != nil || state != activation.Waiting || !hold || ctx.Err() != nil {
			return state, err
		}
		flow.Await(ctx, wake, 5*time.Second) // a code also dies by the clock
	}
}

func (f *Flow) state(ctx context.Context, o Owner, activationID string) (activation.State, error) {
	now := f.now()
	list, err := f.db.Read().ActivationsOf(ctx, o.LoginID, o.SessionID, now.Add(-MailLife))
	if err != nil {
		return "", err
	}
	var shown activation.Activation
	for _, a := range list {
		if a.ID == activationID {
			shown = a
		}
	}
	if shown.ID == "" {
		return activation.Dead, nil
	}
	for _, a := range list {
		same := a.Purpose == shown.Purpose && (shown.PhoneID == "" || a.PhoneID == shown.PhoneID)
		if same && !a.Claimed.IsZero() && !a.Claimed.Before(shown.Created) {
			return activation.Claimed, nil
		}
	}
	return shown.State(now), nil
}

// Mail sends a link of its own, good for MailLife, to an address that is used once and kept in the
// outbox alone, until the message is sent (D-22). Args of the notice: user, organization, expires. ErrMailAddress,
// ErrMailLimit, ErrTooMany.
func (f *Flow) Mail(ctx context.Context, o Owner, s Subject, address, username string) error {
	address, err := CleanAddress(address)
	if err != nil {
		return err
	}
	now := f.now()
	return f.db.Write(ctx, func(st Store) error {
		if err := one(ctx, st, o, s); err != nil {
			return err
		}
		if err := room(ctx, st, s); err != nil {
			return err
		}
		n, err := st.CountMailedActivations(ctx, o.LoginID, o.SessionID, now.Add(-time.Hour))
		if err != nil {
			return err
		}
		if n >= MaxMails {
			return ErrMailLimit
		}
		if ok, err := st.TakeQuota(ctx, MailQuota, username, now); err != nil || !ok {
			return firstOf(err, ErrMailLimit)
		}
		set, err := st.LoadSettings(ctx)
		if err != nil {
			return err
		}
		a, err := f.fresh(ctx, st, o, s, now, set)
		if err != nil {
			return err
		}
		a.Mailed, a.Expires = true, now.Add(MailLife)
		a.TypedDigest = nil // 40 bits are enough for ten minutes, not for a day
		if err := st.CreateActivation(ctx, a); err != nil {
			return err
		}
		return f.notices.Queue(ctx, st, flow.Notice{Kind: "activation", To: address, Link: f.pairing(a).Link,
			Args: []any{"user", username, "organization", set.Organization, "expires", a.Expires}})
	})
}

// one makes the mails of an owner queue up, so that what is counted next cannot change underneath.
func one(ctx context.Context, st Store, o Owner, s Subject) error {
	if o.LoginID != "" {
		return st.BumpLogin(ctx, o.LoginID)
	}
	_, err := st.LockAccount(ctx, s.UserID)
	return err
}
