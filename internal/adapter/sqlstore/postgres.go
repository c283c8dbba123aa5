package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"countersign/internal/flow"
)

// Times after which PostgreSQL counts as unreachable: nothing here ever hangs.
const (
	connectTimeout   = 5 * time.Second
	statementTimeout = 10 * time.Second
	rollbackTimeout  = 2 * time.Second
)

// raceTries is how often a change is run again after a serialisation failure or deadlock.
const raceTries = 3

// errAddress is the cause of an ErrUnavailable that no waiting mends.
const errAddress = errText("the address of the database is not valid")

type postgresEngine struct {
	pool    *pgxpool.Pool
	cache   *cache
	reading flow.Store
	log     *slog.Logger
}

func openPostgres(ctx context.Context, o Options) (*postgresEngine, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, ErrUnavailable.Arg("detail", string(errAddress)).With(errAddress)
	}
	config.MaxConns = 16
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
		return nil, refused(postgresError(ctx, err))
	}
	e := &postgresEngine{pool: pool, cache: &cache{}, log: o.Logger}
	e.reading = &store{run: &postgresReader{pool, e.cache}, cache: e.cache}
	if err := e.check(ctx, o.MustExist); err != nil {
		pool.Close()
		return nil, refused(err)
	}
	return e, nil
}

func (e *postgresEngine) check(ctx context.Context, mustExist bool) error {
	var durable string
	if err := e.scan(ctx, `SHOW synchronous_commit`, &durable); err != nil {
		return err
	}
	if durable == "off" {
		return ErrUnsafe.Arg("detail", "synchronous_commit off")
	}
	version, err := e.version(ctx)
	if err != nil {
		return err
	}
	return checkVersion(PostgreSQL, version, mustExist)
}

// scan reads one row outside the hot path.
func (e *postgresEngine) scan(ctx context.Context, q string, into ...any) error {
	own, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	return postgresError(ctx, e.pool.QueryRow(own, q).Scan(into...))
}

