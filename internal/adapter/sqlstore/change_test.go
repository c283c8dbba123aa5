package sqlstore

import (
	"countersign/internal/domain/login"
	"errors"
	"fmt"
	"strings"
	"testing"

	"countersign/internal/adapter/sqlstore/engine"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

var (
	errGone  = errors.New("a row that must be there is gone")
	errOther = errors.New("another row is gone")
	errOwn   = errors.New("an error of the change's own")
)

// remind counts a reminder of a user; it must find them when gone is not nil.
func remind(r engine.Runner, id string, gone error) error {
	const q = `UPDATE users SET spare_reminders = spare_reminders + 1 WHERE user_id = $1`
	return r.Queue(ctx, q, []any{id}, gone)
}

func TestAChangeEndsWithTheFirstWriteThatHadToTouchARow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		reads := func(r engine.Runner) (rows int, err error) {
			err = r.Query(ctx, userByID, []any{"DU1"}, &users.shape, func(engine.Row) error { rows++; return nil })
			return rows, err
		}
		counts := func(r engine.Runner) (int64, error) {
			return r.Exec(ctx, `UPDATE users SET notes = 'x' WHERE user_id = $1`, []any{"DU1"})
		}
		for what, c := range map[string]struct {
			change func(r engine.Runner) error
			want   error
		}{
			"alone":              {func(r engine.Runner) error { return remind(r, "DU0", errGone) }, errGone},
			"ahead of another":   {func(r engine.Runner) error { return errors.Join(remind(r, "DU0", errGone), remind(r, "DU1", errOther)) }, errGone},
			"behind another":     {func(r engine.Runner) error { return errors.Join(remind(r, "DU1", errOther), remind(r, "DU0", errGone)) }, errGone},
			"the first of two":   {func(r engine.Runner) error { return errors.Join(remind(r, "DU0", errGone), remind(r, "DU9", errOther)) }, errGone},
			"ahead of an error":  {func(r engine.Runner) error { _ = remind(r, "DU0", errGone); return errOwn }, errGone},
			"only an error":      {func(r engine.Runner) error { _ = remind(r, "DU1", errGone); return errOwn }, errOwn},
			"behind what waited": {func(r engine.Runner) error { _, err := counts(r); return errors.Join(err, remind(r, "DU0", errGone)) }, errGone},
			"ahead of a read": {func(r engine.Runner) error {
				_ = remind(r, "DU1", errOther)
				_ = remind(r, "DU0", errGone)
				rows, err := reads(r)
				fails(t, "the read", err, errGone)
				same(t, "rows handed on", rows, 0)
				_, err = counts(r)
				fails(t, "a write that is awaited", err, errGone)
				fails(t, "one that is not", remind(r, "DU1", nil), errGone)
				return nil
			}, errGone},
			"ahead of a write that is awaited": {func(r engine.Runner) error {
				_ = remind(r, "DU0", errGone)
				_, err := counts(r)
				fails(t, "the write", err, errGone)
				return errOwn
			}, errGone},
			"none had to": {func(r engine.Runner) error { return remind(r, "DU0", nil) }, nil},
		} {
			fails(t, what, db.engine.Write(ctx, c.change), c.want)
			u := got[user.User](t)(db.Read().UserByID(ctx, "DU1"))
			same(t, what+": nothing remains", []any{u.SpareReminders, u.Notes}, []any{0, ""})
		}
		err := db.engine.Write(ctx, func(r engine.Runner) error { _ = remind(r, "DU0", errGone); panic("boom") })
		if err == nil || errors.Is(err, errGone) || !strings.Contains(err.Error(), "boom") {
			t.Errorf("a panic: %v", err)
		}
		write(t, db, func(s flow.Store) error { return s.RemindSpare(ctx, "DU1", noon) })
		same(t, "the next change", got[user.User](t)(db.Read().UserByID(ctx, "DU1")).SpareReminders, 1)
	})
}

// A statement that fails ends its change as well, and neither taking no notice nor another error hides it.
func TestAChangeEndsWithTheFirstStatementThatFails(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		var first error
		err := db.Write(ctx, func(s flow.Store) error {
			if err := s.RemindSpare(ctx, "DU1", noon); err != nil {
				return err
			}
			_, first = s.(*store).touched(ctx, `INSERT INTO bypass_codes (bypass_id, user_id, digest, uses_left, expires_at, created_at, creator)
				VALUES ('DB1', 'nobody', $1, 1, 0, 0, '')`, []byte("x"))
			_, read := s.UserByID(ctx, "DU1")
			same(t, "a read after it", read, first)
			same(t, "a write after it", s.RemindSpare(ctx, "DU1", noon), first)
			return errOwn
		})
		if first == nil || err != first {
			t.Errorf("%v where %v was first", err, first)
		}
		same(t, "nothing remains", got[user.User](t)(db.Read().UserByID(ctx, "DU1")).SpareReminders, 0)
	})
}

