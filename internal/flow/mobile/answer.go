package mobile

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

var (
	// ErrMismatch reports an answer whose signed fields are not those of its request, or that the phone's present
	// key did not sign (AC-010).
	ErrMismatch = errs.New(errs.Denied, "answer.mismatch")
	// ErrAlertsOff reports a test alert for a phone that cannot be woken.
	ErrAlertsOff = errs.New(errs.Conflict, "alerts.off")
)

// Answer implements Mobile.
func (f *Flow) Answer(ctx context.Context, phoneID string, a phonewire.Answer) (phonewire.Outcome, error) {
	v, err := f.db.Read().SnapshotByRequest(ctx, a.Transaction)
	if errors.Is(err, user.ErrUnknown) {
		err = phone.ErrRemoved
	}
	if err != nil {
		return phonewire.Outcome{}, err
	}
	t := v.Request
	if t.PhoneID != phoneID {
		return phonewire.Outcome{}, transaction.ErrUnknown
	}
	signer, _ := v.Phone(phoneID)
	if !signer.Connected() {
		return phonewire.Outcome{}, phone.ErrRemoved
	}
	// The door checked the signature against the key that called it. It may have been replaced since.
	if err := a.Check(signer.Key); err != nil {
		f.logger.Warn("an answer that the phone's key did not sign was refused", "phone", phoneID, "transaction", t.ID)
		return phonewire.Outcome{}, ErrMismatch.With(err)
	}
	if a.Application != t.ApplicationID || a.User != t.UserID || a.Phone != t.PhoneID || a.Expires != t.Expires.UnixMilli() {
		f.logger.Warn("an answer that does not fit its request was refused", "phone", phoneID, "transaction", t.ID)
		return phonewire.Outcome{}, ErrMismatch
	}
	to := decided(t, a)
	late := t.State != transaction.Pending || !f.now().Before(t.Expires)
	var done transaction.Transaction
	if !late {
		done, err = f.signIn.Answer(ctx, t.ID, to, func(ctx context.Context, st flow.AnswerStore, v flow.Snapshot) error {
			if err := signs(v, signer); err != nil {
				return err
			}
			return st.AdvanceAnswerCounter(ctx, signer.KeyID, a.Counter)
		})
		late = errors.Is(err, transaction.ErrDecided)
	}
	switch overtaken := errors.Is(err, phone.ErrCounter); {
	case to == transaction.Fraud && (late || overtaken):
		return f.notMe(ctx, t, signer)
	case overtaken:
		return phonewire.Outcome{}, f.overtaken(ctx, t, signer.KeyID, a.Counter)
	case late:
		if t, err = f.db.Read().TransactionByID(ctx, t.ID); err != nil {
			return phonewire.Outcome{}, err
		}
		return f.outcome(already(t)), nil
	case err != nil:
		return phonewire.Outcome{}, err
	}
	return f.outcome(states[done.State]), nil
}

// signs reports whether a phone is, with the account's row locked, still paired by the key that signed: phone.ErrRemoved,
// phone.ErrReplaced.
func signs(v flow.Snapshot, signer phone.Phone) error {
	p, _ := v.Phone(signer.ID)
	switch p.KeyID {
	case "":
		return phone.ErrRemoved
	case signer.KeyID:
		return nil
	}
	return phone.ErrReplaced
}

// notMe passes on "not me" that could not decide its request any more. It is never dropped, and needs no counter: it only
// takes away, and only once.
func (f *Flow) notMe(ctx context.Context, t transaction.Transaction, signer phone.Phone) (phonewire.Outcome, error) {
	_, err := f.signIn.Report(ctx, t.ID, signer.KeyID, func(v flow.Snapshot) error { return signs(v, signer) })
	if err != nil {
		return phonewire.Outcome{}, err
	}
	return f.outcome(phonewire.StateReported), nil
}

// NotMe implements Mobile. The request must be of the time in which the phone had the key.
func (f *Flow) NotMe(ctx context.Context, keyID string, a phonewire.Answer) (phonewire.Outcome, error) {
	k, err := f.db.Read().KeyByID(ctx, keyID)
	if err != nil {
		return phonewire.Outcome{}, err
	}
	if err := a.Check(k.SPKI); err != nil {
		return phonewire.Outcome{}, ErrMismatch.With(err)
	}
	t, err := f.db.Read().TransactionByID(ctx, a.Transaction)
	if err != nil {
		return phonewire.Outcome{}, err
	}
	had := k.State != phone.KeyCopied && t.PhoneID == k.PhoneID && t.UserID == k.UserID && !t.Created.Before(k.Created) && (k.Ended.IsZero() || !t.Created.After(k.Ended))
	if !had || decided(t, a) != transaction.Fraud || a.Application != t.ApplicationID || a.User != t.UserID || a.Phone != t.PhoneID || a.Expires != t.Expires.UnixMilli() {
		return phonewire.Outcome{}, ErrMismatch
	}
	if _, err := f.signIn.Report(ctx, t.ID, keyID, func(flow.Snapshot) error { return nil }); err != nil {
		return phonewire.Outcome{}, err
	}
	return f.outcome(phonewire.StateReported), nil
}

