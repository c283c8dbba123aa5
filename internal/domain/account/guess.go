package account

import (
	"context"
	"time"
)

// Guesses is what the wrong codes tried on one authenticator amount to: on the app of a phone, or on a code of the help
// desk.
type Guesses struct {
	InARow int       // wrong codes since its own last right one
	Chance int64     // that one of those of the last year was right, in billionths
	Warned time.Time // when its owner was told last that half of a limit is used up
	Off    time.Time // since when its codes are off; zero: they are on
}

// Limits of RULE-43. At the first of them the codes of an authenticator are off.
const (
	MaxInARow = 100
	MaxChance = Certain / 1000
	Certain   = 1_000_000_000
	GuessDays = 366 // how long a guess counts
)

// WarnAgain is how long nobody is told again that half is used up.
const WarnAgain = 7 * 24 * time.Hour

// Full reports that there is no room for another guess of that chance.
func (g Guesses) Full(chance int64) bool { return g.InARow >= MaxInARow || g.Chance+chance > MaxChance }

// HalfWay reports that half of a limit is used up.
func (g Guesses) HalfWay() bool { return g.InARow >= MaxInARow/2 || g.Chance >= MaxChance/2 }

// Percent is how much of the chance that is allowed is used up.
func (g Guesses) Percent() int { return int(g.Chance * 100 / MaxChance) }

// Source is what makes a code.
type Source string

const (
	App  Source = "app"  // the app on a phone
	Desk Source = "desk" // the help desk
)

// Guess is a code that counts as wrong on one authenticator until it is found right.
type Guess struct {
	On      Source
	ID      string // of the phone, or of the help desk's code
	Chance  int64  // of being right, in billionths
	LoginID string // the browser sign-in it came in; "" = a door that has none
	Time    time.Time
}

// GuessStore keeps what guesses amount to. Whoever counts has locked the owner's row.
type GuessStore interface {
	// CountGuess adds a guess and gives what all amount to. False, and nothing is counted, when there is no room for it or
	// the codes are off: such a code must not be looked at.
	CountGuess(ctx context.Context, g Guess) (Guesses, bool, error)
	// ReturnGuess undoes CountGuess for a code that was right after all.
	ReturnGuess(ctx context.Context, g Guess) error
	// ForgiveGuesses takes back what a browser sign-in added to the authenticators of one source.
	ForgiveGuesses(ctx context.Context, on Source, loginID string) error
	// TurnCodesOff does so when there is no room for another guess like g, and gives what all amount to. False when there is, or
	// they are off already.
	TurnCodesOff(ctx context.Context, g Guess) (Guesses, bool, error)
	// WarnOfGuesses notes that the owner is told. False when that was so within WarnAgain.
	WarnOfGuesses(ctx context.Context, g Guess) (bool, error)
	// ForgetGuesses starts an authenticator afresh.
	ForgetGuesses(ctx context.Context, on Source, id string) error
	// SweepGuesses deletes those that count no longer.
	SweepGuesses(ctx context.Context, now time.Time) (int64, error)
}
