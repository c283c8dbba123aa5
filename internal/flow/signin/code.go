package signin

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"golang.org/x/text/unicode/norm"

	"countersign/internal/base/errs"
	"countersign/internal/domain/account"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

var (
	// ErrCodeWrong is the one answer to a wrong, used, expired or unknown code (X-14 … X-16).
	ErrCodeWrong = errs.New(errs.Denied, "code.wrong")
	// ErrCodeAgain asks for the next code of the same phone: the last one was valid but far ahead (D-30).
	ErrCodeAgain = errs.New(errs.Denied, "code.resync")
	// ErrCodesOff is ErrCodeWrong where the codes of one of the person's phones are off (RULE-43).
	ErrCodesOff = errs.New(errs.Denied, "code.off")
)

// CleanCode brings a typed code to its one spelling: NFKC (so other scripts' digits count), no spaces, dashes
// or dots, lower case. A code that is no code becomes "".
func CleanCode(typed string) string {
	if len(typed) > 200 {
		return ""
	}
	var b strings.Builder
	for _, r := range norm.NFKC.String(typed) {
		switch {
		case r >= '٠' && r <= '٩':
			b.WriteRune('0' + r - '٠')
		case r >= '۰' && r <= '۹':
			b.WriteRune('0' + r - '۰')
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z':
			b.WriteRune(r)
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r + 'a' - 'A')
		case r == ' ' || r == '-' || r == '.' || r == '\t' || r == '\n' || r == '\r' || r == '‐' || r == '–':
		default:
			return ""
		}
	}
	return b.String()
}

// Code tries a code of any kind. nil: the login is allowed (SignIn), or the proof for device management is set (Manage; the
// login is allowed too, RULE-5). Errors: ErrCodeWrong, ErrCodeAgain, ErrCodesOff, user.ErrLocked, also for the wrong code
// that locks, login.ErrStale; ErrWeak for a right code that signs in and does not open the device pages.
func (f *Flow) Code(ctx context.Context, s Session, typed string, purpose transaction.Purpose) error {
	if !f.open(s, purpose) {
		return login.ErrStale
	}
	if err := f.tryCode(ctx, s, typed, purpose, nil); err != nil || purpose != transaction.Manage {
		return err
	}
	l, err := f.db.Read().LoginByID(ctx, s.Login.ID)
	if err == nil && l.ManageProof.IsZero() {
		err = ErrWeak
	}
	return err
}

// tryCode weighs a code and rings for those who wait.
func (f *Flow) tryCode(ctx context.Context, s Session, typed string, purpose transaction.Purpose, then learn) error {
	_, outcome, err := f.weigh(ctx, s, typed, purpose, then)
	if err != nil {
		return err
	}
	topics := []string{flow.LoginTopic(s.Login.ID)}
	if s.Transaction.ID != "" {
		topics = append(topics, flow.PhoneTopic(s.Transaction.PhoneID))
	}
	if outcome != nil {
		topics = append(topics, flow.OutboxTopic) // it may have been the last attempt
	}
	f.bell.Ring(topics...)
	return stale(outcome)
}

// learn runs last inside the change that decided a code: under which session it was, what the code turned out to be, and the
// outcome of weigh.
type learn func(st Store, s Session, m factor.Match, outcome error) error

// weighing is a code that is tried.
type weighing struct {
	Session
	code    string // in its one spelling
	purpose transaction.Purpose
	then    learn
}

// weighed is what was found out of it so far.
type weighed struct {
	match   factor.Match
	outcome error
	counted []counted
	slow    bool // it is not decided: a slow look is due
	alarm   bool // its person is told of wrong codes
}

// weigh counts a code, looks at it and decides it. A failure is counted before the code is looked at and taken back by a
// success, so codes tried at once never get more looks than the limits (AC-005, RULE-43). Where all looks are quick that
// is one change. A slow look comes after the change that counts, and before the one that decides: what breaks off in
// between stays counted.
//
// outcome is nil for a right code, else ErrCodeWrong, ErrCodeAgain, ErrCodesOff, ErrPolicy, user.ErrLocked (no attempt was left,
// or this was the last) or login.ErrStale: what was counted, spent and logged stays written with it. then, if given, runs last
// inside the change that decides, but for a login that is stale or an account without an attempt left.
func (f *Flow) weigh(ctx context.Context, s Session, typed string, purpose transaction.Purpose, then learn) (m factor.Match, outcome, err error) {
	c := weighing{s, CleanCode(typed), purpose, then}
	mine, err := f.turns.take(ctx, s.User.ID, f.now())
	if err != nil {
		return m, nil, err
	}
	defer func() { f.turns.end(mine, err == nil && outcome == nil, f.now()) }()
	ctx, cancel := flow.Through(ctx)
	defer cancel()
	if s.mayLook(mine, f.now()) {
		if hit, ok := factor.Fit(f.tools(), s.owner(), c.code); ok {
			if m, err = f.letIn(ctx, s, hit, purpose, then); !errors.Is(err, errOtherwise) {
				return m, nil, err
			}
		}
	}
	w, err := f.reserve(ctx, c)
	if err == nil && w.slow {
		w, err = f.lookSlowly(ctx, c, w)
	}
	if err == nil && w.alarm {
		f.alarm(s)
	}
	return w.match, w.outcome, err
}

