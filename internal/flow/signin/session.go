package signin

import (
	"context"
	"errors"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// Resume implements Interface.
func (f *Flow) Resume(ctx context.Context, loginID string, cookie secret.Text) (Session, error) {
	var s Session
	if cookie.Empty() {
		return s, login.ErrCookie
	}
	l, err := f.DB.Read().LoginByID(ctx, loginID)
	if err != nil {
		return s, err
	}
	if !secret.Equal(l.CookieDigest, f.Keys.Digest(login.CookiePurpose, cookie.Reveal())) {
		return s, login.ErrStale
	}
	if !f.Now().Before(l.Expires) {
		return s, login.ErrStale
	}
	return f.load(ctx, l)
}

// load reads everything about a login afresh.
func (f *Flow) load(ctx context.Context, l login.Login) (Session, error) {
	st := f.DB.Read()
	s := Session{Login: l}
	var err error
	if s.Application, err = st.ApplicationByID(ctx, l.ApplicationID); err != nil {
		return s, err
	}
	if s.Application.Disabled || !s.Application.Deleted.IsZero() {
		return s, login.ErrStale
	}
	if s.Settings, err = st.LoadSettings(ctx); err != nil {
		return s, err
	}
	s.Policy = policy.Effective(s.Settings.Policy, s.Application.Policy)
	if l.UserID != "" {
		if s.User, err = st.UserByID(ctx, l.UserID); err != nil {
			return s, err
		}
		if s.User, err = f.unlockWhenDue(ctx, s.User, s.Settings); err != nil {
			return s, err
		}
		phones, err := st.PhonesOf(ctx, l.UserID)
		if err != nil {
			return s, err
		}
		s.Ways = waysOf(s.Policy, phones)
	}
	if l.TransactionID != "" {
		s.Transaction, err = st.TransactionByID(ctx, l.TransactionID)
		if errors.Is(err, transaction.ErrUnknown) {
			err = nil
		}
	}
	return s, err
}

// safetyPoll is how often a waiting page looks by itself, should a ring be lost.
const safetyPoll = 10 * time.Second

// Wait implements Interface.
func (f *Flow) Wait(ctx context.Context, s Session, since int64) (Progress, error) {
	wake, stop := f.Bell.Listen(flow.LoginTopic(s.Login.ID))
	defer stop()
	reading := context.WithoutCancel(ctx) // also at the end of its time the page learns what is true
	for {
		l, err := f.DB.Read().LoginByID(reading, s.Login.ID)
		if err != nil {
			return Progress{}, err
		}
		if l.Version > since || ctx.Err() != nil || !f.Now().Before(l.Expires) {
			return f.progress(reading, l)
		}
		timer := time.NewTimer(safetyPoll)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func (f *Flow) progress(ctx context.Context, l login.Login) (Progress, error) {
	p := Progress{Version: l.Version, Stage: l.Stage, ManageReady: !l.ManageProof.IsZero()}
	if l.TransactionID == "" {
		return p, nil
	}
	t, err := f.DB.Read().TransactionByID(ctx, l.TransactionID)
	if errors.Is(err, transaction.ErrUnknown) {
		return p, nil
	}
	p.Transaction = t
	return p, err
}

// SpareDue reports whether the prompt asks for a spare way now, and whether "Later" is an answer
// (decision 10): after the first device, then at most twice more, a week apart.
func (s Session) SpareDue(now time.Time) (due, mayWait bool) {
	devices := map[string]bool{}
	for _, w := range s.Ways {
		devices[w.PhoneID] = true
	}
	if s.Login.Stage != login.Allowed || s.Login.SpareAsked || len(devices) != 1 {
		return false, true
	}
	if s.Login.Factor == audit.FactorNone || s.Login.Factor == audit.FactorBypassCode {
		return false, true
	}
	if !s.Application.SelfService && now.Sub(s.Login.ManageProof) >= session.ProofLife {
		return false, true // there is no way to set one up now, and nobody is kept out for that
	}
	switch s.Policy.Spare {
	case policy.SpareRequire:
		return true, false
	case policy.SpareRemind:
		n := s.User.SpareReminders
		wait := time.Duration(n) * 7 * 24 * time.Hour
		return n < policy.SpareReminders && !now.Before(s.User.FirstEnrolled.Add(wait)), true
	}
	return false, true
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
		if _, err := st.LockUser(ctx, s.User.ID); err != nil {
			return err
		}
		if l, err := st.LoginByID(ctx, s.Login.ID); err != nil || l.SpareAsked {
			return err // answered already, in another tab
		}
		if err := st.RemindSpare(ctx, s.User.ID); err != nil {
			return err
		}
		return st.AnswerSpare(ctx, s.Login.ID)
	})
}

// RecoveryDue reports whether the prompt offers "Set up your new phone" now: a bypass code signed the
// person in and may still open one change (decision 38).
func (s Session) RecoveryDue() bool {
	return s.Login.Stage == login.Allowed && s.Login.Factor == audit.FactorBypassCode &&
		!s.Login.ManageProof.IsZero() && !s.Login.RecoveryAsked && s.Application.SelfService
}

// LaterRecovery answers that offer with "Not now".
func (f *Flow) LaterRecovery(ctx context.Context, s Session) error {
	return f.DB.Write(ctx, func(st flow.Store) error { return st.AnswerRecovery(ctx, s.Login.ID) })
}

// Finish implements Interface.
func (f *Flow) Finish(ctx context.Context, s Session) (secret.Text, error) {
	if due, mayWait := s.SpareDue(f.Now()); due && !mayWait {
		return secret.Text{}, ErrSpare
	}
	ticket := secret.NewText(id.Token(f.Rand, 32))
	digest := f.Keys.Digest(login.TicketPurpose, ticket.Reveal())
	err := f.DB.Write(ctx, func(st flow.Store) error {
		now := f.Now()
		done, err := st.FinishLogin(ctx, s.Login.ID, digest, now.Add(login.TicketLife), now)
		if err == nil && !done {
			return login.ErrStale
		}
		return err
	})
	if err != nil {
		return secret.Text{}, err
	}
	return ticket, nil
}

// Collect implements Interface.
func (f *Flow) Collect(ctx context.Context, ticket secret.Text, applicationID string) (Result, error) {
	var r Result
	digest := f.Keys.Digest(login.TicketPurpose, ticket.Reveal())
	err := f.DB.Write(ctx, func(st flow.Store) (err error) {
		r.Login, err = st.CollectTicket(ctx, digest, applicationID, f.Now())
		return err
	})
	if err != nil {
		return r, err
	}
	st := f.DB.Read()
	if r.Application, err = st.ApplicationByID(ctx, applicationID); err != nil {
		return r, err
	}
	if usable(r.Application) != nil {
		return r, login.ErrTicket
	}
	r.Event, r.Time = audit.EventAuthentication, r.Login.DecidedAt
	if r.Login.UserID == "" {
		return r, nil
	}
	if r.User, err = st.UserByID(ctx, r.Login.UserID); err != nil {
		return r, err
	}
	if r.User.Status != user.Active && r.User.Status != user.Bypass {
		return r, login.ErrTicket // disabled between proof and collection (AC-014)
	}
	if r.Login.PhoneID != "" {
		if p, err := st.PhoneByID(ctx, r.Login.PhoneID); err == nil {
			r.Device = p.Name
		}
	}
	return r, nil
}

func usable(a application.Application) error {
	if a.Disabled || !a.Deleted.IsZero() {
		return application.ErrUnknown
	}
	return nil
}
