package devices

import (
	"context"

	"countersign/internal/base/errs"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/session"
	"countersign/internal/flow/factor"
)

// ErrPreference reports a preference there is no such choice for.
var ErrPreference = errs.New(errs.Invalid, "request.invalid")

// Preferences are how the traditional prompt treats a person (D-12, D-13).
type Preferences struct {
	DefaultPhone string // "" = the oldest
	AutoAction   string // "" or the name of a factor that asks a device
}

// Prefer saves the preferences of a person who has proved to be one. session.ErrProof, ErrBypass, phone.ErrUnknown,
// ErrPreference.
func (f *Flow) Prefer(ctx context.Context, v View, p Preferences) error {
	return f.db.Write(ctx, func(st Store) error {
		s, err := f.alive(ctx, st, v)
		if err == nil {
			err = f.fresh(ctx, st, v, s)
		}
		if err != nil {
			return err
		}
		if factor.Logged(s.Proof.Factor).Recovers {
			return ErrBypass
		}
		return f.prefer(ctx, st, v.User.ID, p)
	})
}

// PreferFirst saves the preferences of a person who has just set up the first device in this sign-in: the last
// step of setting up (B-12). session.ErrProof for anybody else.
func (f *Flow) PreferFirst(ctx context.Context, l login.Login, p Preferences) error {
	return f.db.Write(ctx, func(st Store) error {
		now, err := st.LoginByID(ctx, l.ID)
		if err != nil {
			return err
		}
		done, err := f.setUpIn(ctx, st, now)
		if err != nil {
			return err
		}
		if !done || now.Stage != login.Open || !f.now().Before(now.Expires) {
			return session.ErrProof
		}
		return f.prefer(ctx, st, now.UserID, p)
	})
}

// SetUpIn reports whether the person's first device was set up in this sign-in.
func (f *Flow) SetUpIn(ctx context.Context, l login.Login) (bool, error) {
	return f.setUpIn(ctx, f.db.Read(), l)
}

func (f *Flow) setUpIn(ctx context.Context, st Store, l login.Login) (bool, error) {
	if l.UserID == "" || l.Enrolling {
		return false, nil
	}
	codes, err := st.ActivationsOf(ctx, l.ID, "", l.Created)
	for _, a := range codes {
		if a.Purpose == activation.Enroll && !a.Claimed.IsZero() {
			return true, err
		}
	}
	return false, err
}

func (f *Flow) prefer(ctx context.Context, st Store, userID string, p Preferences) error {
	u, err := st.LockAccount(ctx, userID)
	if err != nil {
		return err
	}
	if err := u.Refusal(); err != nil {
		return err
	}
	if p.AutoAction != "" && !factor.ByName(p.AutoAction).Rings() {
		return ErrPreference
	}
	if p.DefaultPhone != "" {
		d, err := st.PhoneByID(ctx, p.DefaultPhone)
		if err != nil {
			return err
		}
		if d.UserID != userID {
			return phone.ErrUnknown
		}
	}
	if u.DefaultPhone == p.DefaultPhone && u.AutoAction == p.AutoAction {
		return nil
	}
	if err := st.SavePreferences(ctx, userID, p.DefaultPhone, p.AutoAction); err != nil {
		return err
	}
	return f.log(ctx, st, u, "user_update", map[string]any{"default_phone": p.DefaultPhone, "auto_action": p.AutoAction})
}