// decided is what an answer makes of its request. The number is looked at here, once: a wrong one denies (RULE-14).
func decided(t transaction.Transaction, a phonewire.Answer) transaction.State {
	switch {
	case a.Decision == phonewire.Deny && a.Reason == phonewire.Fraud:
		return transaction.Fraud
	case a.Decision != phonewire.Approve:
		return transaction.Denied
	case len(a.Number) != len(t.Number) || subtle.ConstantTimeCompare([]byte(a.Number), []byte(t.Number)) != 1:
		return transaction.WrongNumber
	}
	return transaction.Approved
}

var states = map[transaction.State]string{
	transaction.Approved: phonewire.StateApproved, transaction.Denied: phonewire.StateDenied,
	transaction.Fraud: phonewire.StateReported, transaction.WrongNumber: phonewire.StateWrongNumber,
	transaction.TimedOut: phonewire.StateExpired, transaction.Cancelled: phonewire.StateExpired,
}

// already tells an app that answers a second time (a lost reply, a second tab) what holds.
func already(t transaction.Transaction) string {
	switch t.State {
	case transaction.TimedOut, transaction.Cancelled, transaction.Pending: // pending: its time ended while it was answered
		return phonewire.StateExpired
	}
	return phonewire.StateAlreadyAnswered
}

func (f *Flow) outcome(state string) phonewire.Outcome {
	return phonewire.Outcome{State: state, ServerTime: f.now().UnixMilli()}
}

// overtaken says what an answer is whose counter did not move forward: phone.ErrCounter, or phone.ErrReplaced when it went
// back. Then two apps use the key, and it is ended (AC-083): the person pairs again.
func (f *Flow) overtaken(ctx context.Context, t transaction.Transaction, keyID string, counter int64) error {
	copied := false
	err := f.db.Write(ctx, func(st Store) error {
		copied = false
		if _, err := st.LockAccount(ctx, t.UserID); err != nil {
			return err
		}
		p, err := st.PhoneByID(ctx, t.PhoneID)
		if err != nil || p.KeyID != keyID {
			return lacking(err, phone.ErrReplaced)
		}
		k, err := st.KeyByID(ctx, keyID)
		if err != nil {
			return err
		}
		if counter == k.AnswerCounter {
			return phone.ErrCounter
		}
		// Of two requests that are open together the answers may arrive in the other order: no sign of a copy.
		if late, err := st.AnsweredSince(ctx, t.PhoneID, t.Created); err != nil || late {
			return cmp.Or(err, error(phone.ErrCounter))
		}
		copied = true
		return f.endCopied(ctx, st, p)
	})
	if err != nil || !copied {
		return err
	}
	f.logger.Warn("answer counter went back: key ended", "phone", t.PhoneID, "key", keyID)
	f.bell.Ring(flow.PhoneTopic(t.PhoneID))
	return phone.ErrReplaced
}

func (f *Flow) endCopied(ctx context.Context, st Store, p phone.Phone) error {
	if _, err := st.ForgetBrowsersOf(ctx, p.UserID); err != nil {
		return err
	}
	if err := st.UnbindKey(ctx, p.ID, phone.KeyCopied, f.now()); err != nil {
		return err
	}
	if err := f.tellLost(ctx, st, p); err != nil {
		return err
	}
	return f.journal().Act(ctx, st, audit.System, "phone_deactivate", p.UserID,
		map[string]any{"phone": p.ID, "key": p.KeyID, "cause": "answer counter went back"})
}

// forgetBrowsers is for a change of a user's factors (RULE-15). The user's row comes first, so that no sign-in
// that finishes at the same moment has its browser remembered after all.
func forgetBrowsers(ctx context.Context, st Store, userID string) error {
	if _, err := st.LockAccount(ctx, userID); err != nil {
		return err
	}
	_, err := st.ForgetBrowsersOf(ctx, userID)
	return err
}

// tellLost mails the user that a phone signs nobody in any more (AC-059).
func (f *Flow) tellLost(ctx context.Context, st Store, p phone.Phone) error {
	u, err := st.AccountByID(ctx, p.UserID)
	if err != nil || u.Email == "" {
		return err
	}
	set, err := st.LoadSettings(ctx)
	if err != nil || set.NoChangeMail {
		return err
	}
	return f.notices.Queue(ctx, st, flow.Notice{Kind: "device_removed", To: u.Email, Args: []any{"user", u.Username, "device", p.Name,
		"organization", set.Organization, "time", f.now()}})
}
