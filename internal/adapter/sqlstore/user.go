package sqlstore

import (
	"cmp"
	"context"
	"strings"
	"time"

	"countersign/internal/adapter/sqlstore/engine"
	"countersign/internal/domain/account"
	"countersign/internal/domain/user"
)

var users = newTable("users", func(u *user.User) []column {
	return []column{{"user_id", &u.ID}, {"username", accountName{&u.Username, &u.Kind}}, {"real_name", &u.RealName}, {"email", &u.Email},
		{"status", (*string)(&u.Status)}, {"notes", &u.Notes}, {"created_at", &u.Created}, {"last_login_at", &u.LastLogin},
		{"first_enrolled_at", &u.FirstEnrolled}, {"failures", &u.Failures}, {"locked_at", &u.LockedAt}, {"last_method", &u.LastMethod},
		{"push_misses", &u.PushMisses}, {"push_stopped_at", &u.PushStopped}, {"spare_reminders", &u.SpareReminders},
		{"spare_reminded_at", &u.SpareReminded}, {"salt", &u.Salt}, {"default_phone", &u.DefaultPhone}, {"auto_action", &u.AutoAction},
		{"kind", (*string)(&u.Kind)}, {"epoch", &u.Epoch}}
})

// accountName is the name of an account as it rests. The name of an administrator has its kind and a "|" in front, so that
// a person and an administrator may have the same one: no person's name holds a "|".
type accountName struct {
	name *string
	kind *account.Kind
}

func (n accountName) decode(text string) error {
	_, name, found := strings.Cut(text, "|")
	if !found {
		name = text
	}
	*n.name = name
	return nil
}

func (n accountName) encode() (string, error) {
	if *n.kind == account.Person {
		return *n.name, nil
	}
	return string(*n.kind) + "|" + *n.name, nil
}

func userSearch(u user.User) string { return strings.ToLower(u.RealName + "\n" + u.Email) }

var createUser = users.insert("search") + ` ON CONFLICT (username) DO NOTHING`

func (s *store) CreateUser(ctx context.Context, u user.User) error {
	if user.LooksLikeID(u.Username) {
		return user.ErrNameInvalid
	}
	args, err := users.values(u, userSearch(u))
	if err != nil {
		return err
	}
	if made, err := s.touched(ctx, createUser, args...); err != nil || !made {
		return cmp.Or(err, error(user.ErrNameTaken))
	}
	if u.Kind != account.Person { // user_names holds people only
		return nil
	}
	const name = `INSERT INTO user_names (name, user_id, alias) VALUES ($1, $2, FALSE) ON CONFLICT (name) DO NOTHING`
	if named, err := s.touched(ctx, name, u.Username, u.ID); err != nil || named {
		return err
	}
	const undo = `DELETE FROM users WHERE user_id = $1` // somebody's alias: leave no user without a name, even if the caller goes on
	return cmp.Or(s.queue(ctx, undo, u.ID), error(user.ErrNameTaken))
}

var (
	userByID    = users.from(`WHERE user_id = $1 AND kind = ''`)
	accountByID = users.from(`WHERE user_id = $1`)
)

func (s *store) UserByID(ctx context.Context, id string) (user.User, error) {
	return one(ctx, s.run, user.ErrUnknown, users, userByID, id)
}

func (s *store) AccountByID(ctx context.Context, id account.ID) (user.User, error) {
	return one(ctx, s.run, user.ErrUnknown, users, accountByID, id)
}

var userByName = users.from(`JOIN user_names ON users.user_id = user_names.user_id WHERE user_names.name = $1`)

func (s *store) UserByName(ctx context.Context, name string) (user.User, error) {
	return one(ctx, s.run, user.ErrUnknown, users, userByName, name)
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
	text := users.from(`WHERE ` + w.and() + ` ORDER BY username LIMIT ` + placeholder(len(w.args)+1))
	return list(ctx, s.run, users, text, append(w.args, limit(q.Limit, 500))...)
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
	const q = `UPDATE users SET real_name = $2, email = $3, search = $4,
		epoch = CASE WHEN status = $5 THEN epoch ELSE epoch + 1 END, status = $5, notes = $6 WHERE user_id = $1`
	return s.must(ctx, user.ErrUnknown, q, u.ID, u.RealName, u.Email, userSearch(u), string(u.Status), u.Notes)
}