// reserve counts a code, takes the quick looks and, unless a slow one is due, decides.
func (f *Flow) reserve(ctx context.Context, c weighing) (w weighed, err error) {
	err = f.db.Write(ctx, func(st Store) error {
		w = weighed{}
		s, err := f.admit(ctx, st, c, &w)
		if err != nil || w.outcome != nil {
			return err
		}
		u, err := st.ReserveAttempt(ctx, s.User.ID, s.Settings.LockoutThreshold)
		if errors.Is(err, user.ErrLocked) {
			w.outcome = err
			return f.noAttemptLeft(ctx, st, s)
		}
		if err != nil {
			return err
		}
		s.User = u
		if w.match, err = factor.Try(ctx, f.tools(), st, s.owner(), c.code); err != nil {
			return err
		}
		if w.match.OK {
			return f.right(ctx, st, c, s, &w)
		}
		if err = f.countGuesses(ctx, st, s, c.code, &w); err != nil || w.slow {
			return err
		}
		return f.wrong(ctx, st, c, s, &w)
	})
	return w, err
}

// lookSlowly makes the digests of a code that was counted, outside of any change, and decides.
func (f *Flow) lookSlowly(ctx context.Context, c weighing, before weighed) (w weighed, err error) {
	spend, err := factor.Slowly(ctx, f.tools(), c.owner(), c.code)
	if err != nil {
		return before, err
	}
	err = f.db.Write(ctx, func(st Store) error {
		w = before
		s, err := f.admit(ctx, st, c, &w)
		if err != nil || w.outcome != nil {
			return err
		}
		if w.outcome = s.User.Refusal(); w.outcome != nil { // another attempt locked the account meanwhile, or the help desk
			return f.noAttemptLeft(ctx, st, s)
		}
		m, err := spend(ctx, st, s.owner())
		if err != nil {
			return err
		}
		if !m.OK {
			return f.wrong(ctx, st, c, s, &w)
		}
		w.match = m
		for _, g := range w.counted {
			if err := st.ReturnGuess(ctx, g.Guess); err != nil {
				return err
			}
		}
		return f.right(ctx, st, c, s, &w)
	})
	return w, err
}

// admit gives the session as it is now, with the account's row locked. Where policy lets nobody in, that is the outcome.
func (f *Flow) admit(ctx context.Context, st Store, c weighing, w *weighed) (Session, error) {
	v, err := st.LockAt(ctx, c.User.ID, c.Application.ID)
	if err != nil {
		return c.Session, err
	}
	s := c.as(v)
	if !s.closed() {
		return s, nil
	}
	w.outcome = ErrPolicy
	if err = f.refuseByPolicy(ctx, st, s); err == nil && c.then != nil {
		err = c.then(st, s, factor.Match{}, w.outcome)
	}
	return s, err
}

// right decides a code that was found right and is spent.
func (f *Flow) right(ctx context.Context, st Store, c weighing, s Session, w *weighed) (err error) {
	w.outcome, err = f.rightCode(ctx, st, s, w.match, c.purpose)
	if err != nil || c.then == nil || errors.Is(w.outcome, login.ErrStale) {
		return err
	}
	return c.then(st, s, w.match, w.outcome)
}

// wrong decides a code that no look found right.
func (f *Flow) wrong(ctx context.Context, st Store, c weighing, s Session, w *weighed) error {
	if err := f.heedAll(ctx, st, s, w); err != nil {
		return err
	}
	off := strings.Join(factor.CodesOff(s.owner()), ", ")
	switch {
	case s.User.Failures >= s.Settings.LockoutThreshold:
		w.outcome = user.ErrLocked // it was the last attempt there was (RULE-12)
	case w.match.Again:
		w.outcome = ErrCodeAgain
	case off != "":
		w.outcome = ErrCodesOff.Arg("device", off)
	default:
		w.outcome = ErrCodeWrong
	}
	if err := f.wrongCode(ctx, st, s); err != nil || c.then == nil {
		return err
	}
	return c.then(st, s, w.match, w.outcome)
}

// errOtherwise reports that something was not as it had been read.
var errOtherwise = errors.New("signin: not as it was read")

