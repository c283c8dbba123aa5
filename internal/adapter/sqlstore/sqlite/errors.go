package sqlite

import (
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"

	"countersign/internal/adapter/sqlstore/engine"
)

// coded are the errors of SQLite: those of capi, and those of the driver that migrates.
type coded interface {
	error
	Code() int
}

// primary is the code of an error of SQLite without its extension; SQLITE_OK for any other.
func primary(err error) int {
	var e coded
	if !errors.As(err, &e) {
		return sqlite3.SQLITE_OK
	}
	return e.Code() & 0xff
}

// meaning gives an error of SQLite its meaning. fatal says that the transaction is lost.
func meaning(err error) (mapped error, fatal bool) {
	switch primary(err) {
	case sqlite3.SQLITE_OK:
		return err, false
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		if errors.Is(err, engine.ErrDamaged) { // it has been here before
			return err, true
		}
		return engine.ErrDamaged.Arg("detail", err.Error()).With(err), true
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_READONLY:
		return engine.Unavailable(err), true
	}
	return fmt.Errorf("sqlstore: %w", err), false
}

func isBusy(err error) bool {
	return primary(err) == sqlite3.SQLITE_BUSY || primary(err) == sqlite3.SQLITE_LOCKED
}

func isInterrupted(err error) bool { return primary(err) == sqlite3.SQLITE_INTERRUPT }

// unavailable is ErrUnavailable with what the system said.
func unavailable(err error) error {
	return engine.ErrUnavailable.Arg("detail", err.Error()).With(err)
}

// damaged is ErrDamaged with a detail.
func damaged(format string, args ...any) error {
	detail := fmt.Sprintf(format, args...)
	return engine.ErrDamaged.Arg("detail", detail).With(engine.ErrText(detail))
}
