// Package devices is how people look after their own phones (section D): the portal opens with a proof
// made for that purpose (RULE-5), serves changes for ten minutes after it, and looks at the present
// state again at each change.
package devices

import (
	"context"
	"errors"
	"io"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/session"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
	"countersign/internal/flow/journal"
)

// Needs are what a Flow is built of. Who builds one keeps them: a Flow shows none of it.
type Needs struct {
	DB      flow.Part[Store]
	Keys    *secret.Keyring
	Bell    flow.Bell
	Notices flow.Notices
	Alerts  flow.Alerts
	Now     func() time.Time
	Rand    io.Reader
}

// Flow looks after one user's devices.
type Flow struct {
	db      flow.Part[Store]
	keys    *secret.Keyring
	bell    flow.Bell
	notices flow.Notices
	alerts  flow.Alerts
	now     func() time.Time
	rand    io.Reader
}

// New builds a Flow.
func New(n Needs) *Flow {
	return &Flow{db: n.DB, keys: n.Keys, bell: n.Bell, notices: n.Notices, alerts: n.Alerts, now: n.Now, rand: n.Rand}
}

// View is a session with what its pages show, read afresh for each request.
type View struct {
	Session     session.Session
	User        user.User
	Application application.Application
	Settings    settings.Settings
	Phones      []phone.Phone
	DeskCodes   []string // IDs of the help desk's codes for them
}

var (
	// ErrOff reports an application without self-service.
	ErrOff = flow.ErrManageOff
	// ErrLast reports the removal of the only way in (X-35, RULE-17).
	ErrLast = errs.New(errs.Conflict, "device.last")
	// ErrBypass reports a change that a proof by a code of the help desk does not open: it allows one addition or
	// reactivation.
	ErrBypass = errs.New(errs.Forbidden, "portal.bypass")
)

// Open makes a portal session of a login's proof for device management. The proof is taken, once.
// session.ErrProof when there is none, or none fresh; ErrOff.
func (f *Flow) Open(ctx context.Context, l login.Login) (session.Session, secret.Text, error) {
	now := f.now()
	cookie := secret.NewText(id.Token(f.rand, 32))
	var s session.Session
	err := f.db.Write(ctx, func(st Store) error {
		proved, by, err := f.takeProof(ctx, st, l.ID, now)
		if err != nil {
			return err
		}
		s = session.Session{ID: id.Key(f.rand, "DS"), Digest: f.keys.Digest(session.DigestKind, cookie.Reveal()),
			UserID: proved.UserID, ApplicationID: proved.ApplicationID, LoginID: proved.ID, Proved: now, Proof: by,
			ChangesLeft: session.Unlimited, Created: now, Seen: now, Expires: now.Add(session.Life)}
		if factor.Logged(by.Factor).Recovers {
			s.ChangesLeft = 1
		}
		return st.CreateSession(ctx, s)
	})
	if err != nil {
		return session.Session{}, secret.Text{}, err
	}
	return s, cookie, nil
}

// takeProof takes a login's proof for device management, which holds its row, and looks at everything again: a login
// that was finished or ran out meanwhile opens nothing, nor does one of a person who may not manage devices any more.
func (f *Flow) takeProof(ctx context.Context, st Store, loginID string, now time.Time) (l login.Login, by account.Proof, err error) {
	by, taken, err := st.TakeManageProof(ctx, loginID, now.Add(-session.ProofLife))
	if err != nil {
		return l, by, err
	}
	s, err := st.SnapshotByLogin(ctx, loginID)
	if err != nil {
		return l, by, err
	}
	demand, err := factor.DemandOf(ctx, st, s.Settings.Policy)
	if err != nil {
		return l, by, err
	}
	open := (s.Login.Stage == login.Open || s.Login.Stage == login.Allowed) && now.Before(s.Login.Expires)
	switch may := s.Person().MayManage(); {
	case errors.Is(may, ErrOff):
		return l, by, may
	case !taken || !open || !factor.Holds(s.Person(), by) || !demand.Meets(by):
		return l, by, session.ErrProof
	default:
		return s.Login, by, may
	}
}