// letIn is weigh for a code that fits, as nearly every right one does when it comes in. The attempt is reserved and taken
// back in one statement. Each statement must touch its row, and all are read before the change is committed; application and
// settings, which hold the policy, are read last. When the person, the code, the login or those are not as they were read,
// nothing is done, and the error is errOtherwise: then weigh looks at everything again.
func (f *Flow) letIn(ctx context.Context, s Session, hit factor.Hit, purpose transaction.Purpose, then learn) (factor.Match, error) {
	m := hit.Match
	err := f.db.Write(ctx, func(st Store) error {
		if err := st.HoldPolicy(ctx); err != nil {
			return err
		}
		now := f.now()
		if err := st.ProveAttempt(ctx, s.User.ID, s.Settings.LockoutThreshold, m.WayID, now); err != nil {
			return err
		}
		if err := hit.Sure(ctx, st, now); err != nil {
			return err
		}
		if err := f.allow(ctx, st, s, purpose, decision(s, m)); err != nil {
			return err
		}
		if err := f.letInByCode(ctx, st, s, m); err != nil {
			return err
		}
		if then != nil {
			if err := then(st, s, m, nil); err != nil {
				return err
			}
		}
		v, err := st.RulesAt(ctx, s.User.ID, s.Application.ID)
		if err == nil && (s.closed() || v.Epoch != s.User.Epoch || !reflect.DeepEqual(v.Application, s.Application) || !reflect.DeepEqual(v.Settings, s.Settings)) {
			err = errOtherwise
		}
		return err
	})
	if errors.Is(err, user.ErrLocked) || errors.Is(err, phone.ErrCodeSpent) || errors.Is(err, login.ErrStale) {
		return m, errOtherwise
	}
	return m, err
}

// rightCode lets in. When the login has moved on meanwhile the outcome is login.ErrStale and nobody is let in,
// but the code stays spent and the attempt counted: else a login that just ended would try codes for nothing.
func (f *Flow) rightCode(ctx context.Context, st Store, s Session, m factor.Match, purpose transaction.Purpose) (outcome, err error) {
	if s.Login.ID != "" {
		if err = st.BumpLogin(ctx, s.Login.ID); err != nil { // holds the row: what is read next stays so
			return nil, err
		}
		if s.Login, err = st.LoginByID(ctx, s.Login.ID); err == nil && !f.open(s, purpose) {
			err = login.ErrStale
		}
		if errors.Is(err, login.ErrStale) {
			return err, nil
		}
	}
	if err == nil {
		err = f.prove(ctx, st, s, purpose, decision(s, m), m.WayID)
	}
	if err != nil {
		return nil, err
	}
	return nil, f.letInByCode(ctx, st, s, m)
}

// decision is what a right code decides.
func decision(s Session, m factor.Match) login.Decision {
	return login.Decision{Proof: account.Proof{Factor: m.Log, Authenticator: m.Authenticator, Epoch: s.User.Epoch},
		Reason: audit.ValidPasscode, PhoneID: m.PhoneID}
}

// letInByCode does what else a right code brings, and logs it.
func (f *Flow) letInByCode(ctx context.Context, st Store, s Session, m factor.Match) error {
	if err := f.forgive(ctx, st, s, m); err != nil {
		return err
	}
	if s.Login.TransactionID != "" { // another way was taken: the open request goes quietly
		open, err := st.OpenTransactionsOf(ctx, "", s.Login.ID, "")
		if err != nil {
			return err
		}
		for _, t := range open {
			if err := st.DecideTransaction(ctx, t.ID, transaction.Cancelled, account.Proof{}, f.now()); err != nil {
				return err
			}
		}
	}
	return f.record(ctx, st, s, entry{Result: audit.Success, Reason: audit.ValidPasscode, Factor: m.Log,
		TxID: s.Login.TxID, DeviceID: m.PhoneID, Device: m.Device})
}

// noAttemptLeft logs an attempt at an account that is closed; the code is not looked at. Somebody whose count
// reached a threshold that was lowered since is locked out now, so that the lock-out also ends by itself.
func (f *Flow) noAttemptLeft(ctx context.Context, st Store, s Session) error {
	u, err := st.LockAccount(ctx, s.User.ID)
	if err != nil {
		return err
	}
	s.User = u
	e := entry{Result: audit.Denied, Reason: audit.LockedOut, Factor: factor.Unmatched, TxID: s.Login.TxID}
	if u.Closed() {
		e.Reason = audit.UserDisabled
	}
	if err := f.record(ctx, st, s, e); err != nil {
		return err
	}
	return f.lockOutAt(ctx, st, s, u)
}

func (f *Flow) wrongCode(ctx context.Context, st Store, s Session) error {
	if err := f.record(ctx, st, s, entry{Result: audit.Denied, Reason: audit.InvalidPasscode, Factor: factor.Unmatched, TxID: s.Login.TxID}); err != nil {
		return err
	}
	return f.lockOutAt(ctx, st, s, s.User)
}
