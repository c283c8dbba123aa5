package signin

import (
	"context"
	"errors"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// Resume finds the login of an address and a cookie. login.ErrStale, login.ErrCookie.
func (f *Flow) Resume(ctx context.Context, loginID string, cookie secret.Text) (Session, error) {
	var s Session
	now := f.now()
	snap, err := f.db.Read().SnapshotByLogin(ctx, loginID)
	if err != nil {
		return s, err
	}
	l := snap.Login
	if cookie.Empty() {
		// Only a browser that was sent here a moment ago can have lost its cookie; later it is an address kept as a
		// bookmark, or one from another browser's history.
		if f.now().Sub(l.Created) < login.CookieDoubt {
			return s, login.ErrCookie
		}
		return s, login.ErrStale
	}
	if !f.opens(l, cookie) || !f.now().Before(l.Expires) {
		return s, login.ErrStale
	}
	s, err = f.load(ctx, snap)
	s.Read = now
	return s, err
}

// load adds to a snapshot what its pages and decisions need: policy, ways in, the request on show.
func (f *Flow) load(ctx context.Context, snap flow.Snapshot) (Session, error) {
	l := snap.Login
	s := Session{Login: l}.as(snap)
	if !s.Application.Usable() || (l.UserID != "" && s.User.ID == "") {
		return s, login.ErrStale
	}
	var err error
	if l.UserID != "" {
		if s.User, err = f.unlockWhenDue(ctx, s.User, s.Settings); err != nil {
			return s, err
		}
	}
	if l.TransactionID != "" {
		s.Transaction, err = f.db.Read().TransactionByID(ctx, l.TransactionID)
		if errors.Is(err, transaction.ErrUnknown) {
			err = nil
		}
	}
	return s, err
}

// ErrWeak reports a proof that signs in, and is less than the device pages ask for (RULE-5).
var ErrWeak = errs.New(errs.Forbidden, "proof.weak")

// ForDevices is the session with the ways in that are strong enough for the device pages.
func (f *Flow) ForDevices(ctx context.Context, s Session) (Session, error) {
	demand, err := factor.DemandOf(ctx, f.db.Read(), s.Settings.Policy)
	if err != nil {
		return s, err
	}
	strong := demand.Ways(s.Ways)
	s.Weak = len(strong) == 0 && len(s.Ways) > 0
	s.Ways = strong
	return s, nil
}

// ErrSpare reports a sign-in that cannot go on before a spare way is set up.
var ErrSpare = errs.New(errs.Conflict, "spare.required")

// LaterSpare answers the spare-way page with "Later". ErrSpare when policy does not let one wait.
func (f *Flow) LaterSpare(ctx context.Context, s Session) error {
	step := Next(s, f.now(), transaction.SignIn)
	if step.Kind != Spare {
		return nil
	}
	if !step.MayWait {
		return ErrSpare
	}
	return f.db.Write(ctx, func(st Store) error {
		if _, err := st.LockAccount(ctx, s.User.ID); err != nil {
			return err
		}
		if l, err := st.LoginByID(ctx, s.Login.ID); err != nil || l.SpareAsked {
			return err // answered already, in another tab
		}
		if err := st.RemindSpare(ctx, s.User.ID, f.now()); err != nil {
			return err
		}
		return st.AnswerSpare(ctx, s.Login.ID)
	})
}

// LaterRecovery answers the offer of a new phone with "Not now".
func (f *Flow) LaterRecovery(ctx context.Context, s Session) error {
	if Next(s, f.now(), transaction.SignIn).Kind != Recover {
		return nil
	}
	return f.db.Write(ctx, func(st Store) error { return st.AnswerRecovery(ctx, s.Login.ID) })
}
