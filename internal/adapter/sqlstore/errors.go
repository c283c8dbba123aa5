package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
	sqlite3 "modernc.org/sqlite/lib"

	"countersign/internal/base/errs"
)

// sqliteCoded are the errors of SQLite: ours, and those of the driver that migrates.
type sqliteCoded interface {
	error
	Code() int
}

// unavailable is ErrUnavailable with its cause, once: an error may come by here on each floor.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return ErrUnavailable.With(err)
}

// sqliteError gives an error of SQLite its meaning. fatal says that the transaction is lost.
func sqliteError(err error) (mapped error, fatal bool) {
	if err == nil {
		return nil, false
	}
	var e sqliteCoded
	if !errors.As(err, &e) {
		return err, false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		if errors.Is(err, ErrDamaged) { // it has been here before
			return err, true
		}
		return ErrDamaged.Arg("detail", e.Error()).With(err), true
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_READONLY:
		return unavailable(err), true
	}
	return fmt.Errorf("sqlstore: %w", err), false
}

func isBusy(err error) bool {
	var e sqliteCoded
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

func isInterrupted(err error) bool {
	var e sqliteCoded
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_INTERRUPT
}

// postgresError gives an error of PostgreSQL or of the way to it its meaning. The end of the caller's own
// context stays what it is.
func postgresError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var c *pgconn.ConnectError // first: whatever PostgreSQL says to a connection, nothing was asked of it
	if errors.As(err, &c) {
		return unavailable(err)
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch e.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, operator intervention, system
			return unavailable(err)
		}
		switch e.Code {
		case "55P03", "25006": // lock_timeout; read only, as after a failover
			return unavailable(err)
		}
		return fmt.Errorf("sqlstore: %w", err)
	}
	var n net.Error
	if errors.As(err, &n) && !isErrno(n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, net.ErrClosed) || errors.Is(err, puddle.ErrClosedPool) || pgconn.SafeToRetry(err) {
		return unavailable(err)
	}
	return fmt.Errorf("sqlstore: %w", err)
}

// isErrno reports a plain error number, as of a file: it has the methods of a network's error and is none.
func isErrno(err error) bool {
	_, is := err.(syscall.Errno)
	return is
}

// refused tells, of what PostgreSQL answers to a connection, what an operator can correct from what passes; any
// other error stays what it is.
func refused(err error) error {
	var c *pgconn.ConnectError
	var e *pgconn.PgError
	if !errors.As(err, &c) || !errors.As(err, &e) {
		return err
	}
	if e.Code == "3D000" {
		return ErrMissing.Arg("name", c.Config.Database).With(err)
	}
	switch e.Code[:2] {
	case "28", "42", "22", "0A": // who we are, what we may; settings in the address
		return ErrRefused.Arg("name", c.Config.Database).With(err)
	}
	return err
}

// lostRace reports errors after which the same transaction may simply be run again.
func lostRace(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

// panicked makes an error of a panic in a change; where it happened goes to the log with the cause.
func panicked(v any) error {
	return (&errs.Error{Kind: errs.Internal, Code: "internal"}).With(fmt.Errorf("panic in a change: %v\n%s", v, debug.Stack()))
}
