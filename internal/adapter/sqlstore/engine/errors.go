package engine

import (
	"errors"
	"fmt"
	"runtime/debug"

	"countersign/internal/base/errs"
)

// Errors of a database, for an operator; each has the argument "detail", or the "name" of the database.
var (
	// ErrDamaged reports a SQLite file that is not whole: it is never repaired or replaced silently (AC-082).
	ErrDamaged = errs.New(errs.Unavailable, "database.damaged")
	// ErrForeign reports a SQLite file of another program.
	ErrForeign = errs.New(errs.Unavailable, "database.foreign")
	// ErrUnsafe reports a database that does not keep what it confirmed (WAL, synchronous).
	ErrUnsafe = errs.New(errs.Unavailable, "database.unsafe")
	// ErrMissing reports a database that PostgreSQL does not have, or a SQLite file that must be there and is not.
	ErrMissing = errs.New(errs.Unavailable, "database.missing")
	// ErrRefused reports a PostgreSQL that does not let us in: user, password, rights or a setting in the address.
	ErrRefused = errs.New(errs.Unavailable, "database.refused")
	// ErrUnavailable reports a database that cannot be reached now, or not in time.
	ErrUnavailable = errs.New(errs.Unavailable, "unavailable")
)

// ErrOutsideWrite reports a statement that writes or locks and was given to a Reader.
var ErrOutsideWrite = &errs.Error{Kind: errs.Internal, Code: "internal", Cause: ErrText("a statement that writes was called outside Write")}

// ErrAddress is the cause of an ErrUnavailable that no waiting mends.
const ErrAddress = ErrText("the address of the database is not valid")

// ErrText is an error that is its text.
type ErrText string

func (e ErrText) Error() string { return string(e) }

// Unavailable is ErrUnavailable with its cause, once: an error may come by here on each floor.
func Unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return ErrUnavailable.With(err)
}

// Call runs a change. A panic in it is reported, and becomes an error whose cause tells where it happened.
func Call(change func(Runner) error, r Runner) (panicked bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			panicked = true
			err = (&errs.Error{Kind: errs.Internal, Code: "internal"}).With(fmt.Errorf("panic in a change: %v\n%s", v, debug.Stack()))
		}
	}()
	return false, change(r)
}
