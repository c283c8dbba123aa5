package signin

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/flow/factor"
)

// ErrPolicy reports a proof, or a request for one, that came when policy lets nobody in, or whose application is off or
// gone. It is not looked at.
var ErrPolicy = errs.New(errs.Denied, "way.denied")

// refuseByPolicy logs that, inside a change.
func (f *Flow) refuseByPolicy(ctx context.Context, st Store, s Session) error {
	return f.record(ctx, st, s, entry{Result: audit.Denied, Reason: audit.DeniedByPolicy, Factor: audit.FactorNone, TxID: f.txID(s)})
}

// txID is the one of a session; a request without a browser has none before it is sent.
func (f *Flow) txID(s Session) string {
	if s.Login.TxID != "" {
		return s.Login.TxID
	}
	return id.UUID(f.rand)
}

// refusals runs a change. A refusal is an answer: what was found out with it, such as the log row, stays written.
func (f *Flow) refusals(ctx context.Context, change func(Store) error) error {
	var refused error
	err := f.db.Write(ctx, func(st Store) error {
		refused = nil
		err := change(st)
		if errors.Is(err, ErrPolicy) || errors.Is(err, ErrNumber) || errors.Is(err, ErrPushLimit) || errors.Is(err, ErrPushStorm) {
			refused, err = err, nil
		}
		return err
	})
	return cmp.Or(err, refused)
}

// stale is an error as a prompt has it: where policy refuses, the sign-in's own page says why.
func stale(err error) error {
	if errors.Is(err, ErrPolicy) {
		return login.ErrStale
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
	return f.record(ctx, st, s, entry{Result: audit.Denied, Reason: reason, Factor: by.Log, TxID: f.txID(s)})
}
