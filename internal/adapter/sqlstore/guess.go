package sqlstore

import (
	"context"
	"time"

	"countersign/internal/domain/account"
)

// Guesses rest as sums: of a day and a browser sign-in in code_guesses, and in the row of the authenticator itself, so that
// whoever reads that row knows whether its codes are off.

func guessColumns(g *account.Guesses) []column {
	return []column{{"codes_wrong", &g.InARow}, {"codes_chance", &g.Chance}, {"codes_warned_at", &g.Warned}, {"codes_off_at", &g.Off}}
}

var guesses = newTable("", guessColumns)

// noGuesses begins anew.
const noGuesses = `codes_wrong = 0, codes_chance = 0, codes_warned_at = 0, codes_off_at = 0`

// guessed is where an authenticator has its row, with the statements on it.
type guessed struct{ count, undo, forgive, off, warn, forget string }

var (
	guessedPhones = guessedIn("phones", "phone_id")
	guessedCodes  = guessedIn("bypass_codes", "bypass_id")
)

func guessedOn(on account.Source) *guessed {
	if on == account.Desk {
		return guessedCodes
	}
	return guessedPhones
}

func guessedIn(table, id string) *guessed {
	const (
		year   = `(SELECT CAST(COALESCE(SUM(chance), 0) AS BIGINT) FROM code_guesses WHERE authenticator_id = $1 AND day > $3)`
		theirs = ` FROM code_guesses WHERE login_id = $1 AND authenticator_id = `
	)
	update := `UPDATE ` + table + ` SET `
	where := ` WHERE ` + id + ` = $1`
	return &guessed{
		count: guesses.returning(update + `codes_wrong = codes_wrong + 1, codes_chance = $2 + ` + year + where +
			` AND codes_off_at = 0 AND codes_wrong < $4 AND $2 + ` + year + ` <= $5`),
		undo: update + `codes_wrong = CASE WHEN codes_wrong > 0 THEN codes_wrong - 1 ELSE 0 END, codes_chance = codes_chance - $2` + where,
		forgive: update + `codes_wrong = codes_wrong - CASE WHEN codes_wrong < (SELECT SUM(wrong)` + theirs + id + `) THEN codes_wrong
			ELSE (SELECT CAST(SUM(wrong) AS BIGINT)` + theirs + id + `) END,
			codes_chance = codes_chance - (SELECT CAST(SUM(chance) AS BIGINT)` + theirs + id + `)
			WHERE ` + id + ` IN (SELECT authenticator_id FROM code_guesses WHERE login_id = $1)`,
		off:    guesses.returning(update + `codes_off_at = $2` + where + ` AND codes_off_at = 0 AND (codes_wrong >= $3 OR codes_chance + $4 > $5)`),
		warn:   update + `codes_warned_at = $2` + where + ` AND codes_off_at = 0 AND codes_warned_at <= $3`,
		forget: update + noGuesses + where,
	}
}

const day = int64(24 * time.Hour / time.Second)

func dayOf(t time.Time) int64 { return t.Unix() / day }

func (s *store) CountGuess(ctx context.Context, g account.Guess) (account.Guesses, bool, error) {
	today := dayOf(g.Time)
	sum, some, err := found(one(ctx, s.run, errNone, guesses, guessedOn(g.On).count,
		g.ID, g.Chance, today-account.GuessDays, int64(account.MaxInARow), int64(account.MaxChance)))
	if err != nil || !some {
		return sum, false, err
	}
	const q = `INSERT INTO code_guesses (authenticator_id, source, day, login_id, wrong, chance) VALUES ($1, $2, $3, $4, 1, $5)
		ON CONFLICT (authenticator_id, day, login_id) DO UPDATE SET wrong = code_guesses.wrong + 1, chance = code_guesses.chance + excluded.chance`
	return sum, true, s.queue(ctx, q, g.ID, string(g.On), today, g.LoginID, g.Chance)
}

func (s *store) ReturnGuess(ctx context.Context, g account.Guess) error {
	if err := s.queue(ctx, guessedOn(g.On).undo, g.ID, g.Chance); err != nil {
		return err
	}
	const q = `UPDATE code_guesses SET wrong = wrong - 1, chance = chance - $4 WHERE authenticator_id = $1 AND day = $2 AND login_id = $3`
	return s.queue(ctx, q, g.ID, dayOf(g.Time), g.LoginID, g.Chance)
}

func (s *store) ForgiveGuesses(ctx context.Context, on account.Source, loginID string) error {
	if err := s.queue(ctx, guessedOn(on).forgive, loginID); err != nil {
		return err
	}
	const q = `DELETE FROM code_guesses WHERE login_id = $1 AND source = $2`
	return s.queue(ctx, q, loginID, string(on))
}

func (s *store) TurnCodesOff(ctx context.Context, g account.Guess) (account.Guesses, bool, error) {
	return found(one(ctx, s.run, errNone, guesses, guessedOn(g.On).off, g.ID, micros(g.Time), int64(account.MaxInARow), g.Chance, int64(account.MaxChance)))
}

func (s *store) WarnOfGuesses(ctx context.Context, g account.Guess) (bool, error) {
	return s.touched(ctx, guessedOn(g.On).warn, g.ID, micros(g.Time), micros(g.Time.Add(-account.WarnAgain)))
}

func (s *store) ForgetGuesses(ctx context.Context, on account.Source, id string) error {
	if err := s.queue(ctx, guessedOn(on).forget, id); err != nil {
		return err
	}
	return s.forgetDays(ctx, id)
}

// forgetDays deletes the sums of an authenticator that is gone or begins anew.
func (s *store) forgetDays(ctx context.Context, id string) error {
	const q = `DELETE FROM code_guesses WHERE authenticator_id = $1`
	return s.queue(ctx, q, id)
}

func (s *store) SweepGuesses(ctx context.Context, now time.Time) (int64, error) {
	const q = `DELETE FROM code_guesses WHERE day <= $1`
	return s.count(ctx, q, dayOf(now)-account.GuessDays)
}
