package signin

import (
	"context"
	"errors"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
)

// Report takes a person's word that a request was not theirs, whenever it comes: after another answer, too late, or with an
// old counter. It is logged and mailed, once, and what the sign-in opened ends (M-13). with runs first inside the change, as
// that of Answer. The request is returned as it is then.
func (f *Flow) Report(ctx context.Context, txID string, with func(flow.Snapshot) error) (transaction.Transaction, error) {
	var t transaction.Transaction
	var gone []string
	err := f.db.Write(ctx, func(st Store) error {
		v, err := st.LockRequest(ctx, txID)
		if err != nil {
			return err
		}
		if err := with(v); err != nil {
			return err
		}
		t = v.Request
		s, p := sessionOf(v)
		switch {
		case t.State == transaction.Fraud:
			return nil
		case t.State == transaction.Pending && f.now().Before(t.Expires):
			t.State, err = f.settle(ctx, st, v, transaction.Fraud)
			return err
		}
		if err := st.ReportTransaction(ctx, t.ID, f.now()); err != nil {
			return err
		}
		e := entryOf(t, p, transaction.Fraud)
		if s.Login.TxID != "" {
			e.TxID = s.Login.TxID
		}
		if err := f.record(ctx, st, s, e); err != nil {
			return err
		}
		if t.LoginID != "" {
			if err := st.BumpLogin(ctx, t.LoginID); err != nil {
				return err
			}
		}
		gone, err = f.notTheirs(ctx, st, s, t)
		return err
	})
	if errors.Is(err, transaction.ErrDecided) { // it was reported before
		return t, nil
	}
	if err == nil {
		f.bell.Ring(append(gone, flow.LoginTopic(t.LoginID), flow.PhoneTopic(t.PhoneID), flow.OutboxTopic)...)
	}
	return t, err
}

// notTheirs ends what a sign-in opened that its person says was not theirs: the account is signed out everywhere, and a phone
// that was paired from it signs nobody in any more. The desk that looks after sign-ins is mailed. It names who waits for that.
func (f *Flow) notTheirs(ctx context.Context, st Store, s Session, t transaction.Transaction) (topics []string, err error) {
	if err := st.RaiseEpoch(ctx, t.UserID); err != nil {
		return nil, err
	}
	if _, err := st.ForgetBrowsersOf(ctx, t.UserID); err != nil {
		return nil, err
	}
	paired, err := st.ClaimedFrom(ctx, t.LoginID)
	if err != nil {
		return nil, err
	}
	for _, a := range paired {
		p, err := st.PhoneByID(ctx, a.PhoneID)
		if errors.Is(err, phone.ErrUnknown) || err == nil && (p.UserID != t.UserID || p.KeyID == "" || !p.Activated.Equal(a.Claimed) || p.ID == t.PhoneID) {
			continue // removed or paired anew since; or the phone that says so
		}
		if err != nil {
			return nil, err
		}
		if err := st.UnbindKey(ctx, p.ID, phone.KeyRemoved, f.now()); err != nil {
			return nil, err
		}
		if err := f.journal().Act(ctx, st, audit.System, "phone_deactivate", s.User.Username,
			map[string]any{"phone": p.ID, "name": p.Name, "cause": "paired from a sign-in that was reported"}); err != nil {
			return nil, err
		}
		topics = append(topics, flow.PhoneTopic(p.ID))
	}
	return topics, f.reportFraud(ctx, st, s)
}
