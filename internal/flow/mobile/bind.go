package mobile

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/base/message"
	"countersign/internal/base/otp"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/account"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
	"countersign/internal/flow/journal"
)

// bind writes the phone (a new record, or the old one with a new key) and the key.
func (f *Flow) bind(ctx context.Context, st Store, c *claim) error {
	name, err := phone.CleanName(c.wire.Name)
	if err != nil {
		return err
	}
	all, err := st.PhonesOf(ctx, c.user.ID)
	if err != nil {
		return err
	}
	here := phone.Phone{ID: c.p.ID}
	if c.wire.Instance != "" {
		here.Instance = f.keys.Digest(phone.InstancePurpose, c.user.ID+":"+c.wire.Instance)
	}
	if slices.ContainsFunc(all, func(p phone.Phone) bool { return p.Connected() && p.ID != here.ID && p.SameDevice(here) }) {
		return phone.ErrTwice // it would be no spare (RULE-10)
	}
	fresh := c.p.ID == ""
	if fresh {
		c.p = phone.Phone{ID: id.Key(f.rand, id.Phone), UserID: c.user.ID, Created: c.now, Alerts: phone.AlertsOff,
			Number: c.act.Number, Type: phone.Type(c.act.DeviceType)}
	}
	if c.p.KeyID != "" {
		c.was, c.old = c.p.Name, c.p.KeyID
	}
	c.p.Instance = here.Instance
	c.p.Platform, c.p.Model = c.wire.Platform, c.wire.Model
	if name == "" {
		name = defaultName(c.p)
	}
	if c.p.Name == "" || c.wire.Name != "" {
		c.p.Name = phone.FreeName(name, all, c.p.ID)
	}
	c.p.Activated, c.p.KeyID, c.p.Key = c.now, c.key.ID, c.key.SPKI
	c.p.OTP = phone.OTP{Type: c.pol.PasscodeType, Seed: f.keys.Seal(phone.SeedPurpose, c.p.ID, c.seed)}
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
	if err := f.carry(ctx, st, c); err != nil {
		return err
	}
	if err := st.MarkEnrolled(ctx, c.user.ID, c.now); err != nil {
		return err
	}
	return st.UseEnrollments(ctx, c.user.ID, c.now)
}

// carry lets the session that puts a new phone in the place of an old one go on, and the sign-in it came from: what was proved
// by the old app's key counts as proved by the new one's. Everything else that the old key opened has ended with it.
func (f *Flow) carry(ctx context.Context, st Store, c *claim) error {
	if c.old == "" || c.act.SessionID == "" {
		return nil
	}
	s, err := st.SessionByID(ctx, c.act.SessionID)
	if err != nil {
		return err
	}
	moved := func(p account.Proof) account.Proof {
		if p.Authenticator == c.old {
			p.Authenticator = c.key.ID
		}
		return p
	}
	if err := st.RenewSession(ctx, s.ID, moved(s.Proof)); err != nil {
		return err
	}
	l, err := st.LoginByID(ctx, s.LoginID)
	if errors.Is(err, login.ErrStale) {
		return nil
	}
	if err != nil {
		return err
	}
	return st.RenewLogin(ctx, l.ID, moved(l.Proof), moved(l.Manage))
}

// defaultName is for a phone whose person chose no name: its model, else what the person said it is.
func defaultName(p phone.Phone) string {
	own := ""
	switch {
	case p.Type == phone.Tablet, p.Platform == "iPadOS":
		own = message.English().Text("phoneapp.pair.default_tablet")
	case p.Platform == "Android", p.Platform == "iOS":
		own = message.English().Text("phoneapp.pair.default_name")
	}
	for _, s := range []string{p.Model, own, p.Platform} {
		if n, err := phone.CleanName(s); err == nil && n != "" {
			return n
		}
	}
	return "Phone"
}

// endOld ends what the change makes old: other portal sessions and open requests (AC-034).
func (f *Flow) endOld(ctx context.Context, st Store, c *claim) error {
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
		if err := st.DecideTransaction(ctx, t.ID, transaction.Cancelled, account.Proof{}, c.now); err != nil {
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
func (f *Flow) tell(ctx context.Context, st Store, c *claim) error {
	action, kind := "phone_create", "device_added"
	if c.act.Purpose == activation.Reactivate {
		action, kind = "phone_activate", "device_reconnected"
	}
	device := c.p.Name
	if c.was != "" {
		kind, device = "device_replaced", c.was
	}
	if err := f.log(ctx, st, c, action, map[string]any{"phone": c.p.ID, "name": c.p.Name, "platform": c.p.Platform,
		"purpose": string(c.act.Purpose), "by_mail": c.act.Mailed, "key": c.key.ID}); err != nil {
		return err
	}
	if c.act.Purpose == activation.Enroll {
		if err := f.journal().Attempt(ctx, st, journal.Attempt{TxID: c.in.TxID, Event: audit.EventEnrollment,
			Result: audit.Success, Reason: audit.UserApproved, Factor: audit.FactorNone, User: c.user, Username: c.user.Username,
			Application: c.app, IP: c.in.IP, UserAgent: c.in.UserAgent, DeviceID: c.p.ID, Device: c.p.Name}); err != nil {
			return err
		}
	}
	if c.set.NoChangeMail || c.user.Email == "" {
		return nil
	}
	return f.notices.Queue(ctx, st, flow.Notice{Kind: kind, To: c.user.Email, Args: []any{
		"user", c.user.Username, "device", device, "organization", c.set.Organization, "time", c.now}})
}

func (f *Flow) log(ctx context.Context, st Store, c *claim, action string, description map[string]any) error {
	return f.journal().Act(ctx, st, audit.ByPerson(c.user.ID, c.user.Username), action, c.user.Username, description)
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
	f.bell.Ring(topics...)
}

// account is what the app keeps. The seed leaves the server here and never again.
func (f *Flow) account(c *claim) phonewire.Account {
	wire := phonewire.OTP{Type: c.p.OTP.Type, Digits: 6, Secret: otp.Encode(c.seed)}
	if wire.Type == "totp" {
		wire.Period = 30
	}
	return phonewire.Account{
		AccountID: c.p.ID, UserID: c.user.ID, Username: c.user.Username, Organisation: c.set.Organization,
		Origin: strings.TrimSuffix(f.publicURL, "/"), PhoneName: c.p.Name, OTP: wire, VAPIDPublicKey: f.vapidKey,
		ServerTime: f.now().UnixMilli(), ReconnectURL: reconnect(c.app),
	}
}
