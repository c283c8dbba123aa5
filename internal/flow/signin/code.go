package signin

import (
	"context"
	"strings"

	"golang.org/x/text/unicode/norm"

	"countersign/internal/base/errs"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
)

var (
	// ErrCodeWrong is the one answer to a wrong, used, expired or unknown code (X-14 … X-16).
	ErrCodeWrong = errs.New(errs.Denied, "code.wrong")
	// ErrCodeAgain asks for the next code of the same phone: the last one was valid but far ahead (D-30).
	ErrCodeAgain = errs.New(errs.Denied, "code.resync")
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

// match is what a code turned out to be.
type match struct {
	ok      bool
	again   bool // a step of a resynchronisation
	factor  string
	phoneID string
	device  string
	wayID   string // remembered as the way used last; "" = not remembered
}

// Code implements Interface. A failure is counted before the code is looked at and taken back by a success,
// all in one database transaction, so parallel guesses never get more looks than the limit (AC-005).
func (f *Flow) Code(ctx context.Context, s Session, typed string, purpose transaction.Purpose) error {
	if !f.open(s, purpose) {
		return login.ErrStale
	}
	code := CleanCode(typed)
	candidate, err := f.bypassCandidate(ctx, s, code)
	if err != nil {
		return err
	}
	var outcome error
	err = f.DB.Write(ctx, func(st flow.Store) error {
		outcome = nil
		u, err := st.ReserveAttempt(ctx, s.User.ID, s.Settings.LockoutThreshold)
		if err != nil {
			return err
		}
		s := s
		s.User = u
		m, err := f.try(ctx, st, s, code, candidate)
		if err != nil {
			return err
		}
		if !m.ok {
			outcome = ErrCodeWrong
			if m.again {
				outcome = ErrCodeAgain
			}
			return f.wrongCode(ctx, st, s)
		}
		return f.rightCode(ctx, st, s, m, purpose)
	})
	if err != nil {
		return err
	}
	f.Bell.Ring(flow.LoginTopic(s.Login.ID))
	if s.Transaction.ID != "" {
		f.Bell.Ring(flow.PhoneTopic(s.Transaction.PhoneID))
	}
	return outcome
}

// bypassCandidate computes the slow digest outside the database transaction, and only when the code has the
// shape of a bypass code and the user holds a live one.
func (f *Flow) bypassCandidate(ctx context.Context, s Session, code string) ([]byte, error) {
	if len(code) <= passcodeDigits || len(code) > 64 {
		return nil, nil
	}
	live, err := f.DB.Read().LiveBypassCodes(ctx, s.User.ID, f.Now())
	if err != nil || len(live) == 0 {
		return nil, err
	}
	return f.Keys.SlowDigest(bypass.DigestPurpose, s.User.Salt, code), nil
}

// try looks for the code among everything the user could mean by it.
func (f *Flow) try(ctx context.Context, st flow.Store, s Session, code string, candidate []byte) (match, error) {
	if candidate != nil {
		_, ok, err := st.SpendBypassCode(ctx, s.User.ID, candidate, f.Now())
		if err != nil || ok {
			return match{ok: ok, factor: audit.FactorBypassCode}, err
		}
	}
	if s.Policy.Allows(policy.MethodPasscode) && isPasscode(code) {
		return f.tryPasscode(ctx, st, s.User.ID, code)
	}
	return match{}, nil
}

func (f *Flow) rightCode(ctx context.Context, st flow.Store, s Session, m match, purpose transaction.Purpose) error {
	if s.Login.TransactionID != "" { // another way was taken: the open request goes quietly
		open, err := st.OpenTransactionsOf(ctx, "", s.Login.ID, "")
		if err != nil {
			return err
		}
		for _, t := range open {
			if _, err := st.DecideTransaction(ctx, t.ID, transaction.Cancelled, f.Now()); err != nil {
				return err
			}
		}
	}
	proof := login.Proof{Factor: m.factor, Reason: audit.ValidPasscode, PhoneID: m.phoneID}
	if err := f.prove(ctx, st, s, purpose, proof, m.wayID); err != nil {
		return err
	}
	return f.record(ctx, st, s, entry{Result: audit.Success, Reason: audit.ValidPasscode, Factor: m.factor,
		TxID: s.Login.TxID, DeviceID: m.phoneID, Device: m.device})
}

func (f *Flow) wrongCode(ctx context.Context, st flow.Store, s Session) error {
	if err := f.record(ctx, st, s, entry{Result: audit.Denied, Reason: audit.InvalidPasscode, Factor: audit.FactorPasscode, TxID: s.Login.TxID}); err != nil {
		return err
	}
	return f.lockOutAt(ctx, st, s, s.User)
}
