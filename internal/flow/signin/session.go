package signin

import (
	"context"
	"errors"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// Resume finds the login of an address and a cookie. login.ErrStale, login.ErrCookie.
func (f *Flow) Resume(ctx context.Context, loginID string, cookie secret.Text) (Session, error) {
	var s Session
	snap, err := f.DB.Read().SnapshotByLogin(ctx, loginID)
	if err != nil {
		return s, err
	}
	l := snap.Login
	if cookie.Empty() {
		// Only a browser that was sent here a moment ago can have lost its cookie; later it is an address kept as a
		// bookmark, or one from another browser's history.
		if f.Now().Sub(l.Created) < login.CookieDoubt {
			return s, login.ErrCookie
		}
		return s, login.ErrStale
	}
	if !secret.Equal(l.CookieDigest, f.Keys.Digest(login.CookiePurpose, cookie.Reveal())) {
		return s, login.ErrStale
	}
	if !f.Now().Before(l.Expires) {
		return s, login.ErrStale
	}
	return f.load(ctx, snap)
}

// load adds to a snapshot what its pages and decisions need: policy, ways in, the request on show.
func (f *Flow) load(ctx context.Context, snap flow.Snapshot) (Session, error) {
	l := snap.Login
	s := Session{Login: l, Application: snap.Application, Settings: snap.Settings, User: snap.User,
		Phones: snap.Phones, Codeless: snap.Codeless}
	if !s.Application.Usable() || (l.UserID != "" && s.User.ID == "") {
		return s, login.ErrStale
	}
	var err error
	s.Policy = policy.Effective(s.Settings.Policy, s.Application.Policy)
	if l.UserID != "" {
		if s.User, err = f.unlockWhenDue(ctx, s.User, s.Settings); err != nil {
			return s, err
		}
		s.Ways = factor.Ways(s.owner())
	}
	if l.TransactionID != "" {
		s.Transaction, err = f.DB.Read().TransactionByID(ctx, l.TransactionID)
		if errors.Is(err, transaction.ErrUnknown) {
			err = nil
		}
	}
	return s, err
}

// spareRest is how long a person is left in peace after a reminder of the spare way.
const spareRest = 7 * 24 * time.Hour

// SpareDue reports whether the prompt asks for a spare way now, and whether "Later" is an answer
// (decision 10): after the first device, then at most twice more, each a week after the one before.
func (s Session) SpareDue(now time.Time) (due, mayWait bool) {
	if s.Login.Stage != login.Allowed || s.Login.SpareAsked || s.devices() != 1 {
		return false, true
	}
	if !factor.Logged(s.Login.Factor).Remembers {
		return false, true
	}
	if !s.Application.SelfService && now.Sub(s.Login.ManageProof) >= session.ProofLife {
		return false, true // there is no way to set one up now, and nobody is kept out for that
	}
	switch s.Policy.Spare {
	case policy.SpareRequire:
		return true, false
	case policy.SpareRemind:
		u := s.User
		rested := u.SpareReminders == 0 || now.Sub(u.SpareReminded) >= spareRest
		return u.SpareReminders < policy.SpareReminders && rested, true
	}
	return false, true
}

// devices counts the devices of the usable ways.
func (s Session) devices() int {
	all := map[string]bool{}
	for _, w := range s.Ways {
		all[w.PhoneID] = true
	}
	return len(all)
}

// ErrSpare reports a sign-in that cannot go on before a spare way is set up.
var ErrSpare = errs.New(errs.Conflict, "spare.required")

// LaterSpare answers the spare-way page with "Later". ErrSpare when policy does not let one wait.
func (f *Flow) LaterSpare(ctx context.Context, s Session) error {
	due, mayWait := s.SpareDue(f.Now())
	if !due {
		return nil
	}
	if !mayWait {
		return ErrSpare
	}
	return f.DB.Write(ctx, func(st flow.Store) error {
		if _, err := st.LockAccount(ctx, s.User.ID); err != nil {
			return err
		}
		if l, err := st.LoginByID(ctx, s.Login.ID); err != nil || l.SpareAsked {
			return err // answered already, in another tab
		}
		if err := st.RemindSpare(ctx, s.User.ID, f.Now()); err != nil {
			return err
		}
		return st.AnswerSpare(ctx, s.Login.ID)
	})
}

// RecoveryDue reports whether the prompt offers "Set up your new phone" now: a code of the help desk signed the
// person in and may still open one change (decision 38).
func (s Session) RecoveryDue() bool {
	return s.Login.Stage == login.Allowed && factor.Logged(s.Login.Factor).Recovers &&
		!s.Login.ManageProof.IsZero() && !s.Login.RecoveryAsked && s.Application.SelfService
}

// LaterRecovery answers that offer with "Not now".
func (f *Flow) LaterRecovery(ctx context.Context, s Session) error {
	return f.DB.Write(ctx, func(st flow.Store) error { return st.AnswerRecovery(ctx, s.Login.ID) })
}
