package signin

import (
	"cmp"
	"context"
	"errors"

	"countersign/internal/domain/account"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// Answer moves a pending transaction to a final state and does all that follows from it, in one database
// transaction. with runs first inside it, on what was read with the account's row locked, and may refuse (the phone's own
// checks). It returns the
// transaction as decided. transaction.ErrDecided when it was final already or too late.
func (f *Flow) Answer(ctx context.Context, txID string, to transaction.State, with func(context.Context, flow.AnswerStore, flow.Snapshot) error) (transaction.Transaction, error) {
	var t transaction.Transaction
	ctx, cancel := flow.Through(ctx)
	defer cancel()
	err := f.db.Write(ctx, func(st Store) (err error) {
		v, err := st.LockRequest(ctx, txID)
		if t = v.Request; err != nil {
			return err
		}
		if with != nil {
			if err = with(ctx, st, v); err != nil {
				return err
			}
		}
		t.State, err = f.settle(ctx, st, v, to)
		return err
	})
	if err != nil {
		return t, err
	}
	topics := []string{flow.LoginTopic(t.LoginID), flow.PhoneTopic(t.PhoneID)}
	if t.State != transaction.Approved {
		topics = append(topics, flow.OutboxTopic) // a report or a lock-out is mailed
	}
	f.bell.Ring(topics...)
	return t, nil
}

// settle decides the request of a snapshot inside the caller's database transaction and returns the state it got; the
// user's row was locked before the snapshot was read.
func (f *Flow) settle(ctx context.Context, st Store, v flow.Snapshot, to transaction.State) (transaction.State, error) {
	t := v.Request
	s, p := sessionOf(v)
	if to == transaction.Approved && !f.stillGood(s, t, p) {
		to = transaction.Cancelled // what was true at the start is no longer (AC-034)
	}
	e := entryOf(s, t, p, to)
	d := login.Decision{Reason: e.Reason, PhoneID: t.PhoneID}
	if to == transaction.Approved {
		d.Proof = account.Proof{Factor: e.Factor, Authenticator: p.KeyID, Epoch: s.User.Epoch}
	}
	if err := st.DecideTransaction(ctx, t.ID, to, d.Proof, f.now()); err != nil {
		return t.State, err
	}
	var err error
	switch {
	case t.LoginID == "":
		err = st.ExplainTransaction(ctx, t.ID, e.Factor, e.Reason)
	case to != transaction.Approved: // an approval changes the login anyway
		err = st.BumpLogin(ctx, t.LoginID)
	}
	if err != nil {
		return t.State, err
	}
	switch to {
	case transaction.Approved:
		return to, f.approved(ctx, st, s, t, d, e)
	case transaction.Denied, transaction.WrongNumber, transaction.Fraud:
		return to, f.refusedByPerson(ctx, st, s, t, p, e, to == transaction.Fraud)
	}
	if err := f.missed(ctx, st, t.UserID, false); err != nil || to == transaction.Cancelled {
		return to, err
	}
	return to, f.record(ctx, st, s, e) // timed out: not a failure (RULE-12), but it rang
}

// stillGood looks again, at the moment of an approval, at all that made the request right.
func (f *Flow) stillGood(s Session, t transaction.Transaction, p phone.Phone) bool {
	by := factor.Asking(t)
	if s.User.Refusal() != nil || !by.Request.Ready(p) || !by.Allowed(s.Policy) || p.UserID != s.User.ID || s.closed() {
		return false
	}
	if digits := by.Request.Digits(s.Policy); len(t.Number) < digits && (t.LoginID != "" || t.Number == "" && s.Policy.NumberRequired == "on") {
		return false // policy asks for a number by now, or for a longer one
	}
	return t.LoginID == "" || s.Login.UserID == s.User.ID && f.open(s, t.Purpose)
}

// entryOf is the log row of a request's final state, in the API's names (X-09 … X-12). Its txid is the one under which the
// application learns of the sign-in, where there is one.
func entryOf(s Session, t transaction.Transaction, p phone.Phone, to transaction.State) entry {
	e := entry{TxID: cmp.Or(s.Login.TxID, t.ID), Factor: factor.Asking(t).LogName(t.Number), DeviceID: p.ID, Device: p.Name, Result: audit.Denied}
	switch to {
	case transaction.Approved:
		e.Result, e.Reason = audit.Success, audit.UserApproved
	case transaction.Denied:
		e.Reason = audit.UserMistake
	case transaction.WrongNumber:
		e.Reason = audit.VerificationWrong
	case transaction.Fraud:
		e.Result, e.Reason = audit.Fraud, audit.UserMarkedFraud
	case transaction.TimedOut:
		e.Reason = audit.NoResponse
	default:
		e.Reason = audit.UserCancelled
	}
	return e
}

// sessionOf is what a decision about a request and its log row need. The login and the phone may be gone by now.
func sessionOf(v flow.Snapshot) (Session, phone.Phone) {
	p, _ := v.Phone(v.Request.PhoneID)
	return Session{Login: v.Login}.as(v), p
}

// approved lets the person in, opens device management, or both.
func (f *Flow) approved(ctx context.Context, st Store, s Session, t transaction.Transaction, d login.Decision, e entry) error {
	if err := f.prove(ctx, st, s, t.Purpose, d, factor.Asking(t).WayID(t.PhoneID)); err != nil {
		return err
	}
	if err := st.TouchPhone(ctx, t.PhoneID, true, f.now()); err != nil {
		return err
	}
	if _, err := f.keepToken(ctx, st, s, t.ID, d.Proof, t.RememberAs); err != nil {
		return err
	}
	return f.record(ctx, st, s, e)
}

// prove is what every successful proof does, whatever the method. For Manage it sets the proof for device
// management and completes the sign-in with it (RULE-5: one proof, not two).
func (f *Flow) prove(ctx context.Context, st Store, s Session, purpose transaction.Purpose, d login.Decision, wayID string) error {
	if err := f.allow(ctx, st, s, purpose, d); err != nil {
		return err
	}
	return st.Proved(ctx, s.User.ID, wayID, f.now())
}

// allow is the part of prove that concerns the login. The change ends with login.ErrStale when that has moved on. A proof that is
// not strong enough for the device pages signs in and does no more.
func (f *Flow) allow(ctx context.Context, st Store, s Session, purpose transaction.Purpose, d login.Decision) error {
	if s.Login.ID == "" { // a door without a browser reads the decision from its transaction
		return nil
	}
	now := f.now()
	opens := purpose != transaction.SignIn || f.recovers(s, d.Proof.Factor)
	if opens {
		demand, err := factor.DemandOf(ctx, st, s.Settings.Policy)
		if err != nil {
			return err
		}
		opens = demand.Meets(d.Proof)
	}
	if purpose != transaction.Manage || !opens && s.Login.Stage == login.Open {
		if err := st.AllowLogin(ctx, s.Login.ID, d, now); err != nil {
			return err
		}
	}
	if !opens {
		return nil
	}
	return st.ProveManage(ctx, s.Login.ID, d, now)
}

// recovers: a code of the help desk that signs someone in also opens one device change, so that the prompt can offer
// "Set up your new phone" although the code is spent (RULE-38).
func (f *Flow) recovers(s Session, logged string) bool {
	return factor.Logged(logged).Recovers && s.Application.SelfService
}

// refusedByPerson counts a denied request, a wrong number or a report (RULE-12).
func (f *Flow) refusedByPerson(ctx context.Context, st Store, s Session, t transaction.Transaction, p phone.Phone, e entry, report bool) error {
	if err := f.missed(ctx, st, s.User.ID, report); err != nil {
		return err
	}
	if err := f.record(ctx, st, s, e); err != nil {
		return err
	}
	if report {
		if _, err := f.notTheirs(ctx, st, s, t, p.KeyID); err != nil {
			return err
		}
	}
	u, err := st.ReserveAttempt(ctx, s.User.ID, s.Settings.LockoutThreshold)
	if errors.Is(err, user.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.lockOutAt(ctx, st, s, u)
}

// missed counts a request that was not approved and stops requests when the limits of RULE-13 are reached.
func (f *Flow) missed(ctx context.Context, st Store, userID string, stop bool) error {
	u, err := st.MissPush(ctx, userID, 1, stop, f.now())
	if err != nil || !u.PushStopped.IsZero() {
		return err
	}
	since := f.now().Add(-MissedWindow)
	if u.LastLogin.After(since) {
		since = u.LastLogin
	}
	_, missed, err := st.CountTransactions(ctx, userID, since)
	if err != nil || (missed < MaxMissed && u.PushMisses < MaxMissedInAll) {
		return err
	}
	_, err = st.MissPush(ctx, userID, 0, true, f.now())
	return err
}

// lockOutAt locks a user whose failures reached the threshold, and mails the user and the security desk (M-12).
func (f *Flow) lockOutAt(ctx context.Context, st Store, s Session, u user.User) error {
	if u.Failures < s.Settings.LockoutThreshold {
		return nil
	}
	locked, err := st.LockOut(ctx, u.ID, f.now())
	if err != nil || !locked {
		return err
	}
	if _, err := st.ForgetBrowsersOf(ctx, u.ID); err != nil {
		return err
	}
	if err := f.journal().Act(ctx, st, audit.System, "user_lockout", u.Username,
		map[string]any{"failures": u.Failures, "application": s.Application.Name, "ip": s.Login.IP}); err != nil {
		return err
	}
	return f.tell(ctx, st, s, "locked_out", "", u.Email, s.Settings.FraudEmail)
}

func (f *Flow) tell(ctx context.Context, st Store, s Session, kind, devices string, to ...string) error {
	for _, address := range to {
		if address == "" {
			continue
		}
		if err := f.notices.Queue(ctx, st, flow.Notice{Kind: kind, To: address, Args: []any{
			"user", s.User.Username, "application", s.Application.Name, "ip", s.Login.IP,
			"time", f.now(), "devices", devices,
		}}); err != nil {
			return err
		}
	}
	return nil
}

// Expire times out every overdue request; one that cannot be ended does not keep the others. The server calls it
// every second.
func (f *Flow) Expire(ctx context.Context) error {
	overdue, err := f.db.Read().OverdueTransactions(ctx, "", f.now(), 500)
	if err != nil {
		return err
	}
	var failed error
	for _, t := range overdue {
		_, err := f.Answer(ctx, t.ID, transaction.TimedOut, nil)
		if err != nil && !errors.Is(err, transaction.ErrDecided) && !errors.Is(err, user.ErrUnknown) {
			failed = errors.Join(failed, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return failed
}
