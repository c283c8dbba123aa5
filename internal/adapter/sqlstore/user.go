package sqlstore

import (
	"context"
	"strings"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/user"
)

const userColumns = `users.user_id, username, real_name, email, status, notes, created_at, last_login_at, first_enrolled_at,
	failures, locked_at, last_method, push_misses, push_stopped_at, spare_reminders, spare_reminded_at, salt, default_phone, auto_action, kind`

func scanUser(r *row) user.User {
	u := user.User{
		ID: r.text(), Username: r.text(), RealName: r.text(), Email: r.text(), Status: user.Status(r.text()), Notes: r.text(),
		Created: r.time(), LastLogin: r.time(), FirstEnrolled: r.time(), Failures: int(r.int()), LockedAt: r.time(),
		LastMethod: r.text(), PushMisses: int(r.int()), PushStopped: r.time(), SpareReminders: int(r.int()),
		SpareReminded: r.time(), Salt: r.bytes(), DefaultPhone: r.text(), AutoAction: r.text(), Kind: account.Kind(r.text()),
	}
	u.Username = strings.TrimPrefix(u.Username, namespace(u.Kind))
	return u
}

// namespace stands before the name of an account that is no person's, so that the same word may name one of each: no
// person's name holds a "|".
func namespace(k account.Kind) string {
	if k == account.Person {
		return ""
	}
	return string(k) + "|"
}

func userSearch(u user.User) string { return strings.ToLower(u.RealName + "\n" + u.Email) }

func (s *store) CreateUser(ctx context.Context, u user.User) error {
	const q = `INSERT INTO users (user_id, username, real_name, email, search, status, notes, created_at, last_login_at,
		first_enrolled_at, failures, locked_at, last_method, push_misses, push_stopped_at, spare_reminders, spare_reminded_at, salt,
		default_phone, auto_action, kind)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
		ON CONFLICT (username) DO NOTHING`
	err := must(ctx, s.run, user.ErrNameTaken, q, u.ID, namespace(u.Kind)+u.Username, u.RealName, u.Email, userSearch(u), string(u.Status), u.Notes,
		micros(u.Created), micros(u.LastLogin), micros(u.FirstEnrolled), int64(u.Failures), micros(u.LockedAt), u.LastMethod,
		int64(u.PushMisses), micros(u.PushStopped), int64(u.SpareReminders), micros(u.SpareReminded), blob(u.Salt), u.DefaultPhone, u.AutoAction,
		string(u.Kind))
	if err != nil || u.Kind != account.Person { // user_names holds people only
		return err
	}
	const name = `INSERT INTO user_names (name, user_id, alias) VALUES ($1, $2, FALSE) ON CONFLICT (name) DO NOTHING`
	err = must(ctx, s.run, user.ErrNameTaken, name, u.Username, u.ID)
	if err == user.ErrNameTaken { // somebody's alias: leave no user without a name, even if the caller goes on
		const undo = `DELETE FROM users WHERE user_id = $1`
		if _, err := s.run.exec(ctx, undo, []any{u.ID}); err != nil {
			return err
		}
	}
	return err
}

func (s *store) UserByID(ctx context.Context, id string) (user.User, error) {
	const q = `SELECT ` + userColumns + ` FROM users WHERE user_id = $1 AND kind = ''`
	return one(ctx, s.run, user.ErrUnknown, scanUser, q, id)
}

func (s *store) AccountByID(ctx context.Context, id account.ID) (user.User, error) {
	const q = `SELECT ` + userColumns + ` FROM users WHERE user_id = $1`
	return one(ctx, s.run, user.ErrUnknown, scanUser, q, id)
}

func (s *store) UserByName(ctx context.Context, name string) (user.User, error) {
	const q = `SELECT ` + userColumns + ` FROM user_names JOIN users ON users.user_id = user_names.user_id WHERE user_names.name = $1`
	return one(ctx, s.run, user.ErrUnknown, scanUser, q, name)
}