// Resume finds the live session of a cookie and gives it its time once more. session.ErrIdle; ErrOff; user.ErrLocked when the user may not
// sign in any more.
func (f *Flow) Resume(ctx context.Context, cookie secret.Text) (View, error) {
	var v View
	if cookie.Empty() {
		return v, session.ErrIdle
	}
	digest := f.keys.Digest(session.DigestKind, cookie.Reveal())
	err := f.db.Write(ctx, func(st Store) (err error) {
		if v.Session, err = st.TouchSession(ctx, digest, f.now()); err != nil {
			return err
		}
		return f.holdSignIn(ctx, st, v)
	})
	if err != nil {
		return v, err
	}
	snap, err := f.db.Read().SnapshotAt(ctx, v.Session.UserID, v.Session.ApplicationID)
	if err != nil {
		return v, err
	}
	v.Application, v.Settings, v.User, v.Phones, v.DeskCodes = snap.Application, snap.Settings, snap.User, snap.Phones, snap.DeskCodes
	return v, mayGoOn(v.Person(), v.Session)
}

// mayGoOn is why a session may not be used any more, by somebody as they are now: ErrOff, user.ErrLocked, or session.ErrIdle when
// what it was opened by is good no longer (RULE-42).
func mayGoOn(who flow.Person, s session.Session) error {
	if err := who.MayManage(); err != nil {
		return err
	}
	if !factor.Holds(who, s.Proof) {
		return session.ErrIdle
	}
	return nil
}

// Person is whose devices the session is about.
func (v View) Person() flow.Person {
	s := flow.Snapshot{Application: v.Application, User: v.User, Phones: v.Phones, DeskCodes: v.DeskCodes, Settings: v.Settings}
	return s.Person()
}

// Phones reads the user's phones afresh.
func (f *Flow) Phones(ctx context.Context, v View) ([]phone.Phone, error) {
	return f.db.Read().PhonesOf(ctx, v.User.ID)
}

// Phone finds one of the user's own phones. phone.ErrUnknown.
func (v View) Phone(phoneID string) (phone.Phone, error) {
	for _, p := range v.Phones {
		if p.ID == phoneID {
			return p, nil
		}
	}
	return phone.Phone{}, phone.ErrUnknown
}

// OneDevice reports whether all that can prove something is on one device.
func (v View) OneDevice() bool { return v.Person().Devices(phone.Phone.CanProve) == 1 }

// SameAs finds an earlier record that is the same device, when both can prove something.
func (v View) SameAs(d phone.Phone) (phone.Phone, bool) {
	for _, before := range v.Phones {
		if before.ID == d.ID {
			break
		}
		if before.CanProve() && d.CanProve() && before.SameDevice(d) {
			return before, true
		}
	}
	return phone.Phone{}, false
}

// OnlyWayIn reports whether a device is the last one that can prove something.
func (v View) OnlyWayIn(phoneID string) bool { return v.Person().OnlyWayIn(phoneID) }

// SignedInBy reports that a device gave the proof that the session stands on: removing it ends the session.
func (v View) SignedInBy(d phone.Phone) bool {
	return d.KeyID != "" && v.Session.Proof.Authenticator == d.KeyID
}

// MayPair reports whether a pairing page may be shown now: the proof is fresh and a change is left.
// The change itself is taken when the code is claimed. session.ErrProof.
func (f *Flow) MayPair(v View) error {
	if v.Session.ChangesLeft == 0 || f.now().Sub(v.Session.Proved) >= session.ProofLife {
		return session.ErrProof
	}
	return nil
}

// Rename gives a phone another name; "" goes back to its model (D-27).
func (f *Flow) Rename(ctx context.Context, v View, phoneID, name string) error {
	name, err := phone.CleanName(name)
	if err != nil {
		return err
	}
	return f.change(ctx, v, phoneID, func(st Store, _ session.Session, p phone.Phone) error {
		if name == "" {
			name = p.Model
		}
		if name == "" {
			name = "Phone"
		}
		all, err := st.PhonesOf(ctx, p.UserID)
		if err != nil {
			return err
		}
		name = phone.FreeName(name, all, p.ID)
		if err := st.RenamePhone(ctx, p.ID, name); err != nil {
			return err
		}
		return f.log(ctx, st, v.User, "phone_update", map[string]any{"phone": p.ID, "name": name})
	})
}

