package sqlstore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
)

// sqliteConn is one connection with its prepared statements. One goroutine uses it at a time.
// Statements run without the caller's context: they take microseconds, and an interrupt would hit
// whoever else shares the transaction.
type sqliteConn struct {
	conn  driver.Conn
	stmts map[string]*sqliteStmt
	args  []driver.NamedValue
	row   row

	failed error // the first error of a statement since a change began
	lost   error // the transaction cannot go on
}

type sqliteStmt struct {
	driver.Stmt
	values []driver.Value
}

func (c *sqliteConn) prepare(q string) (*sqliteStmt, error) {
	if s := c.stmts[q]; s != nil {
		return s, nil
	}
	s, err := c.conn.Prepare(q)
	if err != nil {
		return nil, c.fail(err)
	}
	if c.stmts == nil {
		c.stmts = make(map[string]*sqliteStmt)
	}
	kept := &sqliteStmt{Stmt: s}
	c.stmts[q] = kept
	return kept, nil
}

func (c *sqliteConn) fail(err error) error {
	err, fatal := sqliteError(err)
	if c.failed == nil {
		c.failed = err
	}
	if fatal && c.lost == nil {
		c.lost = err
	}
	return err
}

func (c *sqliteConn) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		if s, ok := a.(string); ok {
			if t := clean(s); t != s {
				a = t
			}
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

func (c *sqliteConn) query(_ context.Context, q string, args []any, each func(*row)) (err error) {
	s, err := c.prepare(q)
	if err != nil {
		return err
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return c.fail(err)
	}
	defer func() {
		if e := rows.Close(); e != nil && err == nil {
			err = c.fail(e)
		}
	}()
	if s.values == nil {
		s.values = make([]driver.Value, len(rows.Columns()))
	}
	for {
		switch err := rows.Next(s.values); err {
		case nil:
			c.row = row{values: s.values}
			each(&c.row)
		case io.EOF:
			return nil
		default:
			return c.fail(err)
		}
	}
}

func (c *sqliteConn) change(ctx context.Context, q string, args []any, each func(*row)) error {
	return c.query(ctx, q, args, each)
}

func (c *sqliteConn) exec(_ context.Context, q string, args []any) (int64, error) {
	s, err := c.prepare(q)
	if err != nil {
		return 0, err
	}
	r, err := s.Stmt.(driver.StmtExecContext).ExecContext(context.Background(), c.bind(args))
	if err != nil {
		return 0, c.fail(err)
	}
	n, err := r.RowsAffected()
	return n, c.fail(err)
}

func (c *sqliteConn) later(ctx context.Context, q string, args []any) error {
	_, err := c.exec(ctx, q, args)
	return err
}

// run is exec of a statement without arguments and result.
func (c *sqliteConn) run(q string) error {
	_, err := c.exec(context.Background(), q, nil)
	return err
}

// text gives the first column of the first row, for PRAGMAs.
func (c *sqliteConn) text(q string, args ...any) (v string, err error) {
	err = c.query(context.Background(), q, args, func(r *row) {
		if v == "" {
			v = fmt.Sprint(r.values[0])
		}
	})
	return v, err
}

func (c *sqliteConn) close() error {
	for _, s := range c.stmts {
		_ = s.Close() // the connection goes next
	}
	return c.conn.Close()
}

// sqliteReader is the pool of reading connections. A store method makes one statement (a few make two), so
// a connection is never held while another is asked for.
type sqliteReader struct {
	idle   chan *sqliteConn
	closed chan struct{}
}

// reader marks runners that only read.
type reader interface{ readsOnly() }

func (*sqliteReader) readsOnly() {}

func (p *sqliteReader) query(ctx context.Context, q string, args []any, each func(*row)) error {
	var c *sqliteConn
	select {
	case c = <-p.idle:
	case <-ctx.Done():
		return ctx.Err()
	case <-p.closed:
		return ErrUnavailable
	}
	defer func() { p.idle <- c }()
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.query(ctx, q, args, each)
}

func (*sqliteReader) change(context.Context, string, []any, func(*row)) error { return errOutsideWrite }
func (*sqliteReader) exec(context.Context, string, []any) (int64, error)      { return 0, errOutsideWrite }
func (*sqliteReader) later(context.Context, string, []any) error              { return errOutsideWrite }
