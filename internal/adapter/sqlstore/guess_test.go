package sqlstore

import (
	"testing"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/flow"
)

// RULE-43
func TestGuesses(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		write(t, db, func(s flow.Store) error {
			for _, id := range []string{"DP1", "DP2"} {
				if err := s.CreatePhone(ctx, phone.Phone{ID: id, UserID: "DU1", Name: id, Created: noon}); err != nil {
					return err
				}
			}
			return s.CreateBypassCode(ctx, bypass.Code{ID: "DB1", UserID: "DU1", Digest: []byte("d"), UsesLeft: bypass.Unlimited, Created: noon, Digits: 6})
		})
		of := func(id string) account.Guesses {
			t.Helper()
			if id == "DB1" {
				live := got[[]bypass.Code](t)(db.Read().LiveBypassCodes(ctx, "DU1", noon))
				return live[0].Guesses
			}
			return got[phone.Phone](t)(db.Read().PhoneByID(ctx, id)).Guesses
		}
		guess := func(id, login string, chance int64, when time.Time) account.Guess {
			g := account.Guess{On: account.App, ID: id, Chance: chance, LoginID: login, Time: when}
			if id == "DB1" {
				g.On = account.Desk
			}
			return g
		}
		count := func(g account.Guess) bool {
			t.Helper()
			return wrote(t, db, func(s flow.Store) (bool, error) {
				_, ok, err := s.CountGuess(ctx, g)
				return ok, err
			})
		}
		day := 24 * time.Hour
		for _, id := range []string{"DP1", "DB1"} {
			same(t, "first", count(guess(id, "L1", 6000, noon)), true)
			same(t, "same sign-in", count(guess(id, "L1", 6000, noon)), true)
			same(t, "another", count(guess(id, "L2", 6000, noon)), true)
			same(t, "no sign-in", count(guess(id, "", 6000, noon)), true)
			same(t, "sum", of(id), account.Guesses{InARow: 4, Chance: 24000})
			write(t, db, func(s flow.Store) error { return s.ReturnGuess(ctx, guess(id, "", 6000, noon)) })
			same(t, "one returned", of(id), account.Guesses{InARow: 3, Chance: 18000})
		}
		count(guess("DP2", "L1", 6000, noon))
		write(t, db, func(s flow.Store) error { return s.ForgiveGuesses(ctx, account.App, "L1") })
		same(t, "what a sign-in added is taken back", []account.Guesses{of("DP1"), of("DP2")}, []account.Guesses{{InARow: 1, Chance: 6000}, {}})
		same(t, "of that source alone", of("DB1"), account.Guesses{InARow: 3, Chance: 18000})
		write(t, db, func(s flow.Store) error { return s.ForgiveGuesses(ctx, account.App, "L1") })
		same(t, "once", of("DP1"), account.Guesses{InARow: 1, Chance: 6000})

		// A year: what is older falls out of the sum, and is swept.
		count(guess("DP1", "", 1000, noon.Add(365*day)))
		same(t, "a year less a day later", of("DP1").Chance, int64(7000))
		count(guess("DP1", "", 1000, noon.Add(367*day)))
		same(t, "a year and a day later", of("DP1").Chance, int64(2000))
		same(t, "swept", wrote(t, db, func(s flow.Store) (int64, error) { return s.SweepGuesses(ctx, noon.Add(367*day)) }), int64(5))

		// The last room, and then none.
		last := guess("DP1", "", account.MaxChance-2000, noon.Add(367*day))
		same(t, "all of the chance", count(last), true)
		same(t, "no more", count(guess("DP1", "", 1, last.Time)), false)
		off := func(g account.Guess) bool {
			return wrote(t, db, func(s flow.Store) (bool, error) {
				sum, ok, err := s.TurnCodesOff(ctx, g)
				if ok {
					same(t, "what they amount to", []bool{sum.InARow > 0 || sum.Chance > 0, sum.Off.Equal(g.Time)}, []bool{true, true})
				}
				return ok, err
			})
		}
		warn := func(g account.Guess) bool {
			return wrote(t, db, func(s flow.Store) (bool, error) { return s.WarnOfGuesses(ctx, g) })
		}
		same(t, "warned", warn(last), true)
		same(t, "warned already", warn(guess("DP1", "", 1, last.Time.Add(6*day))), false)
		same(t, "warned again", warn(guess("DP1", "", 1, last.Time.Add(7*day))), true)
		same(t, "room for it", off(guess("DP2", "", 6000, noon)), false)
		same(t, "off", off(last), true)
		same(t, "off already", off(last), false)
		same(t, "since", of("DP1").Off, last.Time)
		same(t, "nothing is counted where codes are off", count(guess("DP1", "", 0, last.Time)), false)
		write(t, db, func(s flow.Store) error { return s.ForgetGuesses(ctx, account.App, "DP1") })
		same(t, "afresh", of("DP1"), account.Guesses{})
		same(t, "and its days too", count(guess("DP1", "", account.MaxChance, last.Time)), true)

		// Codes that are off are spent by nobody.
		bind := func(key string) {
			write(t, db, func(s flow.Store) error {
				return s.BindKey(ctx, phone.Phone{ID: "DP1", OTP: phone.OTP{Type: "hotp", Seed: []byte("s")}}, phone.Key{ID: key, UserID: "DU1", SPKI: []byte(key), Created: noon})
			})
		}
		bind("k1")
		same(t, "another key begins anew", of("DP1"), account.Guesses{})
		row := got[phone.Phone](t)(db.Read().PhoneByID(ctx, "DP1"))
		spend := func(next int64) bool {
			return took(t, db, phone.ErrCodeSpent, func(s flow.Store) error { return s.SpendPasscode(ctx, row, next, noon) })
		}
		count(guess("DP1", "", account.MaxChance, noon))
		same(t, "spent", spend(1), true)
		same(t, "a right code ends the row of wrong ones, not the chance", of("DP1"), account.Guesses{Chance: account.MaxChance})
		off(guess("DP1", "", 1, noon))
		same(t, "a code of an app that is off", spend(2), false)
		spendDesk := func() bool {
			return wrote(t, db, func(s flow.Store) (bool, error) {
				_, ok, err := s.SpendBypassCode(ctx, "DU1", []byte("d"), noon)
				return ok, err
			})
		}
		same(t, "a code of the help desk", spendDesk(), true)
		same(t, "its row of wrong ones", of("DB1").InARow, 0)
		count(guess("DB1", "", account.MaxChance, noon))
		same(t, "off", off(guess("DB1", "", 1, noon)), true)
		same(t, "one that is off", spendDesk(), false)
		same(t, "is not live", len(got[[]bypass.Code](t)(db.Read().LiveBypassCodes(ctx, "DU1", noon))), 0)
		same(t, "no code is left", got[flow.Snapshot](t)(db.Read().SnapshotByAccount(ctx, "DU1")).Codeless, true)
		bind("k2")
		same(t, "on again", []any{of("DP1"), count(guess("DP1", "", account.MaxChance, noon))}, []any{account.Guesses{}, true})
		write(t, db, func(s flow.Store) error {
			_, err := s.DeletePhone(ctx, "DP1", "DU1", noon)
			return err
		})
		same(t, "nothing is left of a phone that is gone", wrote(t, db, func(s flow.Store) (int64, error) {
			return s.(*store).count(ctx, `DELETE FROM code_guesses WHERE authenticator_id = $1`, "DP1")
		}), int64(0))
	})
}

func TestAHundredGuessesAtOnceGetTheRoomThereIs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		write(t, db, func(s flow.Store) error {
			return s.CreatePhone(ctx, phone.Phone{ID: "DP1", UserID: "DU1", Name: "p", Created: noon})
		})
		n := race(t, db, 100, func(i int, s flow.Store) (bool, error) {
			if _, err := s.LockAccount(ctx, "DU1"); err != nil {
				return false, err
			}
			_, room, err := s.CountGuess(ctx, account.Guess{On: account.App, ID: "DP1", Chance: account.MaxChance / 7, LoginID: string(rune('a' + i%26)), Time: noon})
			return room, err
		}, login.ErrStale)
		if n != 7 {
			t.Errorf("room for 7, and %d were counted", n)
		}
	})
}
