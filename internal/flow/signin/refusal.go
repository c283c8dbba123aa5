package signin

import (
	"context"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// Refusal is why the person may not go on now, nil when they may. The present status counts, not the one at
// the start.
func (s Session) Refusal() *errs.Error {
	switch s.User.Status {
	case user.LockedOut:
		if at := s.User.UnlocksAt(s.Settings.LockoutMinutes); !at.IsZero() {
			return errs.New(errs.Forbidden, "user.locked.until").Arg("time", at)
		}
		return errs.New(errs.Forbidden, "user.locked")
	case user.Disabled:
		return errs.New(errs.Forbidden, "user.disabled")
	case user.PendingDeletion:
		return errs.New(errs.Forbidden, "user.trash")
	}
	if s.Login.Stage == login.Open && s.closed() {
		return errs.New(errs.Forbidden, "way.denied")
	}
	if s.Login.Stage != login.Refused {
		return nil
	}
	switch s.Login.Reason {
	case audit.LockedOut:
		return errs.New(errs.Forbidden, "user.locked")
	case audit.UserDisabled:
		return errs.New(errs.Forbidden, "user.disabled")
	case audit.NoActivatedAccount:
		return errs.New(errs.Forbidden, "user.lost")
	case audit.FactorRestricted:
		return errs.New(errs.Forbidden, "way.none")
	case audit.DenyUnenrolledUser:
		if strings.ContainsAny(s.Login.Username, "@\\") && s.Policy.NewUser != policy.NewUserDeny {
			return errs.New(errs.Forbidden, "user.name.similar")
		}
		return errs.New(errs.Forbidden, "user.unenrolled")
	}
	return errs.New(errs.Forbidden, "way.denied")
}

// NoWay says why nothing but a code of the help desk is left.
func (s Session) NoWay() *errs.Error {
	switch {
	case s.Login.Reason == audit.NoActivatedAccount:
		return errs.New(errs.Forbidden, "user.lost")
	case !s.Person().CanProve():
		return errs.New(errs.Forbidden, "user.codes")
	}
	return errs.New(errs.Forbidden, "way.none")
}

// closed reports that policy lets nobody in now, whatever it said when the sign-in began (AC-034).
func (s Session) closed() bool {
	return s.Policy.Authentication == policy.AuthenticationDeny && s.Application.Type != application.TypePortal
}

// refuseByPolicy logs a proof that came when policy lets nobody in; it is not looked at. The sign-in's page then
// says why.
func (f *Flow) refuseByPolicy(ctx context.Context, s Session) error {
	err := f.DB.Write(ctx, func(st flow.Store) error {
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

// noted is how long a refused request stands for those after it: who asks on and on fills no log (security 4.4).
const noted = MissedWindow

// noteRefused logs a request that was not sent: too many are open or went unanswered, or it must carry a number that
// its door cannot show. One row for a person, an application and a reason stands for all within noted; the user's row
// is locked, so that holds over all nodes.
func (f *Flow) noteRefused(ctx context.Context, st flow.Store, s Session, by *factor.Factor, reason string) error {
	recent, err := st.Authentications(ctx, audit.Query{User: s.Login.Username, Application: s.Application.ID,
		Result: audit.Denied, Reason: reason, Since: f.Now().Add(-noted), Limit: 1})
	if err != nil || len(recent) > 0 {
		return err
	}
	txID := s.Login.TxID
	if txID == "" {
		txID = id.UUID(f.Rand)
	}
	return f.record(ctx, st, s, entry{Result: audit.Denied, Reason: reason, Factor: by.Log, TxID: txID})
}

// refuseNumber logs a request that a door without a number may not send.
func (f *Flow) refuseNumber(ctx context.Context, s Session, by *factor.Factor) error {
	err := f.DB.Write(ctx, func(st flow.Store) error {
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
