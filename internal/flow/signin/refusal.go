package signin

import (
	"context"
	"strings"

	"countersign/internal/base/id"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/flow/factor"
)

// refuseByPolicy logs a proof that came when policy lets nobody in; it is not looked at. The sign-in's page then
// says why.
func (f *Flow) refuseByPolicy(ctx context.Context, s Session) error {
	err := f.db.Write(ctx, func(st Store) error {
		return f.record(ctx, st, s, entry{Result: audit.Denied, Reason: audit.DeniedByPolicy, Factor: audit.FactorNone, TxID: s.Login.TxID})
	})
	if err == nil {
		err = login.ErrStale
	}
	return err
}

// Reference is the start of the sign-in's txid, by which the help desk finds it in the log: "Q7KX-44M8".
func (s Session) Reference() string { return Reference(s.Login.TxID) }

// Reference is the reference of the sign-in with that txid; empty for none.
func Reference(txid string) string {
	if len(txid) < 8 {
		return ""
	}
	return strings.ToUpper(txid[:4] + "-" + txid[4:8])
}

// noted is how long a refused request stands for those after it: who asks on and on fills no log (RULE-13).
const noted = MissedWindow

// noteRefused logs a request that was not sent: too many are open or went unanswered, or it must carry a number that
// its door cannot show. One row for a person, an application and a reason stands for all within noted; the user's row
// is locked, so that holds over all nodes.
func (f *Flow) noteRefused(ctx context.Context, st Store, s Session, by *factor.Factor, reason string) error {
	recent, err := st.Authentications(ctx, audit.Query{User: s.Login.Username, Application: s.Application.ID,
		Result: audit.Denied, Reason: reason, Since: f.now().Add(-noted), Limit: 1})
	if err != nil || len(recent) > 0 {
		return err
	}
	txID := s.Login.TxID
	if txID == "" {
		txID = id.UUID(f.rand)
	}
	return f.record(ctx, st, s, entry{Result: audit.Denied, Reason: reason, Factor: by.Log, TxID: txID})
}

// refuseNumber logs a request that a door without a number may not send.
func (f *Flow) refuseNumber(ctx context.Context, s Session, by *factor.Factor) error {
	err := f.db.Write(ctx, func(st Store) error {
		if _, err := st.LockAccount(ctx, s.User.ID); err != nil {
			return err
		}
		return f.noteRefused(ctx, st, s, by, audit.FactorRestricted)
	})
	if err == nil {
		err = ErrNumber
	}
	return err
}
