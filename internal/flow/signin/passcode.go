package signin

import (
	"context"
	"crypto/subtle"
	"strings"
	"time"

	"countersign/internal/base/otp"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
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

// fitting is a phone, as it was read, that a code fits, and the counter that spends the code.
type fitting struct {
	phone.Phone
	next int64
	ok   bool
}

// fit finds the first of the user's apps that a code fits. It spends nothing: opening seeds and making codes is done
// before the database transaction, which then checks that the phone is still what it was.
func (f *Flow) fit(s Session, phones []phone.Phone, code string) fitting {
	if !s.Policy.Allows(policy.MethodPasscode) || !isPasscode(code) {
		return fitting{}
	}
	for _, p := range phones {
		if !p.MakesCodes() {
			continue
		}
		if seed, ok := f.seed(p); ok {
			if next, ok := f.inWindow(p, seed, code); ok {
				return fitting{p, next, true}
			}
		}
	}
	return fitting{}
}

// seed opens a phone's seed. A moved or altered one fails closed for this phone alone (AC-025).
func (f *Flow) seed(p phone.Phone) ([]byte, bool) {
	seed, err := f.Keys.Open(phone.SeedPurpose, p.ID, p.OTP.Seed)
	if err != nil {
		f.Log.Error("passcode seed does not open", "phone", p.ID)
	}
	return seed, err == nil
}

// spend uses up the code of a fitting phone; no match when it was used already, or the phone is another by now.
func (f *Flow) spend(ctx context.Context, st flow.Store, hit fitting) (match, error) {
	if !hit.ok {
		return match{}, nil
	}
	spent, err := st.SpendPasscode(ctx, hit.Phone, hit.next, f.Now())
	if err != nil || !spent {
		return match{}, err
	}
	return matchOf(hit.Phone), nil
}

// tryPasscode tries a code against every app of the user as it is now and spends it on the first that fits. Only
// when it fits none it may be a step of a resynchronisation: so a thousand codes of each app are not made in vain,
// and one app's code starts no run on another.
func (f *Flow) tryPasscode(ctx context.Context, st flow.Store, s Session, code string) (match, error) {
	phones, err := st.PhonesOf(ctx, s.User.ID)
	if err != nil {
		return match{}, err
	}
	if m, err := f.spend(ctx, st, f.fit(s, phones, code)); err != nil || m.ok {
		return m, err
	}
	var again bool
	for _, p := range phones {
		if !p.MakesCodes() || p.OTP.Type == "totp" {
			continue
		}
		seed, ok := f.seed(p)
		if !ok {
			continue
		}
		ok, ahead, err := f.resync(ctx, st, p, seed, code)
		if err != nil {
			return match{}, err
		}
		if ok {
			return matchOf(p), nil
		}
		again = again || ahead
	}
	return match{again: again}, nil
}

func matchOf(p phone.Phone) match {
	return match{ok: true, factor: audit.FactorAppPasscode, phoneID: p.ID, device: p.Name, wayID: "code:" + p.ID}
}

// inWindow looks in the window around the time or above the counter. next is the counter that spends the code.
func (f *Flow) inWindow(p phone.Phone, seed []byte, code string) (next int64, ok bool) {
	if p.OTP.Type == "totp" {
		now := int64(otp.Step(f.Now(), passcodePeriod))
		for step := now - passcodeTimeout; step <= now+passcodeTimeout; step++ {
			if step > p.OTP.Counter && same(seed, step, code) {
				return step, true
			}
		}
		return 0, false
	}
	for c := p.OTP.Counter; c <= p.OTP.Counter+lookAhead; c++ {
		if same(seed, c, code) {
			return c + 1, true
		}
	}
	return 0, false
}

// resync accepts the third of three consecutive codes far ahead (D-30); each of them is an attempt.
func (f *Flow) resync(ctx context.Context, st flow.Store, p phone.Phone, seed []byte, code string) (ok, again bool, err error) {
	now := f.Now()
	running := p.OTP.ResyncCount > 0 && now.Sub(p.OTP.ResyncSince) <= resyncTime
	if running && p.OTP.ResyncNext <= p.OTP.Counter+resyncWindow && same(seed, p.OTP.ResyncNext, code) {
		if p.OTP.ResyncCount+1 >= resyncCodes {
			ok, err = st.SpendPasscode(ctx, p, p.OTP.ResyncNext+1, now)
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