var reserveAttempt = users.returning(`UPDATE users SET failures = failures + 1 WHERE user_id = $1 AND status = 'active' AND failures < $2`)

func (s *store) ReserveAttempt(ctx context.Context, id string, limit int) (user.User, error) {
	return one(ctx, s.run, user.ErrLocked, users, reserveAttempt, id, int64(limit))
}

const proved = `UPDATE users SET failures = 0, push_misses = 0, push_stopped_at = 0, last_login_at = $2,
	last_method = CASE WHEN $3 = '' THEN last_method ELSE $3 END WHERE user_id = $1`

func (s *store) Proved(ctx context.Context, id, method string, now time.Time) error {
	return s.queue(ctx, proved, id, micros(now), method)
}

func (s *store) ProveAttempt(ctx context.Context, id string, limit int, method string, now time.Time) error {
	const q = proved + ` AND status = 'active' AND failures < $4`
	return s.must(ctx, user.ErrLocked, q, id, micros(now), method, int64(limit))
}

func (s *store) RaiseEpoch(ctx context.Context, id account.ID) error {
	const q = `UPDATE users SET epoch = epoch + 1 WHERE user_id = $1`
	return s.queue(ctx, q, id)
}

func (s *store) LockOut(ctx context.Context, id string, now time.Time) (bool, error) {
	const q = `UPDATE users SET status = 'locked out', locked_at = $2, epoch = epoch + 1 WHERE user_id = $1 AND status = 'active'`
	return s.touched(ctx, q, id, micros(now))
}

func (s *store) Unlock(ctx context.Context, id string, lockedBefore time.Time) (bool, error) {
	const q = `UPDATE users SET status = 'active', failures = 0, locked_at = 0, epoch = epoch + 1
		WHERE user_id = $1 AND status = 'locked out' AND locked_at <= $2`
	return s.touched(ctx, q, id, micros(lockedBefore))
}

func (s *store) MarkEnrolled(ctx context.Context, id string, now time.Time) error {
	const q = `UPDATE users SET first_enrolled_at = $2 WHERE user_id = $1 AND first_enrolled_at = 0`
	return s.queue(ctx, q, id, micros(now))
}

var missPush = users.returning(`UPDATE users SET push_misses = push_misses + $2,
	push_stopped_at = CASE WHEN $3 AND push_stopped_at = 0 THEN $4 ELSE push_stopped_at END WHERE user_id = $1`)

func (s *store) MissPush(ctx context.Context, id string, n int, stop bool, now time.Time) (user.User, error) {
	return one(ctx, s.run, user.ErrUnknown, users, missPush, id, int64(n), stop, micros(now))
}

var lockAccount = accountByID + engine.Lock

func (s *store) LockAccount(ctx context.Context, id string) (user.User, error) {
	return one(ctx, s.run, user.ErrUnknown, users, lockAccount, id)
}

func (s *store) HoldAccount(ctx context.Context, id string) error {
	const q = `SELECT user_id FROM users WHERE user_id = $1` + engine.Lock
	return s.queue(ctx, q, id)
}

func (s *store) RemindSpare(ctx context.Context, id string, now time.Time) error {
	const q = `UPDATE users SET spare_reminders = spare_reminders + 1, spare_reminded_at = $2 WHERE user_id = $1`
	return s.queue(ctx, q, id, micros(now))
}

func (s *store) SavePreferences(ctx context.Context, id, defaultPhone, autoAction string) error {
	const q = `UPDATE users SET default_phone = $2, auto_action = $3 WHERE user_id = $1`
	return s.must(ctx, user.ErrUnknown, q, id, defaultPhone, autoAction)
}
