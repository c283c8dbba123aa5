package signin

import (
	"context"
	"errors"
	"strings"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
)

// Report takes a person's word that a request was not theirs, whenever it comes: after another answer, too late, with an old
// counter, or from an app that was replaced since. It is logged and mailed, once, and what the sign-in opened ends (M-13). keyID is of
// the app that says so; with runs first inside the change, as that of Answer. The request is returned as it is then.
func (f *Flow) Report(ctx context.Context, txID, keyID string, with func(flow.Snapshot) error) (transaction.Transaction, error) {
	var t transaction.Transaction
	var gone []string
	ctx, cancel := flow.Through(ctx)
	defer cancel()
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
		if err := f.record(ctx, st, s, entryOf(s, t, p, transaction.Fraud)); err != nil {
			return err
		}
		if t.LoginID != "" {
			if err := st.BumpLogin(ctx, t.LoginID); err != nil {
				return err
			}
		}
		gone, err = f.notTheirs(ctx, st, s, t, keyID)
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

// notTheirs ends what a sign-in opened that its person says was not theirs: the account is signed out everywhere, and the phones
// that were paired from it, and by those, sign nobody in any more. The desk that looks after sign-ins is mailed. It names who waits
// for that.
func (f *Flow) notTheirs(ctx context.Context, st Store, s Session, t transaction.Transaction, keyID string) (topics []string, err error) {
	if err := st.RaiseEpoch(ctx, t.UserID); err != nil {
		return nil, err
	}
	if _, err := st.ForgetBrowsersOf(ctx, t.UserID); err != nil {
		return nil, err
	}
	ended, err := f.endPaired(ctx, st, s, t, keyID)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range ended {
		topics, names = append(topics, flow.PhoneTopic(p.ID)), append(names, p.Name)
	}
	kind := "fraud_reported"
	switch {
	case len(names) > 0:
		kind = "fraud_reported_devices"
	case t.State == transaction.Approved:
		kind = "fraud_reported_late"
	}
	return topics, f.tell(ctx, st, s, kind, strings.Join(names, ", "), s.Settings.FraudEmail)
}

// endPaired disconnects the phones that were paired from a sign-in, those that were paired by their proofs, and so on. An app
// that the person has in hand, the one with keyID, stays.
func (f *Flow) endPaired(ctx context.Context, st Store, s Session, t transaction.Transaction, keyID string) (ended []phone.Phone, err error) {
	paired, err := st.ClaimedFrom(ctx, t.LoginID)
	for i := 0; err == nil && i < len(paired); i++ {
		p, err := st.PhoneByID(ctx, paired[i].PhoneID)
		if err != nil && !errors.Is(err, phone.ErrUnknown) {
			return nil, err
		}
		more, err := st.ClaimedBy(ctx, paired[i].KeyID)
		if err != nil {
			return nil, err
		}
		paired = append(paired, more...)
		if p.UserID != t.UserID || p.KeyID != paired[i].KeyID || p.KeyID == keyID {
			continue // removed or paired anew since; or the app that says so
		}
		if err := st.UnbindKey(ctx, p.ID, phone.KeyRemoved, f.now()); err != nil {
			return nil, err
		}
		if err := f.journal().Act(ctx, st, audit.System, "phone_deactivate", s.User.Username,
			map[string]any{"phone": p.ID, "name": p.Name, "cause": "paired from a sign-in that was reported"}); err != nil {
			return nil, err
		}
		ended = append(ended, p)
	}
	return ended, err
}
