package account_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"countersign/internal/domain/account"
)

// The chances of one wrong code, in billionths: a counter's window of six, a clock's of three, a code of the help desk.
var kinds = map[string]int64{"hotp": 6000, "totp": 3000, "help desk, 6 digits": 1000, "help desk, 9 digits": 1}

// RULE-43: whoever has the password and may guess for ever is right with a chance of 1 in 1,000 at most, whatever the owner's
// own right codes do to the row of wrong ones.
func TestTheGuessesOfAYearAreRightOnceInAThousandAtMost(t *testing.T) {
	for kind, chance := range kinds {
		for _, ownerSignsIn := range []bool{false, true} {
			var g account.Guesses
			looks := int64(0)
			for !g.Full(chance) && looks < 2_000_000 {
				g.InARow, g.Chance, looks = g.InARow+1, g.Chance+chance, looks+1
				if ownerSignsIn && looks%9 == 0 {
					g.InARow = 0
				}
			}
			right := 1 - math.Pow(1-float64(chance)/account.Certain, float64(looks))
			if right > 1e-3 || float64(looks*chance) > account.MaxChance {
				t.Errorf("%s: %d looks are right with a chance of %g", kind, looks, right)
			}
			if !ownerSignsIn && looks > account.MaxInARow {
				t.Errorf("%s: %d looks in a row", kind, looks)
			}
		}
	}
}

// The same by throwing dice: a million attackers who never try a code twice, against six right ones.
func TestAMillionSimulatedAttackersAreRightOnceInAThousand(t *testing.T) {
	dice := rand.New(rand.NewPCG(43, 1))
	const attackers, looks = 1_000_000, account.MaxChance / 6000
	in := 0
	for range attackers {
		for range 6 {
			if dice.IntN(1_000_000) < looks {
				in++
				break
			}
		}
	}
	// The expectation is 995; three standard deviations are 95.
	if in > 1090 || in < 900 {
		t.Errorf("%d of a million attackers guessed right", in)
	}
}

// RULE-43: slips of the hand meet no limit. One in ten codes is mistyped, the second try too. Twenty sign-ins a day in a
// browser take back what they added; one a day at a terminal takes nothing back.
func TestAYearOfSlipsMeetsNoLimit(t *testing.T) {
	dice := rand.New(rand.NewPCG(43, 2))
	for kind, chance := range kinds {
		for person := range 500 {
			for where, browser := range map[string]bool{"browser": true, "terminal": false} {
				var g account.Guesses
				times := map[bool]int{true: 20 * account.GuessDays, false: account.GuessDays}[browser]
				for range times {
					slips := int64(0)
					for dice.IntN(10) == 0 {
						g.InARow, g.Chance, slips = g.InARow+1, g.Chance+chance, slips+1
						if g.Full(chance) || g.HalfWay() {
							t.Fatalf("%s, %s: person %d is told of %+v", kind, where, person, g)
						}
					}
					g.InARow = 0
					if browser {
						g.Chance -= slips * chance
					}
				}
			}
		}
	}
}
