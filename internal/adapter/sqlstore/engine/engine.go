// Package engine is what lies between the nouns' SQL and the databases: three kinds of statement, the rows they give, and
// what an open database can do.
//
// The nouns (package sqlstore) know this package only. The packages sqlite and postgres implement it; they alone know
// drivers. A statement is written once for both: $1 placeholders, listed columns, and Lock where a SELECT keeps its row.
//
// A change ends with the first of its statements that fails, or that must touch a row and touches none. Nothing of it
// remains, each further statement gives the error of that one, and so does Write, whatever the change itself returned.
package engine

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// Runner runs statements: those of one change, or reads outside of any.
type Runner interface {
	// Query hands each row of a statement whose rows are awaited to each: a SELECT, or a write … RETURNING. The result
	// must have the columns that want lists. The Row is valid only during the call; an error of each ends the query.
	Query(ctx context.Context, q string, args []any, want *Shape, each func(Row) error) error
	// Exec runs a write and returns how many rows it touched.
	Exec(ctx context.Context, q string, args []any) (int64, error)
	// Queue runs a write whose result nobody awaits, or a SELECT that only keeps its rows as they are (Lock). When untouched is not nil and the write touches no row, it is
	// the error that the change ends with. Such an error, as any of the write, comes with the next statement that is awaited or with
	// Write: a change may not rely on hearing of it here.
	Queue(ctx context.Context, q string, args []any, untouched error) error
	// Share and Alone queue a wait of their own, which holds until the end of the change: any number of changes share, and one
	// that is alone has no other of both beside it. They come first in a change, so that what it reads next is read after the wait.
	Share(ctx context.Context) error
	Alone(ctx context.Context) error
}

// Row is one row of a result. A column is asked for by its position. The second result is false when the column holds NULL or a value of
// another type; only Bytes takes NULL, for no bytes.
type Row interface {
	Null(i int) bool
	Text(i int) (string, bool)
	Int(i int) (int64, bool)
	Bool(i int) (bool, bool)
	Bytes(i int) ([]byte, bool)
}

// Database is an open database of one kind.
type Database interface {
	// Reader runs SELECTs, each at a moment of its own. ErrOutsideWrite for a statement that writes or locks.
	Reader() Runner
	// Write runs change in one transaction that is durable when Write returns nil. A change may run more than once. A panic in it
	// becomes an error of kind internal. Statements of a change must come from one goroutine.
	Write(ctx context.Context, change func(Runner) error) error
	// Asked is how often the database was asked since it was opened: statements of SQLite, round trips to PostgreSQL.
	Asked() int64
	// Version is the newest version that the table of migrations notes, 0 for a database without tables. ErrForeign.
	Version(ctx context.Context, table string) (int64, error)
	// Migrate hands do a database whose statements may take their time, and gives its error a meaning.
	Migrate(ctx context.Context, do func(context.Context, *sql.DB) error) error
	// Facts describes the database for its operator.
	Facts(ctx context.Context) (Facts, error)
	// Close waits for changes that run and closes all connections. Calls after that give ErrUnavailable.
	Close() error
}

// Facts are what an operator is shown of a database.
type Facts struct {
	Server      string    // version of the database
	Journal     string    // SQLite: "wal"
	Synchronous string    // SQLite: "full"; PostgreSQL: synchronous_commit, "on"
	Integrity   string    // SQLite: "ok" or what is wrong; "" for PostgreSQL
	Bytes       int64     // size of the data
	Clock       time.Time // PostgreSQL: the server's time; zero for SQLite, which has this machine's
}

// Lock ends a SELECT whose row stays as it is until the end of the change. Rows that refer to it may be inserted meanwhile.
const Lock = ` FOR NO KEY UPDATE`

// OnlyReads reports that a statement neither writes nor locks.
func OnlyReads(q string) bool { return strings.HasPrefix(q, "SELECT ") && !strings.HasSuffix(q, Lock) }
