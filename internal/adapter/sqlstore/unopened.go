package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"syscall"

	"countersign/internal/adapter/sqlstore/engine"
	"countersign/internal/adapter/sqlstore/postgres"
	"countersign/internal/base/errs"
)

// Passing reports whether an error of Open or Migrate, or of the bell beside them, may go away while nobody touches
// the configuration: the database is not reached, takes no connections, is not there, is read only or full for now.
// Damage, a newer schema, a foreign file, a refused password and a path that leads nowhere stay.
func Passing(err error) bool {
	if err == nil {
		return false
	}
	err = postgres.Refused(err) // the bell's errors come as PostgreSQL gave them
	for _, lasting := range []error{ErrDamaged, ErrNewer, ErrForeign, ErrUnsafe, ErrRefused, engine.ErrAddress} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	var at *fs.PathError // a socket that is not there yet is none
	if errors.As(err, &at) && (errors.Is(at, fs.ErrPermission) || errors.Is(at, fs.ErrNotExist) || errors.Is(at, syscall.ENOTDIR)) {
		return false
	}
	return errs.KindOf(err) == errs.Unavailable || errs.KindOf(postgres.Meaning(context.Background(), err)) == errs.Unavailable
}

// Unopened is what may be asked before there is a database: everything is ErrUnavailable.
func Unopened() *DB {
	return &DB{engine: unopened{}, dialect: SQLite, reading: &store{run: unopened{}, memory: &memory{}}}
}

type unopened struct{}

func (unopened) Reader() engine.Runner                                  { return unopened{} }
func (unopened) Write(context.Context, func(engine.Runner) error) error { return ErrUnavailable }
func (unopened) Asked() int64                                           { return 0 }
func (unopened) Version(context.Context, string) (int64, error)         { return 0, ErrUnavailable }
func (unopened) Facts(context.Context) (engine.Facts, error)            { return engine.Facts{}, ErrUnavailable }
func (unopened) Close() error                                           { return nil }
func (unopened) Exec(context.Context, string, []any) (int64, error)     { return 0, ErrUnavailable }
func (unopened) Queue(context.Context, string, []any, error) error      { return ErrUnavailable }
func (unopened) Share(context.Context) error                            { return ErrUnavailable }
func (unopened) Alone(context.Context) error                            { return ErrUnavailable }
func (unopened) Migrate(context.Context, func(context.Context, *sql.DB) error) error {
	return ErrUnavailable
}
func (unopened) Query(context.Context, string, []any, *engine.Shape, func(engine.Row) error) error {
	return ErrUnavailable
}