func (e *postgresEngine) version(ctx context.Context) (v int64, err error) {
	var there bool
	if err := e.scan(ctx, `SELECT to_regclass('`+versionTable+`') IS NOT NULL`, &there); err != nil || !there {
		return 0, err
	}
	return v, e.scan(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM `+versionTable, &v)
}

func (e *postgresEngine) migrate(ctx context.Context) error {
	config := e.pool.Config().ConnConfig.Copy()
	delete(config.RuntimeParams, "statement_timeout") // a migration may take its time
	db := stdlib.OpenDB(*config)
	defer db.Close()
	return postgresError(ctx, migrate(ctx, db, PostgreSQL))
}

func (e *postgresEngine) status(ctx context.Context) (Status, error) {
	s := Status{Dialect: PostgreSQL, Target: target(PostgreSQL)}
	err := e.scan(ctx, `SELECT current_setting('server_version'), current_setting('synchronous_commit'), pg_database_size(current_database()), clock_timestamp()`,
		&s.Server, &s.Synchronous, &s.Bytes, &s.Clock)
	if err == nil {
		s.Version, err = e.version(ctx)
	}
	return s, err
}

func (e *postgresEngine) close() error {
	e.pool.Close()
	return nil
}

// write runs the change again when PostgreSQL gave the race to another, and once when the connection turned
// out dead before COMMIT was looked at, as after a restart of the server. A change that took something for granted
// that was not so runs again step by step.
func (e *postgresEngine) write(ctx context.Context, change func(flow.Store) error) error {
	stepwise := false
	for try := 0; ; try++ {
		dead, err := e.writeOnce(ctx, change, stepwise)
		if err == errPresumed {
			stepwise, try = true, try-1
			continue
		}
		again := lostRace(err) && try < raceTries || dead && try == 0
		if !again || ctx.Err() != nil {
			return err
		}
		e.log.Info("a change is run again", "error", err)
		pause := time.Duration(1+rand.IntN(10<<try)) * time.Millisecond
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// writeOnce also reports whether the connection died, by itself and with nothing committed.
func (e *postgresEngine) writeOnce(ctx context.Context, change func(flow.Store) error, stepwise bool) (dead bool, err error) {
	own, cancel := context.WithTimeout(ctx, connectTimeout)
	conn, err := e.pool.Acquire(own)
	cancel()
	if err != nil {
		return false, postgresError(ctx, err)
	}
	t := &postgresTx{conn: conn.Conn(), cache: e.cache, stepwise: stepwise}
	settled := false
	defer func() { // also when the change panics or ends its goroutine
		if !settled {
			t.rollback()
		}
		conn.Release()
	}()
	// FOR NO KEY UPDATE lets rows that refer to the user be inserted meanwhile.
	err = call(change, &store{run: t, lock: ` FOR NO KEY UPDATE`, cache: e.cache})
	switch {
	case t.failed == errPresumed || err != nil && t.presuming > 0: // its error may come of what it presumed
		err = errPresumed
	case err == nil:
		err = t.failed // also when the change took no notice
	}
	if err == nil {
		err = t.commit(ctx)
	}
	settled = err == nil
	dead = err != nil && err == t.failed && t.conn.IsClosed() && !t.committing && !errors.Is(err, context.DeadlineExceeded)
	return dead, err
}

func call(change func(flow.Store) error, s flow.Store) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()
	return change(s)
}

// postgresTx is one write transaction. BEGIN travels with the first statement whose result is awaited,
// statements of which nothing is awaited with the next one or with COMMIT: each journey saved is a
// fifth of a small transaction's time.
//
// A statement that must find its row, such as the UPDATE that uses up a code, nearly always does. So it is
// presumed to, and travels with the next one or with COMMIT as well, in a form that fails when it found none:
// the server then looks at nothing that came with it, least of all at COMMIT, and the change runs again, stepwise.
type postgresTx struct {
	conn      *pgx.Conn
	cache     *cache
	stepwise  bool // nothing is presumed
	begun     bool
	queued    []queuedStatement
	presuming int // how many of them must touch a row
	row       row
	failed    error

	committing bool // COMMIT may have been looked at: only the server knows
	committed  bool
}

type queuedStatement struct {
	q    string
	args []any
}

// errEnded reports a statement after the one that ended its change.
const errEnded = errText("a statement came after the last one of its change")

// errPresumed ends a change that presumed what was not so.
const errPresumed = errText("a statement touched no row")

func (t *postgresTx) later(ctx context.Context, q string, args []any) error {
	if t.committed {
		return t.fail(ctx, errEnded)
	}
	t.queued = append(t.queued, queuedStatement{q, cleanAll(args)})
	return nil
}

func (t *postgresTx) touch(ctx context.Context, q string, args []any) (bool, error) {
	if t.stepwise {
		n, err := t.exec(ctx, q, args)
		return n > 0, err
	}
	if t.committed {
		return false, t.fail(ctx, errEnded)
	}
	t.queued = append(t.queued, queuedStatement{mustTouch + q + orFail, cleanAll(args)})
	t.presuming++
	return true, nil
}

// What goes around a statement that must touch a row. When it touches none, its end divides by zero: no other
// statement of the store ever divides.
const (
	mustTouch   = `WITH touched AS (`
	orFail      = ` RETURNING 1) SELECT 1 / COUNT(*) FROM touched`
	touchedNone = "22012"
)

// presumption makes errPresumed of the error of a statement that had to touch a row and did not.
func presumption(err error) error {
	if code := (*pgconn.PgError)(nil); errors.As(err, &code) && code.Code == touchedNone {
		return errPresumed
	}
	return err
}

// beforeCommit reports an error, of a statement ahead of COMMIT, after which the server has not looked at that: the
// error is its answer, or nothing was sent.
func beforeCommit(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) || pgconn.SafeToRetry(err)
}

// send sends BEGIN if due, what is queued, q and, when that ends the change, COMMIT. Its caller reads the results from q's
// on from the answer.
func (t *postgresTx) send(ctx context.Context, q string, args []any, ends bool) (pgx.BatchResults, error) {
	if t.committed {
		return nil, errEnded
	}
	var b pgx.Batch
	ahead := t.queued
	if !t.begun {
		ahead = append([]queuedStatement{{q: `begin`}}, ahead...)
	}
	for _, s := range ahead {
		b.Queue(s.q, s.args...)
	}
	b.Queue(q, args...)
	if ends {
		b.Queue(`commit`)
		t.committing = true
	}
	t.begun, t.queued, t.presuming = true, t.queued[:0], 0
	t.cache.asked.Add(1)
	answer := t.conn.SendBatch(ctx, &b)
	for range ahead {
		if _, err := answer.Exec(); err != nil {
			_ = answer.Close()
			t.committing = t.committing && !beforeCommit(err)
			return nil, presumption(err)
		}
	}
	return answer, nil
}

func (t *postgresTx) query(ctx context.Context, q string, args []any, each func(*row)) error {
	return t.ask(ctx, q, args, each, false)
}

func (t *postgresTx) last(ctx context.Context, q string, args []any, each func(*row)) error {
	return t.ask(ctx, q, args, each, true)
}

func (t *postgresTx) ask(ctx context.Context, q string, args []any, each func(*row), ends bool) error {
	own, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	if t.begun && len(t.queued) == 0 && !ends && !t.committed {
		t.cache.asked.Add(1)
		rows, err := t.conn.Query(own, q, cleanAll(args)...)
		if err == nil {
			err = eachRow(rows, &t.row, each)
		}
		return t.fail(ctx, err)
	}
	answer, err := t.send(own, q, cleanAll(args), ends)
	if err != nil {
		return t.fail(ctx, err)
	}
	rows, err := answer.Query()
	if err == nil {
		err = eachRow(rows, &t.row, each)
	}
	if err == nil && ends {
		err = t.committedBy(answer)
	}
	if e := answer.Close(); err == nil {
		err = e
	}
	return t.fail(ctx, err)
}

func (t *postgresTx) change(ctx context.Context, q string, args []any, each func(*row)) error {
	return t.query(ctx, q, args, each)
}

func (t *postgresTx) exec(ctx context.Context, q string, args []any) (int64, error) {
	own, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	if t.begun && len(t.queued) == 0 && !t.committed {
		t.cache.asked.Add(1)
		tag, err := t.conn.Exec(own, q, cleanAll(args)...)
		return tag.RowsAffected(), t.fail(ctx, err)
	}
	answer, err := t.send(own, q, cleanAll(args), false)
	if err != nil {
		return 0, t.fail(ctx, err)
	}
	tag, err := answer.Exec()
	if e := answer.Close(); err == nil {
		err = e
	}
	return tag.RowsAffected(), t.fail(ctx, err)
}

func (t *postgresTx) fail(ctx context.Context, err error) error {
	if err != errPresumed {
		err = postgresError(ctx, err)
	}
	if err != nil && t.failed == nil {
		t.failed = err
	}
	return err
}

func (t *postgresTx) commit(ctx context.Context) error {
	if t.committed || !t.begun && len(t.queued) == 0 {
		return nil
	}
	own, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	t.committing = true
	answer, err := t.send(own, `commit`, nil, false)
	if err != nil {
		return t.fail(ctx, err)
	}
	err = t.committedBy(answer)
	if e := answer.Close(); err == nil {
		err = e
	}
	return t.fail(ctx, err)
}

// committedBy reads the answer to COMMIT.
func (t *postgresTx) committedBy(answer pgx.BatchResults) error {
	tag, err := answer.Exec()
	if err == nil && tag.String() != "COMMIT" {
		err = fmt.Errorf("commit answered %q", tag.String())
	}
	t.committed = err == nil
	return err
}

func (t *postgresTx) rollback() {
	if t.conn.IsClosed() || t.conn.PgConn().TxStatus() == 'I' {
		return
	}
	own, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
	defer cancel()
	_, _ = t.conn.Exec(own, `rollback`) // the pool drops a connection that is still in a transaction
}

func eachRow(rows pgx.Rows, into *row, each func(*row)) error {
	defer rows.Close()
	for rows.Next() {
		*into = row{raw: rows.RawValues()}
		each(into)
	}
	rows.Close()
	return rows.Err()
}

// postgresReader reads; each statement sees its own moment.
type postgresReader struct {
	pool  *pgxpool.Pool
	cache *cache
}

func (*postgresReader) readsOnly() {}

func (p *postgresReader) query(ctx context.Context, q string, args []any, each func(*row)) error {
	own, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	p.cache.asked.Add(1)
	rows, err := p.pool.Query(own, q, cleanAll(args)...)
	if err == nil {
		var r row
		err = eachRow(rows, &r, each)
	}
	return postgresError(ctx, err)
}

func (*postgresReader) change(context.Context, string, []any, func(*row)) error {
	return errOutsideWrite
}
func (*postgresReader) last(context.Context, string, []any, func(*row)) error {
	return errOutsideWrite
}
func (*postgresReader) exec(context.Context, string, []any) (int64, error) { return 0, errOutsideWrite }
func (*postgresReader) touch(context.Context, string, []any) (bool, error) {
	return false, errOutsideWrite
}
func (*postgresReader) later(context.Context, string, []any) error { return errOutsideWrite }
