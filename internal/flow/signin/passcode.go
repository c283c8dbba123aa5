package signin

import (
	"context"
	"crypto/subtle"
	"strings"
	"time"

	"countersign/internal/base/otp"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/flow"
)

// Windows of decision 22.
const (
	passcodeDigits  = 6
	lookAhead       = 20
	resyncWindow    = 1000
	resyncCodes     = 3
	resyncTime      = 5 * time.Minute
	passcodePeriod  = 30 * time.Second
	passcodeTimeout = 1 // steps before and after now
)

func isPasscode(code string) bool { return len(code) == passcodeDigits && isDigits(code) }

// isBypassCode: a code of the help desk's own choice has 6 to 16 digits (F-33).
func isBypassCode(code string) bool { return len(code) >= 6 && len(code) <= 16 && isDigits(code) }

func isDigits(code string) bool { return strings.Trim(code, "0123456789") == "" }

// opened is a phone with its seed.
type opened struct {
	phone.Phone
	seed []byte
}

// tryPasscode tries a code against every app of the user and spends it on the first that fits. Only when it
// fits none it may be a step of a resynchronisation: so a thousand codes of each app are not made in vain, and
// one app's code starts no run on another.
func (f *Flow) tryPasscode(ctx context.Context, st flow.Store, userID, code string) (match, error) {
	phones, err := st.PhonesOf(ctx, userID)
	if err != nil {
		return match{}, err
	}
	var apps []opened
	for _, p := range phones {
		if !p.CanPasscode() {
			continue
		}
		seed, err := f.Keys.Open(phone.SeedPurpose, p.ID, p.OTP.Seed)
		if err != nil { // a moved or altered seed fails closed for this phone alone (AC-025)
			f.Log.Error("passcode seed does not open", "phone", p.ID)
			continue
		}
		ok, err := f.tryPhone(ctx, st, p, seed, code)
		if err != nil {
			return match{}, err
		}
		if ok {
			return matchOf(p), nil
		}
		apps = append(apps, opened{p, seed})
	}
	var again bool
	for _, a := range apps {
		if a.OTP.Type == "totp" {
			continue
		}
		ok, ahead, err := f.resync(ctx, st, a.Phone, a.seed, code)
		if err != nil {
			return match{}, err
		}
		if ok {
			return matchOf(a.Phone), nil
		}
		again = again || ahead
	}
	return match{again: again}, nil
}

func matchOf(p phone.Phone) match {
	return match{ok: true, factor: audit.FactorAppPasscode, phoneID: p.ID, device: p.Name, wayID: "code:" + p.ID}
}

// tryPhone looks in the window around the time or above the counter.
func (f *Flow) tryPhone(ctx context.Context, st flow.Store, p phone.Phone, seed []byte, code string) (bool, error) {
	if p.OTP.Type == "totp" {
		now := int64(otp.Step(f.Now(), passcodePeriod))
		for step := now - passcodeTimeout; step <= now+passcodeTimeout; step++ {
			if step > p.OTP.Counter && same(seed, step, code) {
				return st.SpendPasscode(ctx, p.ID, p.OTP.Counter, step, f.Now())
			}
		}
		return false, nil
	}
	for c := p.OTP.Counter; c <= p.OTP.Counter+lookAhead; c++ {
		if same(seed, c, code) {
			return st.SpendPasscode(ctx, p.ID, p.OTP.Counter, c+1, f.Now())
		}
	}
	return false, nil
}

// resync accepts the third of three consecutive codes far ahead (D-30); each of them is an attempt.
func (f *Flow) resync(ctx context.Context, st flow.Store, p phone.Phone, seed []byte, code string) (ok, again bool, err error) {
	now := f.Now()
	running := p.OTP.ResyncCount > 0 && now.Sub(p.OTP.ResyncSince) <= resyncTime
	if running && p.OTP.ResyncNext <= p.OTP.Counter+resyncWindow && same(seed, p.OTP.ResyncNext, code) {
		if p.OTP.ResyncCount+1 >= resyncCodes {
			ok, err = st.SpendPasscode(ctx, p.ID, p.OTP.Counter, p.OTP.ResyncNext+1, now)
			return ok, false, err
		}
		return false, true, st.SaveResync(ctx, p.ID, p.OTP.ResyncNext+1, p.OTP.ResyncCount+1, p.OTP.ResyncSince)
	}
	for c := p.OTP.Counter + lookAhead + 1; c <= p.OTP.Counter+resyncWindow; c++ {
		if same(seed, c, code) {
			return false, true, st.SaveResync(ctx, p.ID, c+1, 1, now)
		}
	}
	return false, false, nil
}

func same(seed []byte, counter int64, code string) bool {
	return subtle.ConstantTimeCompare([]byte(otp.HOTP(otp.SHA1, seed, uint64(counter), passcodeDigits)), []byte(code)) == 1
}
