package signin

import (
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
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

// Reference is the start of the sign-in's txid, by which the help desk finds it in the log: "Q7KX-44M8".
func (s Session) Reference() string { return Reference(s.Login.TxID) }

// Reference is the reference of the sign-in with that txid; empty for none.
func Reference(txid string) string {
	if len(txid) < 8 {
		return ""
	}
	return strings.ToUpper(txid[:4] + "-" + txid[4:8])
}
