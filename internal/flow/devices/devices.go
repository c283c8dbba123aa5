// Package devices is how people look after their own phones (section D): the portal opens with a proof
// made for that purpose (decision 5), serves changes for ten minutes after it, and looks at the present
// state again at each change.
package devices

import (
	"context"
	"io"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/session"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// Flow looks after one user's devices.
type Flow struct {
	DB      flow.DB
	Keys    *secret.Keyring
	Bell    flow.Bell
	Notices flow.Notices
	Alerts  flow.Alerts
	Now     func() time.Time
	Rand    io.Reader
}

// View is a session with what its pages show, read afresh for each request.
type View struct {
	Session     session.Session
	User        user.User
	Application application.Application
	Settings    settings.Settings
	Phones      []phone.Phone
}

var (
	// ErrOff reports an application without self-service.
	ErrOff = errs.New(errs.NotFound, "portal.off")
	// ErrLast reports the removal of the only way in (X-35, decision 17).
	ErrLast = errs.New(errs.Conflict, "device.last")
	// ErrBypass reports a change that a proof by bypass code does not open: it allows one addition or
	// reactivation.
	ErrBypass = errs.New(errs.Forbidden, "portal.bypass")
)

// Open makes a portal session of a login's proof for device management. The proof is taken, once.
// session.ErrProof when there is none, or none fresh; ErrOff.
func (f *Flow) Open(ctx context.Context, l login.Login) (session.Session, secret.Text, error) {
	now := f.Now()
	cookie := secret.NewText(id.Token(f.Rand, 32))
	var s session.Session
	err := f.DB.Write(ctx, func(st flow.Store) error {
		app, err := st.ApplicationByID(ctx, l.ApplicationID)
		if err != nil {
			return err
		}
		if !app.SelfService || app.Disabled || !app.Deleted.IsZero() {
			return ErrOff
		}
		factor, ok, err := st.TakeManageProof(ctx, l.ID, now.Add(-session.ProofLife))
		if err != nil {
			return err
		}
		if !ok {
			return session.ErrProof
		}
		if l, err = f.provedLogin(ctx, st, l.ID, now); err != nil {
			return err
		}
		s = session.Session{ID: id.Key(f.Rand, "DS"), Digest: f.Keys.Digest(session.DigestKind, cookie.Reveal()),
			UserID: l.UserID, ApplicationID: l.ApplicationID, LoginID: l.ID, Proved: now, Factor: factor,
			ChangesLeft: session.Unlimited, Created: now, Seen: now, Expires: now.Add(session.Life)}
		if factor == audit.FactorBypassCode {
			s.ChangesLeft = 1
		}
		return st.CreateSession(ctx, s)
	})
	if err != nil {
		return session.Session{}, secret.Text{}, err
	}
	return s, cookie, nil
}

// provedLogin looks at the login again after its proof was taken, which holds its row: one that was finished or
// ran out meanwhile opens nothing, nor does one of a user who may not sign in any more.
func (f *Flow) provedLogin(ctx context.Context, st flow.Store, loginID string, now time.Time) (login.Login, error) {
	l, err := st.LoginByID(ctx, loginID)
	if err != nil {
		return l, err
	}
	if (l.Stage != login.Open && l.Stage != login.Allowed) || !now.Before(l.Expires) {
		return l, session.ErrProof
	}
	u, err := st.UserByID(ctx, l.UserID)
	if err == nil && u.Status != user.Active {
		err = user.ErrLocked
	}
	return l, err
}

// Resume finds the live session of a cookie and gives it its time once more. session.ErrIdle; ErrOff; user.ErrLocked when the user may not
// sign in any more.
func (f *Flow) Resume(ctx context.Context, cookie secret.Text) (View, error) {
	var v View
	if cookie.Empty() {
		return v, session.ErrIdle
	}
	digest := f.Keys.Digest(session.DigestKind, cookie.Reveal())
	err := f.DB.Write(ctx, func(st flow.Store) (err error) {
		if v.Session, err = st.TouchSession(ctx, digest, f.Now()); err != nil {
			return err
		}
		return f.holdSignIn(ctx, st, v)
	})
	if err != nil {
		return v, err
	}
	st := f.DB.Read()
	if v.Application, err = st.ApplicationByID(ctx, v.Session.ApplicationID); err != nil {
		return v, err
	}
	if !v.Application.SelfService || v.Application.Disabled || !v.Application.Deleted.IsZero() {
		return v, ErrOff
	}
	if v.Settings, err = st.LoadSettings(ctx); err != nil {
		return v, err
	}
	if v.User, err = st.UserByID(ctx, v.Session.UserID); err != nil {
		return v, err
	}
	if v.User.Status != user.Active {
		return v, user.ErrLocked
	}
	v.Phones, err = st.PhonesOf(ctx, v.User.ID)
	return v, err
}

// Phones reads the user's phones afresh.
func (f *Flow) Phones(ctx context.Context, v View) ([]phone.Phone, error) {
	return f.DB.Read().PhonesOf(ctx, v.User.ID)
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

// WaysIn counts the devices that can prove something now.
func (v View) WaysIn() int { return waysIn(v.Phones) }

func waysIn(phones []phone.Phone) int {
	n := 0
	for _, p := range phones {
		if p.CanPush() || p.CanPasscode() {
			n++
		}
	}
	return n
}

// MayPair reports whether a pairing page may be shown now: the proof is fresh and a change is left.
// The change itself is taken when the code is claimed. session.ErrProof.
func (f *Flow) MayPair(v View) error {
	if v.Session.ChangesLeft == 0 || f.Now().Sub(v.Session.Proved) >= session.ProofLife {
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
	return f.change(ctx, v, phoneID, func(st flow.Store, _ session.Session, p phone.Phone) error {
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
		return f.log(ctx, st, v, "phone_update", map[string]any{"phone": p.ID, "name": name})
	})
}

// Remove takes a phone away: its app is told, its open requests end (D-08). ErrLast for the only way in.
func (f *Flow) Remove(ctx context.Context, v View, phoneID string) error {
	var open []transaction.Transaction
	err := f.change(ctx, v, phoneID, func(st flow.Store, s session.Session, p phone.Phone) error {
		if s.Factor == audit.FactorBypassCode {
			return ErrBypass
		}
		phones, err := st.PhonesOf(ctx, v.User.ID)
		if err != nil {
			return err
		}
		if (p.CanPush() || p.CanPasscode()) && waysIn(phones) <= 1 {
			return ErrLast
		}
		if open, err = st.OpenTransactionsOf(ctx, "", "", p.ID); err != nil {
			return err
		}
		for _, t := range open {
			if _, err := st.DecideTransaction(ctx, t.ID, transaction.Cancelled, f.Now()); err != nil {
				return err
			}
			if err := st.BumpLogin(ctx, t.LoginID); err != nil {
				return err
			}
		}
		if err := st.SupersedeActivations(ctx, "", "", p.ID, "", f.Now()); err != nil {
			return err
		}
		if _, err := st.DeletePhone(ctx, p.ID, v.User.ID, f.Now()); err != nil {
			return err
		}
		if err := st.EndSessions(ctx, v.User.ID, v.Session.ID); err != nil {
			return err
		}
		if _, err := st.ForgetBrowsersOf(ctx, v.User.ID); err != nil {
			return err
		}
		if err := f.log(ctx, st, v, "phone_delete", map[string]any{"phone": p.ID, "name": p.Name}); err != nil {
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
	f.Bell.Ring(topics...)
	f.Alerts.Changed(v.User.ID, "")
	return nil
}

// alive looks, in a change's own database transaction, whether the session is still there and its user active.
func (f *Flow) alive(ctx context.Context, st flow.Store, v View) (session.Session, error) {
	u, err := st.LockUser(ctx, v.User.ID)
	if err != nil {
		return session.Session{}, err
	}
	if u.Status != user.Active {
		return session.Session{}, user.ErrLocked
	}
	s, err := st.SessionByID(ctx, v.Session.ID)
	if err != nil {
		return s, err
	}
	if s.UserID != u.ID || !f.Now().Before(s.Expires) {
		return s, session.ErrIdle
	}
	return s, nil
}

// change runs one change of an own phone: the session must be alive and its proof fresh.
func (f *Flow) change(ctx context.Context, v View, phoneID string, do func(flow.Store, session.Session, phone.Phone) error) error {
	return f.DB.Write(ctx, func(st flow.Store) error {
		s, err := f.alive(ctx, st, v)
		if err != nil {
			return err
		}
		if f.Now().Sub(s.Proved) >= session.ProofLife {
			return session.ErrProof
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

// End ends the session, when the person goes back to the application.
func (f *Flow) End(ctx context.Context, v View) error {
	return f.DB.Write(ctx, func(st flow.Store) error {
		if err := st.SupersedeActivations(ctx, "", v.Session.ID, "", "", f.Now()); err != nil {
			return err
		}
		return st.EndSessions(ctx, v.User.ID, "")
	})
}

func (f *Flow) log(ctx context.Context, st flow.Store, v View, action string, description map[string]any) error {
	return st.LogAction(ctx, audit.Action{ID: id.Key(f.Rand, id.Log), Time: f.Now(), Actor: v.User.Username, Action: action,
		Object: v.User.Username, Description: description})
}

func (f *Flow) notice(ctx context.Context, st flow.Store, v View, kind, device string) error {
	if v.Settings.NoChangeMail || v.User.Email == "" {
		return nil
	}
	return f.Notices.Queue(ctx, st, flow.Notice{Kind: kind, To: v.User.Email, Args: []any{"user", v.User.Username, "device", device,
		"organization", v.Settings.Organization, "time", f.Now()}})
}
