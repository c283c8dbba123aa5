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
	"countersign/internal/flow"
)

var (
	// ErrMismatch reports an answer whose signed fields are not those of its request, or that the phone's present
	// key did not sign (AC-010).
	ErrMismatch = errs.New(errs.Denied, "answer.mismatch")
	// ErrCounter reports an answer whose counter equals the last one, or that a later one overtook: sign again with a
	// higher one.
	ErrCounter = errs.New(errs.Conflict, "answer.counter")
	// ErrAlertsOff reports a test alert for a phone that cannot be woken.
	ErrAlertsOff = errs.New(errs.Conflict, "alerts.off")
)

// Answer implements Mobile.
func (f *Flow) Answer(ctx context.Context, phoneID string, a phonewire.Answer) (phonewire.Outcome, error) {
	t, err := f.db.Read().TransactionByID(ctx, a.Transaction)
	if err != nil {
		return phonewire.Outcome{}, err
	}
	if t.PhoneID != phoneID {
		return phonewire.Outcome{}, transaction.ErrUnknown
	}
	signer, err := f.db.Read().PhoneByID(ctx, phoneID)
	if err != nil || signer.KeyID == "" {
		return phonewire.Outcome{}, lacking(err, phone.ErrRemoved)
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
	if t.State != transaction.Pending {
		return f.outcome(already(t)), nil
	}
	if !f.now().Before(t.Expires) {
		return f.outcome(phonewire.StateExpired), nil
	}
	var copied string
	done, err := f.signIn.Answer(ctx, t.ID, decided(t, a), func(ctx context.Context, st flow.AnswerStore) error {
		copied = ""
		p, err := st.PhoneByID(ctx, phoneID)
		if err != nil || p.KeyID == "" {
			return lacking(err, phone.ErrRemoved)
		}
		if p.KeyID != signer.KeyID {
			return phone.ErrReplaced
		}
		moved, err := st.AdvanceAnswerCounter(ctx, p.KeyID, a.Counter)
		if err != nil || moved {
			return err
		}
		k, err := st.KeyByID(ctx, p.KeyID)
		if err != nil {
			return err
		}
		if a.Counter == k.AnswerCounter {
			return ErrCounter
		}
		// Of two requests that are open together the answers may arrive in the other order: no sign of a copy.
		if late, err := st.AnsweredSince(ctx, phoneID, t.Created); err != nil || late {
			return cmp.Or(err, error(ErrCounter))
		}
		copied = p.KeyID
		return phone.ErrReplaced
	})
	if copied != "" {
		if err := f.endCopied(ctx, phoneID, copied); err != nil {
			return phonewire.Outcome{}, err
		}
	}
	if errors.Is(err, transaction.ErrDecided) {
		if t, err = f.db.Read().TransactionByID(ctx, t.ID); err != nil {
			return phonewire.Outcome{}, err
		}
		return f.outcome(already(t)), nil
	}
	if err != nil {
		return phonewire.Outcome{}, err
	}
	return f.outcome(states[done.State]), nil
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
	if t.State == transaction.TimedOut || t.State == transaction.Cancelled {
		return phonewire.StateExpired
	}
	return phonewire.StateAlreadyAnswered
}

func (f *Flow) outcome(state string) phonewire.Outcome {
	return phonewire.Outcome{State: state, ServerTime: f.now().UnixMilli()}
}

// endCopied ends a key whose answer counter went back: two apps use it (AC-083). The person pairs again.
func (f *Flow) endCopied(ctx context.Context, phoneID, keyID string) error {
	f.logger.Warn("answer counter went back: key ended", "phone", phoneID, "key", keyID)
	err := f.db.Write(ctx, func(st Store) error {
		p, err := st.PhoneByID(ctx, phoneID)
		if err != nil || p.KeyID != keyID {
			return err
		}
		if err := forgetBrowsers(ctx, st, p.UserID); err != nil {
			return err
		}
		if err := st.UnbindKey(ctx, phoneID, phone.KeyCopied, f.now()); err != nil {
			return err
		}
		if err := f.tellLost(ctx, st, p); err != nil {
			return err
		}
		return f.journal().Act(ctx, st, audit.System, "phone_deactivate", p.UserID,
			map[string]any{"phone": phoneID, "key": keyID, "cause": "answer counter went back"})
	})
	f.bell.Ring(flow.PhoneTopic(phoneID))
	return err
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
