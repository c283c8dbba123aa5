package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"countersign/internal/adapter/sqlstore/engine"
	"countersign/internal/adapter/sqlstore/postgres"
	"countersign/internal/adapter/sqlstore/sqlite"
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
	// Connections is the size of PostgreSQL's pool; 0 = four for each processor, 32 at most.
	Connections int
	Logger      *slog.Logger // nil = none
}

// DB is an open database; it implements flow.DB.
type DB struct {
	engine  engine.Database
	dialect string
	memory  *memory
	reading flow.Store

	closing sync.Once
	closed  error // what Close answered
}

var (
	_ flow.DB    = (*DB)(nil)
	_ flow.Store = (*store)(nil)
)

// Errors of starting, for an operator: see package engine.
var (
	ErrDamaged     = engine.ErrDamaged
	ErrForeign     = engine.ErrForeign
	ErrUnsafe      = engine.ErrUnsafe
	ErrMissing     = engine.ErrMissing
	ErrRefused     = engine.ErrRefused
	ErrUnavailable = engine.ErrUnavailable

	// ErrNewer reports a schema made by a later release.
	ErrNewer = errs.New(errs.Unavailable, "database.newer")
	// ErrEmpty reports a database without a schema where there must be one.
	ErrEmpty = errs.New(errs.NotFound, "database.empty")
)

// Open opens the database and checks that it is whole, safe and not newer than this program. It makes
// a missing SQLite file, unless it must exist, and changes nothing else: call Migrate next. Errors: see above.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	dialect, opened, err := openEngine(ctx, o)
	if err != nil {
		return nil, err
	}
	db := &DB{engine: opened, dialect: dialect, memory: &memory{}}
	db.reading = &store{run: opened.Reader(), memory: db.memory}
	version, err := opened.Version(ctx, versionTable)
	if err == nil {
		err = checkVersion(dialect, version, o.MustExist)
	}
	if err != nil {
		_ = opened.Close()
		return nil, err
	}
	return db, nil
}

func openEngine(ctx context.Context, o Options) (string, engine.Database, error) {
	if strings.HasPrefix(o.URL, "postgres://") || strings.HasPrefix(o.URL, "postgresql://") {
		d, err := postgres.Open(ctx, postgres.Options{URL: o.URL, Connections: o.Connections, Logger: o.Logger})
		return PostgreSQL, d, err
	}
	path := o.URL
	if path == "" {
		path = o.Path
	}
	if path == "" {
		return "", nil, errors.New("sqlstore: neither URL nor Path is given")
	}
	d, err := sqlite.Open(ctx, sqlite.Options{Path: path, MustExist: o.MustExist, Unchecked: o.Unchecked, Logger: o.Logger})
	return SQLite, d, err
}

// Dialect is SQLite or PostgreSQL.
func (db *DB) Dialect() string { return db.dialect }

// Close waits for changes that run and closes all connections. Calls after that give ErrUnavailable.
func (db *DB) Close() error {
	db.closing.Do(func() { db.closed = db.engine.Close() })
	return db.closed
}

// Migrate brings the schema to this program's version; several nodes may call it at once.
func (db *DB) Migrate(ctx context.Context) error {
	return db.engine.Migrate(ctx, func(ctx context.Context, to *sql.DB) error { return migrate(ctx, to, db.dialect) })
}

// Read implements flow.DB. Methods of the store that write return an internal error.
func (db *DB) Read() flow.Store { return db.reading }

// Write implements flow.DB. A panic in change becomes an internal error. On SQLite changes run one after
// another on one connection, so change must not wait for anything but its statements. A context that ends
// while the change waits for its turn gives the context's error and nothing happened; on SQLite a change
// that has begun is not interrupted.
func (db *DB) Write(ctx context.Context, change func(flow.Store) error) error {
	return db.engine.Write(ctx, func(run engine.Runner) error { return change(&store{run: run, memory: db.memory}) })
}

// Asked is how often the database was asked since it was opened: statements of SQLite, round trips to PostgreSQL.
// What a sign-in costs is mostly this number.
func (db *DB) Asked() int64 { return db.engine.Asked() }

// Status describes the database for the operator.
func (db *DB) Status(ctx context.Context) (s Status, err error) {
	s.Dialect, s.Target = db.dialect, target(db.dialect)
	if s.Facts, err = db.engine.Facts(ctx); err == nil {
		s.Version, err = db.engine.Version(ctx, versionTable)
	}
	return s, err
}

// Status is what the doctor shows.
type Status struct {
	engine.Facts
	Dialect string // SQLite or PostgreSQL
	Version int64  // of the schema, 0 = none yet
	Target  int64  // the version this program makes
}
