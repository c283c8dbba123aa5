package sqlstore

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/flow"
)

// Dialects.
const (
	SQLite     = "sqlite"
	PostgreSQL = "postgres"
)

// Options say where the data is.
type Options struct {
	// URL is a postgres:// or postgresql:// address, or a path of a SQLite file, or "" for Path.
	URL string
	// Path is the SQLite file used when URL is empty. Missing folders are made.
	Path string
	// MustExist makes no SQLite file (ErrMissing) and takes no database without a schema (ErrEmpty): what was set up
	// once and is gone is not begun anew.
	MustExist bool
	// Unchecked leaves out the integrity check, which reads a whole SQLite file: for commands that run
	// beside a server that did it.
	Unchecked bool
	// Connections is the size of PostgreSQL's pool; 0 = 16.
	Connections int
	Logger      *slog.Logger // nil = none
}

// DB is an open database; it implements flow.DB.
type DB struct {
	engine
	dialect string
	reading flow.Store

	closing sync.Once
	closed  error // what Close answered
}

// engine is what differs between the databases.
type engine interface {
	write(ctx context.Context, change func(flow.Store) error) error
	close() error
	migrate(ctx context.Context) error
	status(ctx context.Context) (Status, error)
}

var (
	_ flow.DB    = (*DB)(nil)
	_ flow.Store = (*store)(nil)
)

// Errors of starting, for an operator; each has the argument "detail", or the "name" of the database.
var (
	// ErrDamaged reports a SQLite file that is not whole: it is never repaired or replaced silently (AC-082).
	ErrDamaged = errs.New(errs.Unavailable, "database.damaged")
	// ErrNewer reports a schema made by a later release.
	ErrNewer = errs.New(errs.Unavailable, "database.newer")
	// ErrForeign reports a SQLite file of another program.
	ErrForeign = errs.New(errs.Unavailable, "database.foreign")
	// ErrUnsafe reports a database that does not keep what it confirmed (WAL, synchronous).
	ErrUnsafe = errs.New(errs.Unavailable, "database.unsafe")
	// ErrMissing reports a database that PostgreSQL does not have, or a SQLite file that must be there and is not.
	ErrMissing = errs.New(errs.Unavailable, "database.missing")
	// ErrEmpty reports a database without a schema where there must be one.
	ErrEmpty = errs.New(errs.NotFound, "database.empty")
	// ErrRefused reports a PostgreSQL that does not let us in: user, password, rights or a setting in the address.
	ErrRefused = errs.New(errs.Unavailable, "database.refused")
	// ErrUnavailable reports a database that cannot be reached now, or not in time.
	ErrUnavailable = errs.New(errs.Unavailable, "unavailable")
)

// Open opens the database and checks that it is whole, safe and not newer than this program. It makes
// a missing SQLite file, unless it must exist, and changes nothing else: call Migrate next. Errors: see above.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	db := &DB{dialect: SQLite}
	if strings.HasPrefix(o.URL, "postgres://") || strings.HasPrefix(o.URL, "postgresql://") {
		db.dialect = PostgreSQL
		e, err := openPostgres(ctx, o)
		if err != nil {
			return nil, err
		}
		db.engine, db.reading = e, e.reading
		return db, nil
	}
	path := o.URL
	if path == "" {
		path = o.Path
	}
	if path == "" {
		return nil, errors.New("sqlstore: neither URL nor Path is given")
	}
	e, err := openSQLite(ctx, path, o)
	if err != nil {
		return nil, err
	}
	db.engine, db.reading = e, e.reading
	return db, nil
}

// Dialect is SQLite or PostgreSQL.
func (db *DB) Dialect() string { return db.dialect }

// Close waits for changes that run and closes all connections. Calls after that give ErrUnavailable.
func (db *DB) Close() error {
	db.closing.Do(func() { db.closed = db.close() })
	return db.closed
}

// Migrate brings the schema to this program's version; several nodes may call it at once.
func (db *DB) Migrate(ctx context.Context) error { return db.migrate(ctx) }

// Read implements flow.DB. Methods of the store that write return an internal error.
func (db *DB) Read() flow.Store { return db.reading }

// Write implements flow.DB. A panic in change becomes an internal error. On SQLite changes run one after
// another on one connection, so change must not wait for anything but its statements. A context that ends
// while the change waits for its turn gives the context's error and nothing happened; on SQLite a change
// that has begun is not interrupted.
func (db *DB) Write(ctx context.Context, change func(flow.Store) error) error {
	return db.write(ctx, change)
}

// Asked is how often the database was asked since it was opened: statements of SQLite, journeys to PostgreSQL.
// What a sign-in costs is mostly this number.
func (db *DB) Asked() int64 { return db.reading.(*store).cache.asked.Load() }

// Status describes the database for the operator.
func (db *DB) Status(ctx context.Context) (Status, error) { return db.status(ctx) }

// Status is what the doctor shows.
type Status struct {
	Dialect     string    // SQLite or PostgreSQL
	Server      string    // version of the database
	Version     int64     // of the schema, 0 = none yet
	Target      int64     // the version this program makes
	Journal     string    // SQLite: "wal"
	Synchronous string    // SQLite: "full"; PostgreSQL: synchronous_commit, "on"
	Integrity   string    // SQLite: "ok" or what is wrong; "" for PostgreSQL
	Bytes       int64     // size of the data
	Clock       time.Time // PostgreSQL: the server's time; zero for SQLite, which has this machine's
}
