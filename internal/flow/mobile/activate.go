package mobile

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/account"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
)

// claim is one activation being worked on, within one database transaction.
type claim struct {
	now  time.Time
	wire phonewire.Activation
	act  activation.Activation
	set  settings.Settings
	app  application.Application
	pol  policy.Policy
	user user.User
	in   login.Login // zero for a code from the portal
	p    phone.Phone
	key  phone.Key
	by   account.Proof // that opened the page with the code; zero for a first device
	seed []byte
	sent transaction.Transaction // the first request, zero when none
	dead []transaction.Transaction
	old  string // the key that this one takes the place of; empty when none was connected
	was  string // name of the phone whose app this one takes the place of; empty when no app was connected
}

// Activate implements Mobile: it binds the app's key to a phone record, once for each code. User, phone,
// key, claim, log rows, notices and the first request are one database transaction: a crash leaves all or
// nothing, and of two apps that scan one code the second is refused (X-33, AC-007).
func (f *Flow) Activate(ctx context.Context, a phonewire.Activation, from netip.Addr, userAgent string) (phonewire.Account, error) {
	now := f.now()
	spki, err := base64.RawURLEncoding.DecodeString(a.PublicKey)
	if err != nil {
		return phonewire.Account{}, errs.New(errs.Invalid, "request.invalid")
	}
	act, err := f.look(ctx, phonewire.NormalizeCode(a.Code), source(from))
	if errors.Is(err, activation.ErrUsed) {
		return f.again(ctx, act, phonewire.KeyID(spki))
	}
	if err != nil {
		return phonewire.Account{}, err
	}
	var c claim
	err = f.db.Write(ctx, func(st Store) error {
		c = claim{now: now, wire: a, seed: make([]byte, 20)}
		if _, err := f.rand.Read(c.seed); err != nil {
			return err
		}
		c.key = phone.Key{ID: phonewire.KeyID(spki), SPKI: spki, State: phone.KeyActive, Created: now}
		return f.claim(ctx, st, &c, act.ID)
	})
	if err != nil {
		return phonewire.Account{}, err
	}
	f.ring(&c)
	if c.act.Purpose != activation.Enroll { // the first device: there is no other to tell
		f.Changed(c.user.ID, c.p.ID)
	}
	return f.account(&c), nil
}

// lacking is what to say when something was looked for and there is none, or another's. A database that is away says
// nothing about it: an app that is told so wrongly would forget its account.
func lacking(err error, say *errs.Error) error {
	if err != nil {
		switch errs.KindOf(err) {
		case errs.Internal, errs.Unavailable, errs.Limited:
			return err
		}
	}
	return say.With(err)
}

// typedLength is the length of a code that is typed. All others come from a link.
const typedLength = 8

// find looks a normalized code up by its digest and says what is wrong with it.
func (f *Flow) find(ctx context.Context, st Store, code string) (activation.Activation, error) {
	purpose := activation.LinkPurpose
	if len(code) == typedLength {
		purpose = activation.TypedPurpose
	}
	a, err := st.ActivationByDigest(ctx, f.keys.Digest(purpose, code))
	if err != nil {
		return a, err
	}
	switch a.State(f.now()) {
	case activation.Claimed:
		return a, activation.ErrUsed
	case activation.Dead:
		return a, activation.ErrExpired
	}
	return a, nil
}

func (f *Flow) claim(ctx context.Context, st Store, c *claim, activationID string) error {
	err := st.HoldPolicy(ctx)
	if err != nil {
		return err
	}
	if c.act, err = st.ActivationByID(ctx, activationID); err != nil {
		return err
	}
	if c.set, err = st.LoadSettings(ctx); err != nil {
		return err
	}
	switch c.act.Purpose {
	case activation.Enroll:
		err = f.claimForLogin(ctx, st, c)
	case activation.Issue:
		err = f.claimIssued(ctx, st, c)
	default:
		err = f.claimForDevice(ctx, st, c)
	}
	if err != nil {
		return err
	}
	if err := f.bind(ctx, st, c); err != nil {
		return err
	}
	claimed, err := st.ClaimActivation(ctx, c.act.ID, c.user.ID, c.p.ID, c.key.ID, c.by.Authenticator, c.now)
	if err != nil {
		return err
	}
	if !claimed {
		return activation.ErrUsed
	}
	if err := st.SupersedeActivations(ctx, c.act.LoginID, c.act.SessionID, c.act.PhoneID, c.act.ID, c.now); err != nil {
		return err
	}
	if err := f.endOld(ctx, st, c); err != nil {
		return err
	}
	if _, err := st.ForgetBrowsersOf(ctx, c.user.ID); err != nil { // the factors changed (RULE-15)
		return err
	}
	if err := f.tell(ctx, st, c); err != nil {
		return err
	}
	if c.act.Purpose != activation.Enroll {
		return nil
	}
	c.sent, err = f.signIn.FirstRequest(ctx, st, c.in, c.user, c.p)
	if err != nil {
		return err
	}
	return st.EnrollLogin(ctx, c.in.ID, c.user.ID, c.sent.ID)
}
