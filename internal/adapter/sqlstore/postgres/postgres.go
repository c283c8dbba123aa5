// Package postgres keeps the nouns in a PostgreSQL database, which several nodes may share.
package postgres

import (
	"context"
	"database/sql"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"countersign/internal/adapter/sqlstore/engine"
)

// Times after which PostgreSQL counts as unreachable: nothing here ever hangs.
const (
	connectTimeout   = 5 * time.Second
	statementTimeout = 10 * time.Second
	rollbackTimeout  = 2 * time.Second
)

// raceTries is how often a change is run again after a serialization failure or deadlock.
const raceTries = 3

// Options say where the database is.
type Options struct {
	URL         string // postgres:// or postgresql://
	Connections int    // size of the pool; 0 = poolSize
	Logger      *slog.Logger
}

// poolSize is how many connections there are for so many processors: as many as keep them and the database busy. More
// would only wait for each other, and PostgreSQL has 100 for all nodes unless its owner says otherwise.
func poolSize(processors int) int { return min(4*processors, 32) }

// Database is an open database; it implements engine.Database.
type Database struct {
	pool  *pgxpool.Pool
	asked atomic.Int64
	log   *slog.Logger
}

// Open opens a database and checks that it keeps what it confirms. ErrRefused, ErrMissing, ErrUnsafe, ErrUnavailable.
func Open(ctx context.Context, o Options) (*Database, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, engine.ErrUnavailable.Arg("detail", string(engine.ErrAddress)).With(engine.ErrAddress)
	}
	return open(ctx, o, config)
}

func open(ctx context.Context, o Options, config *pgxpool.Config) (*Database, error) {
	config.MaxConns = int32(poolSize(runtime.GOMAXPROCS(0)))
	if o.Connections > 0 {
		config.MaxConns = int32(o.Connections)
	}
	config.ConnConfig.ConnectTimeout = connectTimeout
	for name, value := range map[string]string{
		"application_name":                    "countersign",
		"default_transaction_isolation":       "read committed",
		"statement_timeout":                   "10s",
		"lock_timeout":                        "5s",
		"idle_in_transaction_session_timeout": "30s",
	} {
		config.ConnConfig.RuntimeParams[name] = value
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, Refused(Meaning(ctx, err))
	}
	d := &Database{pool: pool, log: o.Logger}
	var durable string
	if err = d.scan(ctx, `SHOW synchronous_commit`, &durable); err == nil && durable == "off" {
		err = engine.ErrUnsafe.Arg("detail", "synchronous_commit off")
	}
	if err != nil {
		pool.Close()
		return nil, Refused(err)
	}
	return d, nil
}

// scan reads one row outside the hot path.
func (d *Database) scan(ctx context.Context, q string, into ...any) error {
	own, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	return Meaning(ctx, d.pool.QueryRow(own, q).Scan(into...))
}

// Reader implements engine.Database, Asked too.
func (d *Database) Reader() engine.Runner { return reader{d} }
func (d *Database) Asked() int64          { return d.asked.Load() }

// Version implements engine.Database.
func (d *Database) Version(ctx context.Context, table string) (v int64, err error) {
	var there bool
	if err := d.scan(ctx, `SELECT to_regclass('`+table+`') IS NOT NULL`, &there); err != nil || !there {
		return 0, Refused(err)
	}
	return v, d.scan(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM `+table, &v)
}

// Migrate implements engine.Database.
func (d *Database) Migrate(ctx context.Context, do func(context.Context, *sql.DB) error) error {
	config := d.pool.Config().ConnConfig.Copy()
	delete(config.RuntimeParams, "statement_timeout")
	db := stdlib.OpenDB(*config)
	defer db.Close()
	return Meaning(ctx, do(ctx, db))
}

// Facts implements engine.Database.
func (d *Database) Facts(ctx context.Context) (f engine.Facts, err error) {
	err = d.scan(ctx, `SELECT current_setting('server_version'), current_setting('synchronous_commit'), pg_database_size(current_database()), clock_timestamp()`,
		&f.Server, &f.Synchronous, &f.Bytes, &f.Clock)
	return f, err
}

// Close implements engine.Database.
func (d *Database) Close() error {
	d.pool.Close()
	return nil
}

// Write implements engine.Database. It runs the change again when PostgreSQL gave the race to another, and once when the connection
// turned out dead before COMMIT was sent, as after a restart of the server.
func (d *Database) Write(ctx context.Context, change func(engine.Runner) error) error {
	for try := 0; ; try++ {
		dead, err := d.writeOnce(ctx, change)
		again := lostRace(err) && try < raceTries || dead && try == 0
		if !again || ctx.Err() != nil {
			return err
		}
		d.log.Info("a change is run again", "error", err)
		pause := time.Duration(1+rand.IntN(10<<try)) * time.Millisecond
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// writeOnce also reports whether the connection died, by itself and with nothing committed.
func (d *Database) writeOnce(ctx context.Context, change func(engine.Runner) error) (dead bool, err error) {
	own, cancel := context.WithTimeout(ctx, connectTimeout)
	conn, err := d.pool.Acquire(own)
	cancel()
	if err != nil {
		return false, Meaning(ctx, err)
	}
	t := &transaction{conn: conn.Conn(), asked: &d.asked}
	settled := false
	defer func() { // also when the change ends its goroutine
		if !settled {
			t.rollback()
		}
		conn.Release()
	}()
	panicked, err := engine.Call(change, t)
	if !panicked {
		err = t.settle(ctx, err)
	}
	settled = err == nil
	return err != nil && t.died(), err
}

// reader reads; each statement sees its own moment.
type reader struct{ d *Database }

// Query implements engine.Runner.
func (r reader) Query(ctx context.Context, q string, args []any, want *engine.Shape, each func(engine.Row) error) error {
	if !engine.OnlyReads(q) {
		return engine.ErrOutsideWrite
	}
	own, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	r.d.asked.Add(1)
	rows, err := r.d.pool.Query(own, q, engine.Clean(args)...)
	if err == nil {
		err = eachRow(rows, want, each)
	}
	return Meaning(ctx, err)
}

// Exec and Queue implement engine.Runner.
func (reader) Exec(context.Context, string, []any) (int64, error) { return 0, engine.ErrOutsideWrite }
func (reader) Queue(context.Context, string, []any, error) error  { return engine.ErrOutsideWrite }

// Share and Alone implement engine.Runner.
func (reader) Share(context.Context) error { return engine.ErrOutsideWrite }
func (reader) Alone(context.Context) error { return engine.ErrOutsideWrite }
