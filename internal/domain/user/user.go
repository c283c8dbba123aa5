// Package user is the person who signs in. The account of an administrator is read into the same type, because a proof
// asks the same of both; no name, list or ID of this package finds it.
package user

import (
	"context"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/account"
)

// Status of a user. LockedOut is set by the system alone.
type Status string

const (
	Active          Status = "active"
	Bypass          Status = "bypass"
	Disabled        Status = "disabled"
	LockedOut       Status = "locked out"
	PendingDeletion Status = "pending deletion"
)

// User is one person, or the account of an administrator as a sign-in sees it.
type User struct {
	ID       account.ID   // a person's: DU + 18
	Kind     account.Kind // a person, unless said otherwise
	Username string       // normalized, unique among names and aliases; an administrator's: unique among theirs
	RealName string
	Email    string
	Status   Status
	Notes    string

	Epoch         int64 // grows with each change of Status, and when the account is signed out everywhere: what was proved before is good no more
	Created       time.Time
	LastLogin     time.Time // zero: never
	FirstEnrolled time.Time // zero: never had a way in; once set it stays (RULE-11)

	Failures   int       // consecutive, over all doors (RULE-12)
	LockedAt   time.Time // when Status became LockedOut
	LastMethod string    // the way used last, a way's ID

	PushMisses  int       // requests not approved since the last success (RULE-13)
	PushStopped time.Time // set when requests were stopped; cleared by a success with another way

	SpareReminders int       // how often a spare way was asked for
	SpareReminded  time.Time // when it was asked for last
	Salt           []byte    // 16 bytes for this user's slow digests

	DefaultPhone string // phone that requests without a choice go to (D-12); "" = the oldest
	AutoAction   string // "When I log in" of the traditional prompt (D-13): "" ask, else the factor that asks a device
}

// Refusal is ErrLocked for an account that may prove nothing now, whatever its status is; nil for an active one.
func (u User) Refusal() error {
	if u.Status != Active {
		return ErrLocked
	}
	return nil
}

// MaySignIn reports whether the account may get into anything: by a proof, or, in bypass, without one.
func (u User) MaySignIn() bool { return u.Status == Active || u.Status == Bypass }

// Closed reports an account that an administrator took from its owner: disabled, or in the trash.
func (u User) Closed() bool { return u.Status == Disabled || u.Status == PendingDeletion }

// UnlocksAt is when an automatic unlock is due; zero when it never is.
func (u User) UnlocksAt(lockoutMinutes int) time.Time {
	if u.Status != LockedOut || lockoutMinutes < 0 {
		return time.Time{}
	}
	return u.LockedAt.Add(time.Duration(lockoutMinutes) * time.Minute)
}

// Dormant reports whether the account lay unused for days (RULE-11, AC-037): no sign-in,
// and created longer ago than that.
func (u User) Dormant(now time.Time, days int) bool {
	last := u.LastLogin
	if last.IsZero() {
		last = u.Created
	}
	return now.Sub(last) > time.Duration(days)*24*time.Hour
}

var (
	// ErrUnknown reports a name or ID nobody has.
	ErrUnknown = errs.New(errs.NotFound, "user.unknown")
	// ErrNameTaken reports a name or alias that somebody has.
	ErrNameTaken = errs.New(errs.Conflict, "user.name_taken")
	// ErrNameInvalid reports a name that is empty, too long or has forbidden characters, or a new one that looks like an ID.
	ErrNameInvalid = errs.New(errs.Invalid, "user.name")
	// ErrLocked reports a user whose status or count leaves no attempt.
	ErrLocked = errs.New(errs.Denied, "user.locked")
)

// Query selects users for a list.
type Query struct {
	Search string // part of name, real name or mail address, case-insensitive
	Status Status // "" = any
	After  string // username to continue after
	Limit  int    // at most 500
}

// Store keeps users.
type Store interface {
	// CreateUser inserts the user and its name. A person's name is one among people, an administrator's one among
	// administrators: the same word may be both. ErrNameTaken; ErrNameInvalid for a name that LooksLikeID.
	CreateUser(ctx context.Context, u User) error
	// UserByID finds a person, also one in the trash. ErrUnknown.
	UserByID(ctx context.Context, id string) (User, error)
	// UserByName is UserByID with a normalized name or alias.
	UserByName(ctx context.Context, name string) (User, error)
	// AccountByID finds an account of any kind: the owner of an authenticator. ErrUnknown.
	AccountByID(ctx context.Context, id account.ID) (User, error)
	// Users lists the people of a query, by name.
	Users(ctx context.Context, q Query) ([]User, error)
	// SaveUser writes RealName, Email, Status and Notes. A new Status raises Epoch. ErrUnknown.
	SaveUser(ctx context.Context, u User) error

	// ReserveAttempt counts a failure before the proof is looked at: one conditional UPDATE that
	// succeeds only for an active user with fewer than limit failures. A success takes it back
	// with Proved. ErrLocked when no attempt is left. It also locks the row until the end of the
	// database transaction, so codes tried at once queue up.
	ReserveAttempt(ctx context.Context, id string, limit int) (User, error)
	// ProveAttempt is ReserveAttempt and Proved in one, for a proof that was found right before it is spent in the
	// same database transaction. The change ends with ErrLocked where ReserveAttempt gives it.
	ProveAttempt(ctx context.Context, id string, limit int, method string, now time.Time) error
	// Proved clears Failures, PushMisses and PushStopped, and sets LastLogin and, when not "", LastMethod.
	Proved(ctx context.Context, id, method string, now time.Time) error
	// RaiseEpoch signs the account out everywhere.
	RaiseEpoch(ctx context.Context, id account.ID) error
	// LockOut makes an active user locked out and raises Epoch. It reports false when the user was not active.
	LockOut(ctx context.Context, id string, now time.Time) (bool, error)
	// Unlock makes a locked-out user active with no failures; lockedBefore limits it to users
	// locked at or before that time (automatic unlock), and raises Epoch. It reports whether the user was unlocked.
	Unlock(ctx context.Context, id string, lockedBefore time.Time) (bool, error)
	// MarkEnrolled sets FirstEnrolled when it is zero.
	MarkEnrolled(ctx context.Context, id string, now time.Time) error
	// MissPush adds n to PushMisses and, when stop is set, sets PushStopped to now unless set.
	MissPush(ctx context.Context, id string, n int, stop bool, now time.Time) (User, error)
	// LockAccount takes the row of an account of any kind for the rest of the database transaction, so that what is
	// counted next (open requests, devices) cannot change underneath. ErrUnknown.
	LockAccount(ctx context.Context, id account.ID) (User, error)
	// HoldAccount is LockAccount for a change that needs nothing of the row, or reads it next. It is awaited with the next
	// statement that is; where there is no such row nothing is held.
	HoldAccount(ctx context.Context, id account.ID) error
	// SavePreferences writes DefaultPhone and AutoAction. ErrUnknown.
	SavePreferences(ctx context.Context, id, defaultPhone, autoAction string) error
	// RemindSpare adds one to SpareReminders and notes when.
	RemindSpare(ctx context.Context, id string, now time.Time) error
}
