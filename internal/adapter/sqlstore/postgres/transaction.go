package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/adapter/sqlstore/engine"
)

// transaction is one change. What it queues is sent with the next statement that is awaited, BEGIN ahead of all, or at its
// end: a round trip costs more than a small statement does. Every result is read and every condition checked before COMMIT is sent.
type transaction struct {
	conn  *pgx.Conn
	asked *atomic.Int64

	begun      bool
	queued     []statement
	conditions int   // how many of them must touch a row
	failed     error // what the change ends with
	doomed     bool  // failed says that such a statement touched none
	committing bool  // what was sent may have been committed: only the server knows
}

type statement struct {
	q         string
	args      []any
	untouched error
}

// Queue implements engine.Runner.
func (t *transaction) Queue(_ context.Context, q string, args []any, untouched error) error {
	if t.failed != nil {
		return t.failed
	}
	t.queued = append(t.queued, statement{q, engine.Clean(args), untouched})
	if untouched != nil {
		t.conditions++
	}
	return nil
}

// The lock of Share and Alone is one of the database, not of a row: a row that many share is written each time. Its number
// spells "counters".
const (
	share = `SELECT pg_advisory_xact_lock_shared(7165074649429406323)`
	alone = `SELECT pg_advisory_xact_lock(7165074649429406323)`
	// Whoever comes next waits behind one that waits to be alone. So that one gives up before a sign-in would, and later than
	// PostgreSQL looks for dead locks.
	patience = `SET LOCAL lock_timeout = '1500ms'`
)

// Share implements engine.Runner, Alone too.
func (t *transaction) Share(ctx context.Context) error { return t.Queue(ctx, share, nil, nil) }

func (t *transaction) Alone(ctx context.Context) error {
	if err := t.Queue(ctx, patience, nil, nil); err != nil {
		return err
	}
	return t.Queue(ctx, alone, nil, nil)
}

// Query implements engine.Runner.
func (t *transaction) Query(ctx context.Context, q string, args []any, want *engine.Shape, each func(engine.Row) error) error {
	return t.await(ctx, func(own context.Context) error {
		if t.begun && len(t.queued) == 0 {
			t.asked.Add(1)
			rows, err := t.conn.Query(own, q, engine.Clean(args)...)
			if err != nil {
				return err
			}
			return eachRow(rows, want, each)
		}
		return t.send(own, q, engine.Clean(args), func(answer pgx.BatchResults) error {
			rows, err := answer.Query()
			if err != nil {
				return err
			}
			return eachRow(rows, want, each)
		})
	})
}

// Exec implements engine.Runner.
func (t *transaction) Exec(ctx context.Context, q string, args []any) (n int64, err error) {
	err = t.await(ctx, func(own context.Context) error {
		var tag pgconn.CommandTag
		var err error
		if t.begun && len(t.queued) == 0 {
			t.asked.Add(1)
			tag, err = t.conn.Exec(own, q, engine.Clean(args)...)
		} else {
			err = t.send(own, q, engine.Clean(args), func(answer pgx.BatchResults) (err error) {
				tag, err = answer.Exec()
				return err
			})
		}
		n = tag.RowsAffected()
		return err
	})
	return n, err
}

// await runs one exchange with the server in its time, unless the change has failed, and notes when it fails now.
func (t *transaction) await(ctx context.Context, exchange func(context.Context) error) error {
	if t.failed != nil {
		return t.failed
	}
	own, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	err := exchange(own)
	if t.failed == nil && err != nil {
		t.failed = Meaning(ctx, err)
	}
	return t.failed
}

// send sends BEGIN if it is due, what is queued, and q unless it is "". It reads all results, that of q by read.
func (t *transaction) send(ctx context.Context, q string, args []any, read func(pgx.BatchResults) error) (err error) {
	var b pgx.Batch
	if !t.begun {
		b.Queue(`begin`)
	}
	for _, s := range t.queued {
		b.Queue(s.q, s.args...)
	}
	if q != "" {
		b.Queue(q, args...)
	}
	begins, sent := !t.begun, t.queued
	t.begun, t.queued, t.conditions = true, nil, 0
	t.asked.Add(1)
	answer := t.conn.SendBatch(ctx, &b)
	defer func() {
		if e := answer.Close(); err == nil {
			err = e
		}
	}()
	if begins {
		if _, err := answer.Exec(); err != nil {
			return err
		}
	}
	for _, s := range sent {
		tag, err := answer.Exec()
		if err != nil {
			return err
		}
		t.check(s, tag)
	}
	if t.failed != nil || q == "" {
		return t.failed
	}
	return read(answer)
}

// check ends the change when a statement touched no row and had to.
func (t *transaction) check(s statement, tag pgconn.CommandTag) {
	if s.untouched != nil && tag.RowsAffected() == 0 && t.failed == nil {
		t.failed, t.doomed = s.untouched, true
	}
}

// settle ends a change that returned err: by COMMIT, if neither it nor one of its statements failed. Rolling back is left to
// the caller.
func (t *transaction) settle(ctx context.Context, err error) error {
	if err != nil && t.failed == nil && t.conditions > 0 { // one of those it did not wait for may have ended it before
		_ = t.await(ctx, t.flush)
		if !t.doomed {
			return err
		}
	}
	if t.failed != nil {
		return t.failed
	}
	if err != nil {
		return err
	}
	return t.commit(ctx)
}

func (t *transaction) flush(ctx context.Context) error { return t.send(ctx, "", nil, nil) }

// commit sends what is queued, and when all of it is well COMMIT. A change that is one statement needs no transaction: when it touched no
// row, it changed nothing.
func (t *transaction) commit(ctx context.Context) error {
	switch {
	case !t.begun && len(t.queued) == 0:
		return nil
	case !t.begun && len(t.queued) == 1:
		return t.await(ctx, t.alone)
	case len(t.queued) > 0:
		if err := t.await(ctx, t.flush); err != nil {
			return err
		}
	}
	return t.await(ctx, func(own context.Context) error {
		t.committing = true
		t.asked.Add(1)
		tag, err := t.conn.Exec(own, `commit`)
		if err == nil && tag.String() != "COMMIT" {
			err = fmt.Errorf("commit answered %q", tag.String())
		}
		return err
	})
}

// alone runs the one statement of a change.
func (t *transaction) alone(ctx context.Context) error {
	t.committing = true
	t.asked.Add(1)
	s := t.queued[0]
	tag, err := t.conn.Exec(ctx, s.q, s.args...)
	if err == nil {
		t.check(s, tag)
		return t.failed
	}
	// An error instead of the statement's own answer, or nothing sent: then it is not committed.
	if answer := (*pgconn.PgError)(nil); tag.String() == "" && errors.As(err, &answer) || pgconn.SafeToRetry(err) {
		t.committing = false
	}
	return err
}

// died reports a connection that ended by itself before anything can have been committed.
func (t *transaction) died() bool {
	return t.failed != nil && t.conn.IsClosed() && !t.committing && !errors.Is(t.failed, context.DeadlineExceeded)
}

func (t *transaction) rollback() {
	if t.conn.IsClosed() || t.conn.PgConn().TxStatus() == 'I' {
		return
	}
	own, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
	defer cancel()
	_, _ = t.conn.Exec(own, `rollback`) // the pool drops a connection that is still in a transaction
}
