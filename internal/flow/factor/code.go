package factor

import (
	"context"
	"slices"
	"strings"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/phone"
)

// Code is how a factor tries codes. Nothing here is slow.
type Code interface {
	// Fit finds out, before the change in which a code is spent, whether it is right as things were read a moment ago. It
	// reads and spends nothing.
	Fit(t Tools, o Owner, code string) (Hit, bool)
	// Try looks at a code, and spends it, as things are within the change: an attempt has been counted and the account's
	// row is locked.
	Try(ctx context.Context, t Tools, st Store, o Owner, code string) (Match, error)
	// Tried lists what a code is compared with. Each of them counts it, unless it turns out right.
	Tried(ctx context.Context, t Tools, st Store, o Owner, code string) ([]Tried, error)
}

// Slow is a Code that compares slow digests. Its Fit and Try find nothing: such a code is counted first, in a change of its
// own, then the digest is made, and another change spends it.
type Slow interface {
	Code
	Digest(ctx context.Context, t Tools, o Owner, code string) ([]byte, error)
	// Spend uses up a code that may be right, in one conditional statement.
	Spend(ctx context.Context, st Store, o Owner, digest []byte, now time.Time) (Match, error)
}

// Store is what trying codes reads and writes.
type Store interface {
	LiveBypassCodes(ctx context.Context, userID string, now time.Time) ([]bypass.Code, error)
	SpendBypassCode(ctx context.Context, userID string, digest []byte, now time.Time) (id string, ok bool, err error)
	SaveResync(ctx context.Context, phoneID string, next int64, count int, since time.Time) error
	SpendPasscode(ctx context.Context, p phone.Phone, next int64, now time.Time) error
}

// Match is what a code turned out to be. A factor says the first five; the others follow from them.
type Match struct {
	OK      bool
	Again   bool   // right, but not yet enough: the next code is asked for (D-30)
	PhoneID string // the device that made it, "" = none did
	Device  string // its name
	// Authenticator is what made the code: the key of the device's app, or the help desk's code, by ID.
	Authenticator string

	Log    string // its factor's name in the log
	WayID  string // remembered as the way used last; "" = not remembered
	Source account.Source
}

func (m Match) of(f *Factor) Match {
	m.Log, m.Source = f.Log, f.Source
	if m.PhoneID != "" {
		m.WayID = f.WayID(m.PhoneID)
	}
	return m
}

// Hit is a code that was right as things were read a moment ago.
type Hit struct {
	Match
	// Sure uses it up in one conditional statement: when it was spent meanwhile, that ends the change.
	Sure func(ctx context.Context, st Store, now time.Time) error
}

// Tried is one authenticator that a code is compared with.
type Tried struct {
	account.Guess
	Device string // its name, "" = it has none
	Slow   bool   // it is compared by Slowly alone
}

// takers are the factors whose codes an owner may use, the weakest first.
func takers(o Owner) (all []*Factor) {
	for _, f := range slices.Backward(list) {
		if f.Takes() && f.Allowed(o.Policy) {
			all = append(all, f)
		}
	}
	return all
}

// Fit finds what a code is, as things were read a moment ago. code is in its one spelling.
func Fit(t Tools, o Owner, code string) (Hit, bool) {
	for _, f := range takers(o) {
		if h, ok := f.Code.Fit(t, o, code); ok {
			h.Match = h.Match.of(f)
			h.OK = true
			return h, true
		}
	}
	return Hit{}, false
}

// Try spends a code as what it is by now. It does not ask those who are slow.
func Try(ctx context.Context, t Tools, st Store, o Owner, code string) (Match, error) {
	for _, f := range takers(o) {
		m, err := f.Code.Try(ctx, t, st, o, code)
		if err != nil || m.OK || m.Again {
			return m.of(f), err
		}
	}
	return Match{}, nil
}

// AllTried lists all that a code is compared with.
func AllTried(ctx context.Context, t Tools, st Store, o Owner, code string) (all []Tried, err error) {
	for _, f := range takers(o) {
		tried, err := f.Code.Tried(ctx, t, st, o, code)
		if err != nil {
			return nil, err
		}
		_, slow := f.Code.(Slow)
		for _, a := range tried {
			a.On, a.Slow = f.Source, slow
			all = append(all, a)
		}
	}
	return all, nil
}

// Slowly makes the slow digests of a code. What it gives spends the code, in a later change.
func Slowly(ctx context.Context, t Tools, o Owner, code string) (spend func(context.Context, Store, Owner) (Match, error), err error) {
	digests := map[*Factor][]byte{}
	for _, f := range takers(o) {
		if s, slow := f.Code.(Slow); slow {
			if digests[f], err = s.Digest(ctx, t, o, code); err != nil {
				return nil, err
			}
		}
	}
	return func(ctx context.Context, st Store, o Owner) (Match, error) {
		for _, f := range takers(o) {
			if s, slow := f.Code.(Slow); slow && digests[f] != nil {
				if m, err := s.Spend(ctx, st, o, digests[f], t.Now()); err != nil || m.OK {
					return m.of(f), err
				}
			}
		}
		return Match{}, nil
	}, nil
}

func isDigits(code string) bool { return strings.Trim(code, "0123456789") == "" }

// chanceOf is that of a guess among codes of so many digits, a number of which would be right, in billionths.
func chanceOf(right int64, digits int) int64 {
	all := int64(1)
	for range digits {
		all *= 10
	}
	return max(1, right*account.Certain/all)
}
