package sqlite

import (
	"errors"
	"fmt"

	zombiezen "zombiezen.com/go/sqlite"

	"countersign/internal/adapter/sqlstore/engine"
)

// codeOf is the result code of an error of SQLite, ResultOK of any other. The driver that migrates has errors of its own.
func codeOf(err error) zombiezen.ResultCode {
	var migrating interface {
		error
		Code() int
	}
	if errors.As(err, &migrating) {
		return zombiezen.ResultCode(migrating.Code())
	}
	if code := zombiezen.ErrCode(err); code != zombiezen.ResultError { // what it makes of an error it does not know, too
		return code
	}
	return zombiezen.ResultOK
}

// meaning gives an error of SQLite its meaning. fatal says that the transaction is lost.
func meaning(err error) (mapped error, fatal bool) {
	if err == nil {
		return nil, false
	}
	if errors.Is(err, engine.ErrDamaged) || errors.Is(err, engine.ErrUnavailable) { // it has been here before
		return err, true
	}
	code := codeOf(err)
	switch code.ToPrimary() {
	case zombiezen.ResultOK:
		return err, false
	case zombiezen.ResultCorrupt, zombiezen.ResultNotADB:
		return engine.ErrDamaged.Arg("detail", err.Error()).With(err), true
	case zombiezen.ResultBusy, zombiezen.ResultLocked, zombiezen.ResultIOErr, zombiezen.ResultFull, zombiezen.ResultNoMem, zombiezen.ResultCantOpen,
		zombiezen.ResultProtocol, zombiezen.ResultInterrupt, zombiezen.ResultReadOnly:
		return engine.Unavailable(fmt.Errorf("%w (%v)", err, code)), true
	}
	return err, false
}

func isBusy(err error) bool {
	code := codeOf(err).ToPrimary()
	return code == zombiezen.ResultBusy || code == zombiezen.ResultLocked
}

func isInterrupted(err error) bool { return codeOf(err).ToPrimary() == zombiezen.ResultInterrupt }

// unavailable is ErrUnavailable with what the system said.
func unavailable(err error) error {
	return engine.ErrUnavailable.Arg("detail", err.Error()).With(err)
}

// damaged is ErrDamaged with a detail.
func damaged(format string, args ...any) error {
	detail := fmt.Sprintf(format, args...)
	return engine.ErrDamaged.Arg("detail", detail).With(engine.ErrText(detail))
}