// The condition of a write that is not awaited decides a race, by itself and with others in its change.
func TestWhatIsUsedUpWithoutWaitingIsUsedOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		errSpent := errors.New("spent")
		const q = `UPDATE bypass_codes SET uses_left = uses_left - 1 WHERE user_id = $1 AND digest = $2 AND uses_left > 0`
		for _, after := range []int{0, 2} {
			code := bypass.Code{ID: fmt.Sprint("DB", after), UserID: "DU1", Digest: fmt.Append(nil, "code ", after), UsesLeft: 3}
			write(t, db, func(s flow.Store) error { return s.CreateBypassCode(ctx, code) })
			n := race(t, db, 24, func(i int, s flow.Store) (bool, error) {
				if err := s.(*store).must(ctx, errSpent, q, "DU1", code.Digest); err != nil {
					return false, err
				}
				for k := range after {
					if err := s.LogAction(ctx, audit.Action{ID: fmt.Sprint("DL", i, k), Time: noon, Object: code.ID}); err != nil {
						return false, err
					}
				}
				return true, nil
			}, errSpent)
			same(t, "got one of three uses", n, 3)
			same(t, "logged", len(got[[]audit.Action](t)(db.Read().Actions(ctx, audit.Query{Application: code.ID}))), 3*after)
			same(t, "none is left", len(got[[]bypass.Code](t)(db.Read().LiveBypassCodes(ctx, "DU1", noon))), 0)
		}
	})
}

func TestARowThatIsNotWhatItMustBeIsAnErrorThatNamesTheColumn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		type pair struct {
			name  string
			count int
		}
		pairs := newTable("", func(p *pair) []column { return []column{{"name", &p.name}, {"count", &p.count}} })
		truths := single[bool]("truth")
		for what, c := range map[string]struct {
			q, column string
		}{
			"wrong type":           {`SELECT CAST(7 AS BIGINT) AS name, CAST(7 AS BIGINT) AS count`, "name"},
			"another wrong type":   {`SELECT 'a' AS name, 'b' AS count`, "count"},
			"wrong order":          {`SELECT CAST(7 AS BIGINT) AS count, 'a' AS name`, "count"},
			"a column is missing":  {`SELECT 'a' AS name`, "count"},
			"a column too many":    {`SELECT 'a' AS name, CAST(7 AS BIGINT) AS count, 'c' AS another`, "another"},
			"NULL for a text":      {`SELECT CAST(NULL AS TEXT) AS name, CAST(7 AS BIGINT) AS count`, "name"},
			"NULL for a number":    {`SELECT 'a' AS name, CAST(NULL AS BIGINT) AS count`, "count"},
			"bytes where text was": {`SELECT $1 AS name, CAST(7 AS BIGINT) AS count`, "name"},
		} {
			c.q = strings.Replace(c.q, "$1", map[string]string{SQLite: "x'61'", PostgreSQL: `CAST('a' AS BYTEA)`}[db.Dialect()], 1)
			p, err := one(ctx, db.engine.Reader(), errNone, pairs, c.q)
			if err == nil || !strings.Contains(err.Error(), c.column) {
				t.Errorf("%s: %+v, %v", what, p, err)
			}
			same(t, what, p, pair{})
			_, err = list(ctx, db.engine.Reader(), pairs, c.q)
			if err == nil {
				t.Errorf("%s in a list: no error", what)
			}
			err = db.Write(ctx, func(s flow.Store) error { _, _ = one(ctx, s.(*store).run, errNone, pairs, c.q); return nil })
			if err == nil {
				t.Errorf("%s: a change takes no notice", what)
			}
		}
		if _, err := one(ctx, db.engine.Reader(), errNone, truths, `SELECT CAST(2 AS BIGINT) AS truth`); err == nil {
			t.Error("2 is a truth value")
		}
		p := got[pair](t)(one(ctx, db.engine.Reader(), errNone, pairs, `SELECT 'a' AS name, CAST(7 AS BIGINT) AS count`))
		same(t, "as it must be", p, pair{"a", 7})
	})
}

// A damaged row is never one that lets somebody in because what it held reads as nothing.
func TestADamagedRowIsAnError(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		for column, damage := range map[string]string{"policy": "{", "redirect_uris": "7", "options": `{"hosts":1}`} {
			id := "DI" + column
			write(t, db, func(s flow.Store) error {
				return s.(*store).queue(ctx, `INSERT INTO applications (application_id, name, type, self_service, normalization, redirect_uris,
					policy, disabled, created_at, deleted_at, options) VALUES ($1, '', '', TRUE, '', '[]', '{}', FALSE, 0, 1, '{}')`, id)
			})
			write(t, db, func(s flow.Store) error { return s.CreateLogin(ctx, login.Login{ID: "of " + id, ApplicationID: id}) })
			if _, err := db.Read().ApplicationByID(ctx, id); err != nil {
				t.Error(err)
			}
			if _, err := db.Read().SnapshotByLogin(ctx, "of "+id); err != nil {
				t.Error(err)
			}
			write(t, db, func(s flow.Store) error {
				return s.(*store).queue(ctx, `UPDATE applications SET `+column+` = $2 WHERE application_id = $1`, id, damage)
			})
			_, err := db.Read().ApplicationByID(ctx, id)
			_, joined := db.Read().SnapshotByLogin(ctx, "of "+id)
			for _, err := range []error{err, joined} {
				if err == nil || !strings.Contains(err.Error(), column) {
					t.Errorf("%s: %v", column, err)
				}
			}
		}
	})
}
