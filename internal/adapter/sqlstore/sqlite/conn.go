package sqlite

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	zombiezen "zombiezen.com/go/sqlite"

	"countersign/internal/adapter/sqlstore/engine"
)

// busyTimeout is how long a statement waits for another process.
const busyTimeout = 5 * time.Second

// pragmas are the settings of each connection: WAL so that readers and the writer do not wait for each
// other, FULL so that a commit is on disk when it returns.
var pragmas = []string{"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)", "cache_size(-32768)"}

// conn is one connection with its prepared statements. One goroutine uses it at a time.
// Statements run without the caller's context: they take microseconds, and an interrupt would hit
// whoever else shares the transaction.
type conn struct {
	db    *zombiezen.Conn
	stmts map[string]*statement
	asked *atomic.Int64 // counts the statements; nil = nobody does
}

// statement is a prepared statement, and while it runs the row it stands at.
type statement struct {
	*zombiezen.Stmt
	checked *engine.Shape // what its columns were compared with last
}

// uri names a file.
func uri(path string) string {
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

// connect opens a connection with the pragmas and more.
func connect(path string, more ...string) (*conn, error) {
	db, err := zombiezen.OpenConn(uri(path), zombiezen.OpenReadWrite, zombiezen.OpenURI)
	if err != nil {
		if f, why := os.OpenFile(path, os.O_RDWR, 0); why != nil { // SQLite does not say what the system said
			err = fmt.Errorf("%w: %v", err, why)
		} else {
			_ = f.Close()
		}
		mapped, _ := meaning(err)
		return nil, mapped
	}
	db.SetBusyTimeout(busyTimeout)
	c := &conn{db: db, stmts: map[string]*statement{}}
	for _, p := range slices.Concat(pragmas, more) {
		if err := c.run("PRAGMA " + p); err != nil {
			_ = c.close()
			mapped, _ := meaning(err)
			return nil, mapped
		}
	}
	return c, nil
}

// prepare writes a statement as SQLite wants it: $1 would be a name there, counted as it comes, and nothing needs a lock.
func (c *conn) prepare(q string) (*statement, error) {
	if s, ok := c.stmts[q]; ok {
		return s, nil
	}
	p, err := c.db.Prepare(strings.ReplaceAll(strings.TrimSuffix(q, engine.Lock), "$", "?"))
	if err != nil {
		return nil, err
	}
	s := &statement{Stmt: p}
	c.stmts[q] = s
	return s, nil
}

// each runs a statement and hands its rows on. Its errors have no meaning yet.
func (c *conn) each(q string, args []any, want *engine.Shape, each func(engine.Row) error) error {
	s, err := c.prepare(q)
	if err != nil {
		return err
	}
	if want != nil && s.checked != want {
		if err := want.Check(s.ColumnCount(), s.ColumnName); err != nil {
			return err
		}
		s.checked = want
	}
	if c.asked != nil {
		c.asked.Add(1)
	}
	defer func() { _ = s.Reset() }() // also when each panics; its error is the one Step gave
	if err := s.bind(engine.Clean(args)); err != nil {
		return err
	}
	for {
		more, err := s.Step()
		if err != nil || !more {
			return err
		}
		if each != nil {
			if err := each(s); err != nil {
				return err
			}
		}
	}
}

// run runs a statement without values and result.
func (c *conn) run(q string) error { return c.each(q, nil, nil, nil) }

// text gives the first column of the first row, for PRAGMAs and counts. Its error has its meaning.
func (c *conn) text(q string, args ...any) (v string, err error) {
	first := true
	err = c.each(q, args, nil, func(r engine.Row) error {
		if first {
			v, first = r.(*statement).ColumnText(0), false
		}
		return nil
	})
	err, _ = meaning(err)
	return v, err
}

func (c *conn) close() error {
	err, _ := meaning(c.db.Close())
	return err
}

// bind gives the statement its values: all of them, each time.
func (s *statement) bind(args []any) error {
	if n := s.BindParamCount(); len(args) != n {
		return fmt.Errorf("%d values for a statement that takes %d", len(args), n)
	}
	for i, a := range args {
		switch v := a.(type) {
		case nil:
			s.BindNull(i + 1)
		case int64:
			s.BindInt64(i+1, v)
		case bool:
			s.BindBool(i+1, v)
		case string:
			s.BindText(i+1, v)
		case []byte:
			s.BindBytes(i+1, v)
		default:
			return fmt.Errorf("a statement's value is a %T", a)
		}
	}
	return nil // a value that could not be bound is an error of Step
}

// The row a statement stands at. Tables are STRICT, so a wrong type is a wrong query or a damaged file.

func (s *statement) Null(i int) bool { return s.ColumnType(i) == zombiezen.TypeNull }

func (s *statement) Text(i int) (string, bool) {
	if s.ColumnType(i) != zombiezen.TypeText {
		return "", false
	}
	return s.ColumnText(i), true
}

func (s *statement) Int(i int) (int64, bool) {
	return s.ColumnInt64(i), s.ColumnType(i) == zombiezen.TypeInteger
}

func (s *statement) Bool(i int) (bool, bool) {
	n, ok := s.Int(i)
	return n == 1, ok && n>>1 == 0
}

func (s *statement) Bytes(i int) ([]byte, bool) {
	switch s.ColumnType(i) {
	case zombiezen.TypeNull:
		return nil, true
	case zombiezen.TypeBlob:
		n := s.ColumnLen(i)
		if n == 0 {
			return nil, true
		}
		b := make([]byte, n)
		s.ColumnBytes(i, b)
		return b, true
	}
	return nil, false
}

// transaction runs the statements of changes on the connection that writes.
type transaction struct {
	*conn
	failed error // what the change that runs ends with
	lost   error // what the whole group ends with: its transaction cannot go on
}

// fail notes an error of a statement.
func (t *transaction) fail(err error) error {
	err, fatal := meaning(err)
	if t.failed == nil {
		t.failed = err
	}
	if fatal && t.lost == nil {
		t.lost = err
	}
	return err
}

// Query implements engine.Runner.
func (t *transaction) Query(_ context.Context, q string, args []any, want *engine.Shape, each func(engine.Row) error) error {
	if t.failed != nil {
		return t.failed
	}
	return t.fail(t.each(q, args, want, each))
}

// Exec implements engine.Runner.
func (t *transaction) Exec(_ context.Context, q string, args []any) (int64, error) {
	if t.failed != nil {
		return 0, t.failed
	}
	if err := t.each(q, args, nil, nil); err != nil {
		return 0, t.fail(err)
	}
	return int64(t.db.Changes()), nil
}

// Share and Alone implement engine.Runner: no change has another beside it.
func (t *transaction) Share(context.Context) error { return t.failed }
func (t *transaction) Alone(context.Context) error { return t.failed }

// Queue implements engine.Runner. It is silent about what it knows at once, as PostgreSQL has to be.
func (t *transaction) Queue(ctx context.Context, q string, args []any, untouched error) error {
	if t.failed != nil {
		return t.failed
	}
	n, err := t.Exec(ctx, q, args)
	if err == nil && n == 0 {
		t.failed = untouched
	}
	return nil
}
