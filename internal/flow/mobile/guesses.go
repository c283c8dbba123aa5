package mobile

import (
	"context"
	"errors"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/quota"
)

// MaxGuesses is how many wrong typed pairing codes one address may send in GuessWindow. A typed code has 40
// bits, so even at this rate from many addresses a live one is not found within its ten minutes. Codes of links
// have 128 and are not limited: people who share an address do not shut each other out.
const (
	MaxGuesses  = 20
	GuessWindow = 10 * time.Minute
)

// ErrGuesses reports an address that sent too many wrong codes.
var ErrGuesses = errs.New(errs.Limited, "rate.limit")

// What is limited, per address and per phone.
var (
	GuessQuota  = quota.Quota{Name: "typed_code", Most: MaxGuesses, Window: GuessWindow}
	TestQuota   = quota.Quota{Name: "test_alert", Most: 1, Window: 10 * time.Second}
	ReportQuota = quota.Quota{Name: "change_report", Most: 1, Window: 10 * time.Second}
)

// errRight ends the change of a typed code that is no wrong one: it is not counted.
var errRight = errs.New(errs.Invalid, "activation.right")

// look finds the activation of a code that an app sent from an address. A typed code is counted before it is looked up, in
// the same change, so that of many at once no more are looked up than may be.
func (f *Flow) look(ctx context.Context, code, from string) (act activation.Activation, err error) {
	if len(code) != typedLength {
		return f.find(ctx, f.db.Read(), code)
	}
	now := f.now()
	if left, err := f.db.Read().QuotaLeft(ctx, GuessQuota, from, now); err != nil || !left { // a flood writes nothing
		return act, limited(err)
	}
	var found error
	err = f.db.Write(ctx, func(st Store) error {
		if ok, err := st.TakeQuota(ctx, GuessQuota, from, now); err != nil || !ok {
			return limited(err)
		}
		if act, found = f.find(ctx, st, code); errors.Is(found, activation.ErrExpired) {
			return nil
		}
		return errRight
	})
	if err == nil || errors.Is(err, errRight) {
		err = found
	}
	return act, err
}

// take counts an event of a phone in a change. ErrGuesses.
func take(ctx context.Context, st Store, q quota.Quota, phoneID string, now time.Time) error {
	ok, err := st.TakeQuota(ctx, q, phoneID, now)
	if err != nil || !ok {
		return limited(err)
	}
	return nil
}

// limited is err, or ErrGuesses when there is none.
func limited(err error) error {
	if err != nil {
		return err
	}
	return ErrGuesses
}