// Remove takes a phone away: its app is told, its open requests end (D-08). ErrLast for the only way in.
func (f *Flow) Remove(ctx context.Context, v View, phoneID string) error {
	var open []transaction.Transaction
	err := f.change(ctx, v, phoneID, func(st Store, s session.Session, p phone.Phone) error {
		if factor.Logged(s.Proof.Factor).Recovers {
			return ErrBypass
		}
		phones, err := st.PhonesOf(ctx, v.User.ID)
		if err != nil {
			return err
		}
		if (flow.Person{Phones: phones}).OnlyWayIn(p.ID) {
			return ErrLast
		}
		if open, err = st.OpenTransactionsOf(ctx, "", "", p.ID); err != nil {
			return err
		}
		for _, t := range open {
			if err := st.DecideTransaction(ctx, t.ID, transaction.Cancelled, account.Proof{}, f.now()); err != nil {
				return err
			}
			if err := st.BumpLogin(ctx, t.LoginID); err != nil {
				return err
			}
		}
		if err := st.SupersedeActivations(ctx, "", "", p.ID, "", f.now()); err != nil {
			return err
		}
		if _, err := st.DeletePhone(ctx, p.ID, v.User.ID, f.now()); err != nil {
			return err
		}
		if err := st.EndSessions(ctx, v.User.ID, v.Session.ID); err != nil {
			return err
		}
		if _, err := st.ForgetBrowsersOf(ctx, v.User.ID); err != nil {
			return err
		}
		if err := f.log(ctx, st, v.User, "phone_delete", map[string]any{"phone": p.ID, "name": p.Name}); err != nil {
			return err
		}
		return f.notice(ctx, st, v, "device_removed", p.Name)
	})
	if err != nil {
		return err
	}
	topics := []string{flow.PhoneTopic(phoneID), flow.OutboxTopic}
	for _, t := range open {
		topics = append(topics, flow.LoginTopic(t.LoginID))
	}
	f.bell.Ring(topics...)
	f.alerts.Changed(v.User.ID, "")
	return nil
}

// alive looks, in a change's own database transaction, whether the session is still there and may go on.
func (f *Flow) alive(ctx context.Context, st Store, v View) (session.Session, error) {
	now, err := st.LockAt(ctx, v.User.ID, v.Application.ID)
	if err != nil {
		return session.Session{}, err
	}
	if err := now.Person().MayManage(); err != nil {
		return session.Session{}, err
	}
	s, err := st.SessionByID(ctx, v.Session.ID)
	if err != nil {
		return s, err
	}
	if s.UserID != now.User.ID || !f.now().Before(s.Expires) {
		return s, session.ErrIdle
	}
	return s, mayGoOn(now.Person(), s)
}

// change runs one change of an own phone: the session must be alive and its proof fresh.
func (f *Flow) change(ctx context.Context, v View, phoneID string, do func(Store, session.Session, phone.Phone) error) error {
	return f.db.Write(ctx, func(st Store) error {
		s, err := f.alive(ctx, st, v)
		if err != nil {
			return err
		}
		if err := f.fresh(ctx, st, v, s); err != nil {
			return err
		}
		p, err := st.PhoneByID(ctx, phoneID)
		if err != nil {
			return err
		}
		if p.UserID != v.User.ID {
			return phone.ErrUnknown
		}
		return do(st, s, p)
	})
}

// fresh reports whether the proof of a session may change devices now: it is young, and as strong as is demanded by now.
// session.ErrProof.
func (f *Flow) fresh(ctx context.Context, st Store, v View, s session.Session) error {
	demand, err := factor.DemandOf(ctx, st, v.Settings.Policy)
	if err == nil && (f.now().Sub(s.Proved) >= session.ProofLife || !demand.Meets(s.Proof)) {
		err = session.ErrProof
	}
	return err
}

// End ends all device sessions of the person, in this browser and in others, when they go back to the application.
func (f *Flow) End(ctx context.Context, v View) error {
	return f.db.Write(ctx, func(st Store) error {
		if err := st.SupersedeActivations(ctx, "", v.Session.ID, "", "", f.now()); err != nil {
			return err
		}
		return st.EndSessions(ctx, v.User.ID, "")
	})
}

// log writes what a person did to their own devices.
func (f *Flow) log(ctx context.Context, st Store, u user.User, action string, description map[string]any) error {
	return journal.Journal{Now: f.now, Rand: f.rand}.Act(ctx, st, audit.ByPerson(u.ID, u.Username), action, u.Username, description)
}

func (f *Flow) notice(ctx context.Context, st Store, v View, kind, device string) error {
	if v.Settings.NoChangeMail || v.User.Email == "" {
		return nil
	}
	return f.notices.Queue(ctx, st, flow.Notice{Kind: kind, To: v.User.Email, Args: []any{"user", v.User.Username, "device", device,
		"organization", v.Settings.Organization, "time", f.now()}})
}
