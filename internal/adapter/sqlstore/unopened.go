package sqlstore

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"countersign/internal/base/errs"
	"countersign/internal/flow"
)

// Passing reports whether an error of Open or Migrate, or of the bell beside them, may go away while nobody touches
// the configuration: the database is not reached, takes no connections, is not there, is read only or full for now.
// Damage, a newer schema, a foreign file, a refused password and a path that leads nowhere stay.
func Passing(err error) bool {
	if err == nil {
		return false
	}
	err = refused(err) // the bell's errors come as PostgreSQL gave them
	for _, lasting := range []error{ErrDamaged, ErrNewer, ErrForeign, ErrUnsafe, ErrRefused, errAddress} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	var at *fs.PathError // a socket that is not there yet is none
	if errors.As(err, &at) && (errors.Is(at, fs.ErrPermission) || errors.Is(at, fs.ErrNotExist) || errors.Is(at, syscall.ENOTDIR)) {
		return false
	}
	return errs.KindOf(err) == errs.Unavailable || errs.KindOf(postgresError(context.Background(), err)) == errs.Unavailable
}

// Unopened is what may be asked before there is a database: everything is ErrUnavailable.
func Unopened() *DB {
	return &DB{engine: unopened{}, dialect: SQLite, reading: &store{run: unopened{}, cache: &cache{}}}
}

type unopened struct{}

func (unopened) write(context.Context, func(flow.Store) error) error     { return ErrUnavailable }
func (unopened) close() error                                            { return nil }
func (unopened) migrate(context.Context) error                           { return ErrUnavailable }
func (unopened) status(context.Context) (Status, error)                  { return Status{}, ErrUnavailable }
func (unopened) query(context.Context, string, []any, func(*row)) error  { return ErrUnavailable }
func (unopened) last(context.Context, string, []any, func(*row)) error   { return ErrUnavailable }
func (unopened) change(context.Context, string, []any, func(*row)) error { return ErrUnavailable }
func (unopened) exec(context.Context, string, []any) (int64, error)      { return 0, ErrUnavailable }
func (unopened) touch(context.Context, string, []any) (bool, error)      { return false, ErrUnavailable }
func (unopened) later(context.Context, string, []any) error              { return ErrUnavailable }
