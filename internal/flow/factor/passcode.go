package factor

import (
	"context"
	"crypto/subtle"
	"time"

	"countersign/internal/base/otp"
	"countersign/internal/domain/account"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
)

// passcode is a code that the app on a phone makes without a network.
var passcode = &Factor{
	Name: policy.MethodPasscode, Prefix: "code",
	Log:       audit.FactorAppPasscode,
	Remembers: true,
	Lives:     ofPhone(phone.Phone.MakesCodes),
	Devices:   onPhones(phone.Phone.MakesCodes),
	Code:      appCodes{},
	Source:    account.App,
	Page:      Page{Icon: "code", Row: "ways.code.app", Source: "app"},
}

// Windows of RULE-22.
const (
	passcodeDigits  = 6
	lookAhead       = 5
	resyncWindow    = 1000
	resyncCodes     = 3
	resyncTime      = 5 * time.Minute
	passcodePeriod  = 30 * time.Second
	passcodeTimeout = 1 // steps before and after now
)

func isPasscode(code string) bool { return len(code) == passcodeDigits && isDigits(code) }

type appCodes struct{}

// Fit implements Code: it opens seeds and makes codes, to find the first of the owner's apps that the code fits.
func (appCodes) Fit(t Tools, o Owner, code string) (Hit, bool) { return fit(t, o.Phones, code) }

// Try implements Code for every app of the owner. Only when the code fits none it may be a step of a
// resynchronization: so a thousand codes of each app are not made in vain, and one app's code starts no run on another.
func (appCodes) Try(ctx context.Context, t Tools, st Store, o Owner, code string) (Match, error) {
	if !isPasscode(code) {
		return Match{}, nil
	}
	if h, ok := fit(t, o.Phones, code); ok {
		h.OK = true
		return h.Match, h.Sure(ctx, st, t.Now())
	}
	var again bool
	for _, p := range o.Phones {
		if !p.MakesCodes() || p.OTP.Type == "totp" {
			continue
		}
		seed, ok := t.seed(p)
		if !ok {
			continue
		}
		ok, ahead, err := resync(ctx, t, st, p, seed, code)
		if err != nil {
			return Match{}, err
		}
		if ok {
			return Match{OK: true, PhoneID: p.ID, Device: p.Name, Authenticator: p.KeyID}, nil
		}
		again = again || ahead
	}
	return Match{Again: again}, nil
}

// Tried implements Code. A thousand codes further on are no part of the chance: of those, one lets nobody in.
func (appCodes) Tried(_ context.Context, t Tools, _ Store, o Owner, code string) (all []Tried, err error) {
	if !isPasscode(code) {
		return nil, nil
	}
	for _, p := range o.Phones {
		if !p.MakesCodes() {
			continue
		}
		window := int64(lookAhead + 1)
		if p.OTP.Type == "totp" {
			window = 2*passcodeTimeout + 1
		}
		all = append(all, Tried{Guess: account.Guess{ID: p.ID, Chance: chanceOf(window, passcodeDigits)}, Device: p.Name})
	}
	return all, nil
}

// CodesOff names the phones of an owner whose codes would be taken, were they not off (RULE-43).
func CodesOff(o Owner) (names []string) {
	labels := phone.Labels(o.Phones)
	for _, p := range o.Phones {
		if p.CodesOff() && passcode.Allowed(o.Policy) {
			names = append(names, labels[p.ID])
		}
	}
	return names
}

func fit(t Tools, phones []phone.Phone, code string) (Hit, bool) {
	if !isPasscode(code) {
		return Hit{}, false
	}
	for _, p := range phones {
		if !p.MakesCodes() {
			continue
		}
		if seed, ok := t.seed(p); ok {
			if next, ok := inWindow(t.Now(), p, seed, code); ok {
				return Hit{Match: Match{PhoneID: p.ID, Device: p.Name, Authenticator: p.KeyID}, Sure: func(ctx context.Context, st Store, now time.Time) error {
					return st.SpendPasscode(ctx, p, next, now)
				}}, true
			}
		}
	}
	return Hit{}, false
}

// seed opens a phone's seed. A moved or altered one fails closed for this phone alone (AC-025).
func (t Tools) seed(p phone.Phone) ([]byte, bool) {
	seed, err := t.Keys.Open(phone.SeedPurpose, p.ID, p.OTP.Seed)
	if err != nil {
		t.Log.Error("passcode seed does not open", "phone", p.ID)
	}
	return seed, err == nil
}

// inWindow looks in the window around the time or above the counter. next is the counter that spends the code.
func inWindow(now time.Time, p phone.Phone, seed []byte, code string) (next int64, ok bool) {
	if p.OTP.Type == "totp" {
		at := int64(otp.Step(now, passcodePeriod))
		for step := at - passcodeTimeout; step <= at+passcodeTimeout; step++ {
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
func resync(ctx context.Context, t Tools, st Store, p phone.Phone, seed []byte, code string) (ok, again bool, err error) {
	now := t.Now()
	running := p.OTP.ResyncCount > 0 && now.Sub(p.OTP.ResyncSince) <= resyncTime
	if running && p.OTP.ResyncNext <= p.OTP.Counter+resyncWindow && same(seed, p.OTP.ResyncNext, code) {
		if p.OTP.ResyncCount+1 >= resyncCodes {
			return true, false, st.SpendPasscode(ctx, p, p.OTP.ResyncNext+1, now)
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
