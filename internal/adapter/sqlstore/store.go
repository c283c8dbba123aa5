package sqlstore

import (
	"context"
	"strings"

	"countersign/internal/adapter/sqlstore/engine"
)

// store implements flow.Store over a runner: that of a change, or one that reads.
type store struct {
	run    engine.Runner
	memory *memory
}

// errNone stands for "no row" where that is an answer and not an error.
const errNone = engine.ErrText("no row")

// found makes false of errNone.
func found[T any](v T, err error) (T, bool, error) {
	if err == errNone {
		return v, false, nil
	}
	return v, err == nil, err
}

// one awaits a single row; missing is the error when there is none.
func one[T any](ctx context.Context, run engine.Runner, missing error, t *table[T], q string, args ...any) (v T, err error) {
	some := false
	err = run.Query(ctx, q, args, &t.shape, func(r engine.Row) (err error) {
		if !some {
			some = true
			v, err = t.scan(r, 0)
		}
		return err
	})
	if err == nil && !some {
		err = missing
	}
	return v, err
}

// list awaits all rows.
func list[T any](ctx context.Context, run engine.Runner, t *table[T], q string, args ...any) (all []T, err error) {
	err = run.Query(ctx, q, args, &t.shape, func(r engine.Row) error {
		v, err := t.scan(r, 0)
		if err == nil {
			all = append(all, v)
		}
		return err
	})
	return all, err
}

// insert queues an INSERT that t.insert has made; more are the values of its further columns.
func insert[T any](ctx context.Context, run engine.Runner, t *table[T], q string, v T, more ...any) error {
	args, err := t.values(v, more...)
	if err != nil {
		return err
	}
	return run.Queue(ctx, q, args, nil)
}

// queue queues a write of which nothing is awaited.
func (s *store) queue(ctx context.Context, q string, args ...any) error {
	return s.run.Queue(ctx, q, args, nil)
}

// must queues a write that ends its change with the error missing when it touches no row.
func (s *store) must(ctx context.Context, missing error, q string, args ...any) error {
	return s.run.Queue(ctx, q, args, missing)
}

// count awaits how many rows a write touched, touched whether it was any.
func (s *store) count(ctx context.Context, q string, args ...any) (int64, error) {
	return s.run.Exec(ctx, q, args)
}

func (s *store) touched(ctx context.Context, q string, args ...any) (bool, error) {
	n, err := s.run.Exec(ctx, q, args)
	return n > 0, err
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
