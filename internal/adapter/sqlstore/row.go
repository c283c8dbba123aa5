package sqlstore

import (
	"context"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"

	"countersign/internal/base/errs"
)

// runner runs statements: inside a write transaction, or for reading only.
type runner interface {
	// query hands each row of a SELECT to each. The row is valid only during the call.
	query(ctx context.Context, q string, args []any, each func(*row)) error
	// change is query for a statement that writes (… RETURNING).
	change(ctx context.Context, q string, args []any, each func(*row)) error
	// last is query for the last statement of a change: PostgreSQL commits it in the same journey.
	last(ctx context.Context, q string, args []any, each func(*row)) error
	// exec runs a statement that writes and returns how many rows it touched.
	exec(ctx context.Context, q string, args []any) (int64, error)
	// touch is exec for a statement of which only matters whether it touched a row. PostgreSQL may answer true
	// before it knows: then the whole change runs again when that was wrong.
	touch(ctx context.Context, q string, args []any) (bool, error)
	// later runs a statement that writes and of which nothing is awaited: its error may come
	// with a later statement or with the commit.
	later(ctx context.Context, q string, args []any) error
}

// store implements flow.Store over a runner.
type store struct {
	run   runner
	lock  string // what a SELECT needs to lock its row until the end of the transaction
	cache *cache
}

var errOutsideWrite = &errs.Error{Kind: errs.Internal, Code: "internal", Cause: errText("a statement that writes was called outside Write")}

type errText string

func (e errText) Error() string { return string(e) }

// row reads the columns of one result row from left to right.
type row struct {
	raw  [][]byte   // PostgreSQL, binary format; nil for SQLite
	stmt sqliteStmt // SQLite
	i    int
}

func (r *row) text() string {
	i := r.i
	r.i++
	if r.raw != nil {
		return string(r.raw[i])
	}
	return r.stmt.text(i)
}

func (r *row) int() int64 {
	i := r.i
	r.i++
	if r.raw != nil {
		switch b := r.raw[i]; len(b) {
		case 8:
			return int64(binary.BigEndian.Uint64(b))
		case 4:
			return int64(int32(binary.BigEndian.Uint32(b)))
		default:
			return 0
		}
	}
	return r.stmt.integer(i)
}

func (r *row) bool() bool {
	if r.raw != nil {
		b := r.raw[r.i]
		r.i++
		return len(b) == 1 && b[0] != 0
	}
	return r.int() != 0
}

// bytes gives nil for NULL and for no bytes.
func (r *row) bytes() []byte {
	i := r.i
	r.i++
	var b []byte
	if r.raw != nil {
		b = r.raw[i]
	} else {
		b = r.stmt.blob(i)
	}
	if len(b) == 0 {
		return nil
	}
	return append([]byte(nil), b...)
}

func (r *row) time() time.Time {
	n := r.int()
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// micros is how a time rests: microseconds since 1970, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// blob makes NULL of no bytes.
func blob(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// clean replaces what PostgreSQL refuses in a TEXT (bad UTF-8, NUL), on both databases: a browser's
// strange header must not become an error. The replacement character matches no key.
func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// cleanAll cleans the texts among a statement's values, in place.
func cleanAll(args []any) []any {
	for i, a := range args {
		if s, ok := a.(string); ok {
			if t := clean(s); t != s {
				args[i] = t
			}
		}
	}
	return args
}

// one scans a single row; missing is the error when there is none.
func one[T any](ctx context.Context, r runner, missing error, scan func(*row) T, q string, args ...any) (v T, err error) {
	found := false
	err = r.query(ctx, q, args, func(r *row) {
		if !found {
			v, found = scan(r), true
		}
	})
	if err == nil && !found {
		err = missing
	}
	return v, err
}

// changeOne is one for a statement that writes.
func changeOne[T any](ctx context.Context, r runner, missing error, scan func(*row) T, q string, args ...any) (v T, err error) {
	found := false
	err = r.change(ctx, q, args, func(r *row) {
		if !found {
			v, found = scan(r), true
		}
	})
	if err == nil && !found {
		err = missing
	}
	return v, err
}

// list scans all rows.
func list[T any](ctx context.Context, r runner, scan func(*row) T, q string, args ...any) (all []T, err error) {
	err = r.query(ctx, q, args, func(r *row) { all = append(all, scan(r)) })
	return all, err
}

// touched runs a statement that writes and reports whether it touched a row.
func touched(ctx context.Context, r runner, q string, args ...any) (bool, error) {
	return r.touch(ctx, q, args)
}

// must is touched with missing as the error when no row was.
func must(ctx context.Context, r runner, missing error, q string, args ...any) error {
	ok, err := touched(ctx, r, q, args...)
	if err == nil && !ok {
		return missing
	}
	return err
}

// where collects conditions; each ? becomes the next placeholder.
type where struct {
	parts []string
	args  []any
}

func (w *where) add(condition string, args ...any) {
	for _, a := range args {
		w.args = append(w.args, a)
		condition = strings.Replace(condition, "?", placeholder(len(w.args)), 1)
	}
	w.parts = append(w.parts, condition)
}

func placeholder(n int) string {
	if n < 10 {
		return "$" + string(rune('0'+n))
	}
	return "$" + string(rune('0'+n/10)) + string(rune('0'+n%10))
}

// and joins the conditions; "TRUE" when there are none.
func (w *where) and() string {
	if len(w.parts) == 0 {
		return "TRUE"
	}
	return strings.Join(w.parts, " AND ")
}

// or joins the conditions, of which there must be one.
func (w *where) or() string { return "(" + strings.Join(w.parts, " OR ") + ")" }
