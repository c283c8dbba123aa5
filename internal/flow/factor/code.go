package factor

import (
	"context"
	"slices"
	"strings"
	"time"

	"countersign/internal/domain/bypass"
	"countersign/internal/domain/phone"
)

// Code is how a factor tries codes.
type Code interface {
	// Fit finds out what it can of a code before the database transaction in which the code is spent: everything slow
	// stands here. It spends nothing. False: the code is none of this factor's.
	Fit(ctx context.Context, t Tools, st Store, o Owner, code string) (Hit, bool, error)
	// Again looks at a code that no hit has spent, as things are within the database transaction: an attempt has been
	// counted and the account's row is locked.
	Again(ctx context.Context, t Tools, st Store, o Owner, code string) (Match, error)
}

// Store is what trying codes reads and writes.
type Store interface {
	LiveBypassCodes(ctx context.Context, userID string, now time.Time) ([]bypass.Code, error)
	SpendBypassCode(ctx context.Context, userID string, digest []byte, now time.Time) (id string, ok bool, err error)
	PhonesOf(ctx context.Context, userID string) ([]phone.Phone, error)
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

	Log   string // its factor's name in the log
	WayID string // remembered as the way used last; "" = not remembered
}

func (m Match) of(f *Factor) Match {
	m.Log = f.Log
	if m.PhoneID != "" {
		m.WayID = f.WayID(m.PhoneID)
	}
	return m
}

// Hit is what a code may be, as things were read a moment ago.
type Hit struct {
	Match
	// Sure uses up a code that was found right, in one conditional statement: when it was spent meanwhile, that ends the
	// change. nil: only Spend tells whether the code is right.
	Sure func(ctx context.Context, st Store, now time.Time) error
	// Spend uses up a code that may be right, in one conditional statement, and names the authenticator. False when it is not
	// right, or not any more.
	Spend func(ctx context.Context, st Store, now time.Time) (authenticator string, ok bool, err error)
}

// Fit lists what a code may be, the weakest factor first: the rarest, and each of them is spent by one statement. code is
// in its one spelling.
func Fit(ctx context.Context, t Tools, st Store, o Owner, code string) ([]Hit, error) {
	var hits []Hit
	for _, f := range slices.Backward(list) {
		if !f.Takes() || !f.Allowed(o.Policy) {
			continue
		}
		h, ok, err := f.Code.Fit(ctx, t, st, o, code)
		if err != nil {
			return nil, err
		}
		if ok {
			h.Match = h.Match.of(f)
			h.OK = true
			hits = append(hits, h)
		}
	}
	return hits, nil
}

// Try spends a code as one of its hits or, when none of them can, as whatever it is by now.
func Try(ctx context.Context, t Tools, st Store, o Owner, code string, hits []Hit) (Match, error) {
	for _, h := range hits {
		if h.Spend == nil { // its factor looks again, at its devices as they are now
			continue
		}
		authenticator, ok, err := h.Spend(ctx, st, t.Now())
		if err != nil || ok {
			h.Authenticator = authenticator
			return h.Match, err
		}
	}
	for _, f := range slices.Backward(list) {
		if !f.Takes() || !f.Allowed(o.Policy) {
			continue
		}
		m, err := f.Code.Again(ctx, t, st, o, code)
		if err != nil || m.OK || m.Again {
			return m.of(f), err
		}
	}
	return Match{}, nil
}

func isDigits(code string) bool { return strings.Trim(code, "0123456789") == "" }
