package sqlstore

import "context"

// sqliteConn is one connection with its prepared statements. One goroutine uses it at a time.
// Statements run without the caller's context: they take microseconds, and an interrupt would hit
// whoever else shares the transaction.
type sqliteConn struct {
	handle *sqliteHandle
	stmts  map[string]sqliteStmt
	row    row
	cache  *cache // counts the statements; nil = nobody does

	failed error // the first error of a statement since a change began
	lost   error // the transaction cannot go on
}

func (c *sqliteConn) prepare(q string) (sqliteStmt, error) {
	if s, ok := c.stmts[q]; ok {
		return s, nil
	}
	s, err := c.handle.prepare(q)
	if err == nil {
		c.stmts[q] = s
	}
	return s, err
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

func (c *sqliteConn) query(_ context.Context, q string, args []any, each func(*row)) error {
	s, err := c.prepare(q)
	if err != nil {
		return c.fail(err)
	}
	if c.cache != nil {
		c.cache.asked.Add(1)
	}
	defer s.reset() // also when each panics
	err = s.bind(cleanAll(args))
	for more := true; more && err == nil; {
		if more, err = s.step(); more {
			c.row = row{stmt: s}
			each(&c.row)
		}
	}
	return c.fail(err)
}

func (c *sqliteConn) change(ctx context.Context, q string, args []any, each func(*row)) error {
	return c.query(ctx, q, args, each)
}

func (c *sqliteConn) last(ctx context.Context, q string, args []any, each func(*row)) error {
	return c.query(ctx, q, args, each)
}

func (c *sqliteConn) exec(ctx context.Context, q string, args []any) (n int64, err error) {
	if err = c.query(ctx, q, args, func(*row) {}); err == nil {
		n = c.handle.changed()
	}
	return n, err
}

func (c *sqliteConn) touch(ctx context.Context, q string, args []any) (bool, error) {
	n, err := c.exec(ctx, q, args)
	return n > 0, err
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
			v = r.text()
		}
	})
	return v, err
}

func (c *sqliteConn) close() error {
	for _, s := range c.stmts {
		s.finalize()
	}
	return c.handle.close()
}

// sqliteReader is the pool of reading connections. A store method makes one statement (a few make two), so
// a connection is never held while another is asked for.
type sqliteReader struct {
	sound  *soundness
	idle   chan *sqliteConn
	closed chan struct{}
}

// reader marks runners that only read.
type reader interface{ readsOnly() }

func (*sqliteReader) readsOnly() {}

func (p *sqliteReader) query(ctx context.Context, q string, args []any, each func(*row)) error {
	if err := p.sound.err(); err != nil {
		return err
	}
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
func (*sqliteReader) last(context.Context, string, []any, func(*row)) error   { return errOutsideWrite }
func (*sqliteReader) exec(context.Context, string, []any) (int64, error)      { return 0, errOutsideWrite }
func (*sqliteReader) touch(context.Context, string, []any) (bool, error) {
	return false, errOutsideWrite
}
func (*sqliteReader) later(context.Context, string, []any) error { return errOutsideWrite }
