package mobile

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/base/otp"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
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
	seed []byte
	sent transaction.Transaction // the first request, zero when none
	dead []transaction.Transaction
}

// Activate implements Mobile: it binds the app's key to a phone record, once for each code. User, phone,
// key, claim, log rows, notices and the first request are one database transaction: a crash leaves all or
// nothing, and of two apps that scan one code the second is refused (X-33, AC-007).
func (f *Flow) Activate(ctx context.Context, a phonewire.Activation, from netip.Addr, userAgent string) (phonewire.Account, error) {
	now, where := f.Now(), source(from)
	code := phonewire.NormalizeCode(a.Code)
	guessable := len(code) == typedLength
	if guessable && !f.Guesses.Left(where, now) {
		return phonewire.Account{}, ErrGuesses
	}
	act, err := f.find(ctx, code)
	if guessable && errors.Is(err, activation.ErrExpired) {
		f.Guesses.Take(where, now)
	}
	if err != nil {
		return phonewire.Account{}, err
	}
	spki, err := base64.RawURLEncoding.DecodeString(a.PublicKey)
	if err != nil {
		return phonewire.Account{}, errs.New(errs.Invalid, "request.invalid")
	}
	var c claim
	err = f.DB.Write(ctx, func(st flow.Store) error {
		c = claim{now: now, wire: a, seed: make([]byte, 20)}
		if _, err := f.Rand.Read(c.seed); err != nil {
			return err
		}
		c.key = phone.Key{ID: phonewire.KeyID(spki), SPKI: spki, State: phone.KeyActive, Created: now}
		return f.claim(ctx, st, &c, act.ID)
	})
	if err != nil {
		return phonewire.Account{}, err
	}
	f.ring(&c)
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

// find looks a normalised code up by its digest and says what is wrong with it.
func (f *Flow) find(ctx context.Context, code string) (activation.Activation, error) {
	purpose := activation.LinkPurpose
	if len(code) == typedLength {
		purpose = activation.TypedPurpose
	}
	a, err := f.DB.Read().ActivationByDigest(ctx, f.Keys.Digest(purpose, code))
	if err != nil {
		return a, err
	}
	switch a.State(f.Now()) {
	case activation.Claimed:
		return a, activation.ErrUsed
	case activation.Dead:
		return a, activation.ErrExpired
	}
	return a, nil
}

func (f *Flow) claim(ctx context.Context, st flow.Store, c *claim, activationID string) error {
	var err error
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
	claimed, err := st.ClaimActivation(ctx, c.act.ID, c.user.ID, c.p.ID, c.now)
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
	if _, err := st.ForgetBrowsersOf(ctx, c.user.ID); err != nil { // the factors changed (decision 15)
		return err
	}
	if err := f.tell(ctx, st, c); err != nil {
		return err
	}
	if c.act.Purpose != activation.Enroll {
		return nil
	}
	c.sent, err = f.SignIn.FirstRequest(ctx, st, c.in, c.user, c.p)
	if err != nil {
		return err
	}
	return st.EnrollLogin(ctx, c.in.ID, c.user.ID, c.sent.ID)
}

// claimForLogin is the first device of a person who is signing in: everything that made enrolling right is
// looked at again (AC-002, AC-037).
func (f *Flow) claimForLogin(ctx context.Context, st flow.Store, c *claim) error {
	var err error
	if c.in, err = st.LoginByID(ctx, c.act.LoginID); err != nil {
		return lacking(err, activation.ErrExpired)
	}
	if c.in.Stage != login.Open || !c.in.Enrolling || !c.now.Before(c.in.Expires) {
		return activation.ErrExpired
	}
	if err := f.loadApplication(ctx, st, c, c.in.ApplicationID); err != nil {
		return err
	}
	invited := c.in.ApplicationID == application.PortalID
	if !invited && (c.pol.NewUser != policy.NewUserEnroll || c.pol.Authentication == policy.AuthenticationDeny) {
		return activation.ErrExpired
	}
	id := c.in.UserID
	if id == "" {
		c.user, err = st.UserByName(ctx, c.in.Username)
		if errors.Is(err, user.ErrUnknown) {
			return f.createUser(ctx, st, c)
		}
		if err != nil {
			return err
		}
		id = c.user.ID
	}
	if c.user, err = st.LockUser(ctx, id); err != nil {
		return err
	}
	if c.user.Status != user.Active || (c.act.UserID != "" && c.act.UserID != id) {
		return activation.ErrExpired
	}
	if err := f.mayStillEnroll(ctx, st, c, invited); err != nil {
		return err
	}
	phones, err := st.PhonesOf(ctx, c.user.ID)
	if err != nil {
		return err
	}
	for _, p := range phones {
		if p.CanPush() || p.CanPasscode() {
			return activation.ErrUsed // somebody enrolled meanwhile
		}
		if p.ID == c.act.PhoneID { // a record without an app that the person's number belongs to (C-31)
			c.p = p
		}
	}
	return nil
}

// mayStillEnroll: an invitation must not have been used or taken back since its page was opened.
func (f *Flow) mayStillEnroll(ctx context.Context, st flow.Store, c *claim, invited bool) error {
	if !invited {
		if !f.SignIn.MayEnrollInline(c.user, c.set, c.pol) {
			return activation.ErrExpired
		}
		return nil
	}
	links, err := st.OpenEnrollments(ctx, c.user.ID, c.in.Created)
	if err == nil && len(links) == 0 {
		err = activation.ErrExpired
	}
	return err
}

// createUser makes the person a user, unless somebody with this name's simple form became one since (decision 32).
func (f *Flow) createUser(ctx context.Context, st flow.Store, c *claim) error {
	if c.act.UserID != "" {
		return activation.ErrExpired
	}
	if simple := user.Simple(c.in.Username); simple != c.in.Username {
		if _, err := st.UserByName(ctx, simple); !errors.Is(err, user.ErrUnknown) {
			return lacking(err, activation.ErrExpired)
		}
	}
	salt := make([]byte, 16)
	if _, err := f.Rand.Read(salt); err != nil {
		return err
	}
	c.user = user.User{ID: id.Key(f.Rand, id.User), Username: c.in.Username, Status: user.Active, Created: c.now, Salt: salt}
	if err := st.CreateUser(ctx, c.user); errors.Is(err, user.ErrNameTaken) {
		return activation.ErrUsed // another phone of another tab was first, at the same moment
	} else if err != nil {
		return err
	}
	return f.log(ctx, st, c, "user_create", map[string]any{"cause": "self-enrollment", "application": c.app.Name})
}

// claimForDevice adds a phone, or puts a new handset in the place of an old one, for a person who proved to be one.
func (f *Flow) claimForDevice(ctx context.Context, st flow.Store, c *claim) error {
	var err error
	if c.user, err = st.LockUser(ctx, c.act.UserID); err != nil {
		return lacking(err, activation.ErrExpired)
	}
	if c.user.Status != user.Active && c.user.Status != user.Bypass {
		return activation.ErrExpired
	}
	if c.act.LoginID != "" {
		err = f.spendLoginProof(ctx, st, c)
	} else {
		err = f.spendSessionChange(ctx, st, c)
	}
	if err != nil {
		return err
	}
	if c.act.Purpose != activation.Reactivate {
		return nil
	}
	c.p, err = st.PhoneByID(ctx, c.act.PhoneID)
	if err != nil || c.p.UserID != c.user.ID {
		return lacking(err, activation.ErrExpired)
	}
	return nil
}

// spendLoginProof takes the proof with which a sign-in showed the code of a spare phone: it serves one.
func (f *Flow) spendLoginProof(ctx context.Context, st flow.Store, c *claim) error {
	factor, proved, err := st.TakeManageProof(ctx, c.act.LoginID, c.act.Created.Add(-session.ProofLife))
	if err != nil {
		return err
	}
	if !proved || factor == audit.FactorBypassCode || c.act.Purpose != activation.Add {
		return activation.ErrExpired
	}
	if c.in, err = st.LoginByID(ctx, c.act.LoginID); err != nil || c.in.UserID != c.user.ID {
		return lacking(err, activation.ErrExpired)
	}
	return f.loadApplication(ctx, st, c, c.in.ApplicationID)
}

// spendSessionChange takes one change of the portal session that showed the code, when its proof was fresh then.
func (f *Flow) spendSessionChange(ctx context.Context, st flow.Store, c *claim) error {
	s, err := st.SessionByID(ctx, c.act.SessionID)
	if err != nil || s.UserID != c.user.ID {
		return lacking(err, activation.ErrExpired)
	}
	spent, err := st.SpendChange(ctx, s.ID, c.act.Created.Add(-session.ProofLife))
	if err != nil {
		return err
	}
	if !spent {
		return activation.ErrExpired
	}
	if err := f.loadApplication(ctx, st, c, s.ApplicationID); err != nil {
		return err
	}
	if !c.app.SelfService {
		return activation.ErrExpired
	}
	return nil
}

func (f *Flow) loadApplication(ctx context.Context, st flow.Store, c *claim, appID string) (err error) {
	if c.app, err = st.ApplicationByID(ctx, appID); err != nil {
		return err
	}
	if c.app.Disabled || !c.app.Deleted.IsZero() {
		return activation.ErrExpired
	}
	c.pol = effective(c.set, c.app)
	if !c.pol.Allows(policy.MethodPush) && !c.pol.Allows(policy.MethodPasscode) {
		return activation.ErrExpired
	}
	return nil
}

// bind writes the phone (a new record, or the old one with a new key) and the key.
func (f *Flow) bind(ctx context.Context, st flow.Store, c *claim) error {
	name, err := phone.CleanName(c.wire.Name)
	if err != nil {
		return err
	}
	fresh := c.p.ID == ""
	if fresh {
		c.p = phone.Phone{ID: id.Key(f.Rand, id.Phone), UserID: c.user.ID, Created: c.now, Alerts: phone.AlertsOff,
			Number: c.act.Number, Type: phone.Type(c.act.DeviceType)}
	}
	c.p.Platform, c.p.Model = c.wire.Platform, c.wire.Model
	if name == "" {
		name = defaultName(c.p)
	}
	if c.p.Name == "" || c.wire.Name != "" {
		c.p.Name = name
	}
	c.p.Activated, c.p.KeyID, c.p.Key = c.now, c.key.ID, c.key.SPKI
	c.p.OTP = phone.OTP{Type: c.pol.PasscodeType, Seed: f.Keys.Seal(phone.SeedPurpose, c.p.ID, c.seed)}
	c.key.PhoneID, c.key.UserID = c.p.ID, c.user.ID
	if fresh {
		row := c.p
		row.KeyID, row.Key, row.Activated, row.OTP = "", nil, time.Time{}, phone.OTP{}
		if err := st.CreatePhone(ctx, row); err != nil {
			return err
		}
	} else if err := st.RenamePhone(ctx, c.p.ID, c.p.Name); err != nil {
		return err
	}
	if err := st.BindKey(ctx, c.p, c.key); err != nil {
		return err
	}
	if err := st.MarkEnrolled(ctx, c.user.ID, c.now); err != nil {
		return err
	}
	return st.UseEnrollments(ctx, c.user.ID, c.now)
}

func defaultName(p phone.Phone) string {
	for _, s := range []string{p.Model, p.Platform} {
		if n, err := phone.CleanName(s); err == nil && n != "" {
			return n
		}
	}
	return "Phone"
}

// endOld ends what the change makes old: other portal sessions and open requests (security 4.3).
func (f *Flow) endOld(ctx context.Context, st flow.Store, c *claim) error {
	if c.act.Purpose == activation.Enroll {
		return nil
	}
	if err := st.EndSessions(ctx, c.user.ID, c.act.SessionID); err != nil {
		return err
	}
	open, err := st.OpenTransactionsOf(ctx, c.user.ID, "", "")
	if err != nil {
		return err
	}
	for _, t := range open {
		if _, err := st.DecideTransaction(ctx, t.ID, transaction.Cancelled, c.now); err != nil {
			return err
		}
		if err := st.BumpLogin(ctx, t.LoginID); err != nil {
			return err
		}
	}
	c.dead = open
	return nil
}

// tell writes the log rows and the change notice (C-26, D-25, AC-059).
func (f *Flow) tell(ctx context.Context, st flow.Store, c *claim) error {
	action, kind := "phone_create", "device_added"
	if c.act.Purpose == activation.Reactivate {
		action, kind = "phone_activate", "device_replaced"
	}
	if err := f.log(ctx, st, c, action, map[string]any{"phone": c.p.ID, "name": c.p.Name, "platform": c.p.Platform,
		"purpose": string(c.act.Purpose), "by_mail": c.act.Mailed, "key": c.key.ID}); err != nil {
		return err
	}
	if c.act.Purpose == activation.Enroll {
		row := audit.Authentication{ID: id.Key(f.Rand, id.Log), TxID: c.in.TxID, Time: c.now, EventType: audit.EventEnrollment,
			Result: audit.Success, Reason: audit.UserApproved, Factor: audit.FactorNone, UserID: c.user.ID, Username: c.user.Username,
			Email: c.user.Email, IP: c.in.IP, UserAgent: c.in.UserAgent}
		row.Application.ID, row.Application.Name = c.app.ID, c.app.Name
		row.Device.ID, row.Device.Name = c.p.ID, c.p.Name
		if err := st.LogAuthentication(ctx, row); err != nil {
			return err
		}
	}
	if c.set.NoChangeMail || c.user.Email == "" {
		return nil
	}
	return f.Notices.Queue(ctx, st, flow.Notice{Kind: kind, To: c.user.Email, Args: []any{
		"user", c.user.Username, "device", c.p.Name, "organization", c.set.Organization, "time", c.now.UTC().Format("15:04 UTC, 2 January 2006")}})
}

func (f *Flow) log(ctx context.Context, st flow.Store, c *claim, action string, description map[string]any) error {
	return st.LogAction(ctx, audit.Action{ID: id.Key(f.Rand, id.Log), Time: c.now, Actor: c.user.Username, Action: action,
		Object: c.user.Username, Description: description})
}

func (f *Flow) ring(c *claim) {
	topics := []string{flow.PhoneTopic(c.p.ID), flow.OutboxTopic}
	if c.act.LoginID != "" {
		topics = append(topics, flow.LoginTopic(c.act.LoginID))
	}
	if c.act.SessionID != "" {
		topics = append(topics, flow.SessionTopic(c.act.SessionID))
	}
	for _, t := range c.dead {
		topics = append(topics, flow.LoginTopic(t.LoginID), flow.PhoneTopic(t.PhoneID))
	}
	f.Bell.Ring(topics...)
}

// account is what the app keeps. The seed leaves the server here and never again.
func (f *Flow) account(c *claim) phonewire.Account {
	wire := phonewire.OTP{Type: c.p.OTP.Type, Digits: 6, Secret: otp.Encode(c.seed)}
	if wire.Type == "totp" {
		wire.Period = 30
	}
	return phonewire.Account{
		AccountID: c.p.ID, UserID: c.user.ID, Username: c.user.Username, Organisation: c.set.Organization,
		Origin: strings.TrimSuffix(f.PublicURL, "/"), PhoneName: c.p.Name, OTP: wire, VAPIDPublicKey: f.VAPIDKey,
		ServerTime: f.Now().UnixMilli(),
	}
}