func (s *store) Users(ctx context.Context, q user.Query) ([]user.User, error) {
	var w where
	w.add(`kind = ''`)
	if q.Search != "" {
		like := "%" + likeEscape.Replace(strings.ToLower(q.Search)) + "%"
		w.add(`(username LIKE ? ESCAPE '\' OR search LIKE ? ESCAPE '\')`, like, like)
	}
	if q.Status != "" {
		w.add(`status = ?`, string(q.Status))
	}
	if q.After != "" {
		w.add(`username > ?`, q.After)
	}
	text := `SELECT ` + userColumns + ` FROM users WHERE ` + w.and() + ` ORDER BY username LIMIT ` + placeholder(len(w.args)+1)
	return list(ctx, s.run, scanUser, text, append(w.args, limit(q.Limit, 500))...)
}

var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// limit is a list's length: n, or most when n is not given or more.
func limit(n, most int) int64 {
	if n <= 0 || n > most {
		return int64(most)
	}
	return int64(n)
}

func (s *store) SaveUser(ctx context.Context, u user.User) error {
	const q = `UPDATE users SET real_name = $2, email = $3, search = $4, status = $5, notes = $6 WHERE user_id = $1`
	return must(ctx, s.run, user.ErrUnknown, q, u.ID, u.RealName, u.Email, userSearch(u), string(u.Status), u.Notes)
}

func (s *store) ReserveAttempt(ctx context.Context, id string, limit int) (user.User, error) {
	const q = `UPDATE users SET failures = failures + 1 WHERE user_id = $1 AND status = 'active' AND failures < $2
		RETURNING ` + userColumns
	return changeOne(ctx, s.run, user.ErrLocked, scanUser, q, id, int64(limit))
}

const proved = `UPDATE users SET failures = 0, push_misses = 0, push_stopped_at = 0, last_login_at = $2,
	last_method = CASE WHEN $3 = '' THEN last_method ELSE $3 END WHERE user_id = $1`

func (s *store) Proved(ctx context.Context, id, method string, now time.Time) error {
	return s.run.later(ctx, proved, []any{id, micros(now), method})
}

func (s *store) ProveAttempt(ctx context.Context, id string, limit int, method string, now time.Time) (bool, error) {
	const q = proved + ` AND status = 'active' AND failures < $4`
	return touched(ctx, s.run, q, id, micros(now), method, int64(limit))
}

func (s *store) LockOut(ctx context.Context, id string, now time.Time) (bool, error) {
	const q = `UPDATE users SET status = 'locked out', locked_at = $2 WHERE user_id = $1 AND status = 'active'`
	return touched(ctx, s.run, q, id, micros(now))
}

func (s *store) Unlock(ctx context.Context, id string, lockedBefore time.Time) (bool, error) {
	const q = `UPDATE users SET status = 'active', failures = 0, locked_at = 0
		WHERE user_id = $1 AND status = 'locked out' AND locked_at <= $2`
	return touched(ctx, s.run, q, id, micros(lockedBefore))
}

func (s *store) MarkEnrolled(ctx context.Context, id string, now time.Time) error {
	const q = `UPDATE users SET first_enrolled_at = $2 WHERE user_id = $1 AND first_enrolled_at = 0`
	return s.run.later(ctx, q, []any{id, micros(now)})
}

func (s *store) MissPush(ctx context.Context, id string, n int, stop bool, now time.Time) (user.User, error) {
	const q = `UPDATE users SET push_misses = push_misses + $2,
		push_stopped_at = CASE WHEN $3 AND push_stopped_at = 0 THEN $4 ELSE push_stopped_at END
		WHERE user_id = $1 RETURNING ` + userColumns
	return changeOne(ctx, s.run, user.ErrUnknown, scanUser, q, id, int64(n), stop, micros(now))
}

func (s *store) LockAccount(ctx context.Context, id string) (user.User, error) {
	if _, reading := s.run.(reader); reading {
		return user.User{}, errOutsideWrite
	}
	const q = `SELECT ` + userColumns + ` FROM users WHERE user_id = $1`
	return one(ctx, s.run, user.ErrUnknown, scanUser, q+s.lock, id)
}

func (s *store) RemindSpare(ctx context.Context, id string, now time.Time) error {
	const q = `UPDATE users SET spare_reminders = spare_reminders + 1, spare_reminded_at = $2 WHERE user_id = $1`
	return s.run.later(ctx, q, []any{id, micros(now)})
}

func (s *store) SavePreferences(ctx context.Context, id, defaultPhone, autoAction string) error {
	const q = `UPDATE users SET default_phone = $2, auto_action = $3 WHERE user_id = $1`
	return must(ctx, s.run, user.ErrUnknown, q, id, defaultPhone, autoAction)
}
