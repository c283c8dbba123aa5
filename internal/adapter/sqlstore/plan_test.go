package sqlstore

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"testing"

	"countersign/internal/adapter/sqlstore/engine"
)

// recorder stands between a test's store and its database and keeps which statements were run.
type recorder struct {
	engine.Database
	o      Options
	closed bool
	mu     sync.Mutex
	texts  map[string]bool
}

func (r *recorder) Close() error {
	r.closed = true
	return r.Database.Close()
}

// record puts a recorder before the database that a test has opened. When the test is done, each statement that it ran
// on SQLite must have a plan that reads no whole table.
func record(t testing.TB, db *DB, o Options) {
	r := &recorder{Database: db.engine, o: o, texts: map[string]bool{}}
	db.engine = r
	db.reading = &store{run: r.Reader(), memory: db.memory}
	if db.dialect == SQLite {
		t.Cleanup(func() {
			if !r.closed { // by the test, which may have damaged the file
				checkPlans(t, r)
			}
		})
	}
}

// optionsOf is what a test's database was opened with.
func optionsOf(db *DB) Options { return db.engine.(*recorder).o }

func (r *recorder) Reader() engine.Runner { return recording{r.Database.Reader(), r} }

func (r *recorder) Write(ctx context.Context, change func(engine.Runner) error) error {
	return r.Database.Write(ctx, func(run engine.Runner) error { return change(recording{run, r}) })
}

type recording struct {
	engine.Runner
	r *recorder
}

func (r recording) keep(q string) {
	r.r.mu.Lock()
	defer r.r.mu.Unlock()
	r.r.texts[q] = true
}

func (r recording) Query(ctx context.Context, q string, args []any, want *engine.Shape, each func(engine.Row) error) error {
	r.keep(q)
	return r.Runner.Query(ctx, q, args, want, each)
}

func (r recording) Exec(ctx context.Context, q string, args []any) (int64, error) {
	r.keep(q)
	return r.Runner.Exec(ctx, q, args)
}

func (r recording) Queue(ctx context.Context, q string, args []any, untouched error) error {
	r.keep(q)
	return r.Runner.Queue(ctx, q, args, untouched)
}

// wholeTable lists beginnings of statements that may read a whole table: rare, and for people who wait.
var wholeTable = []string{
	"SELECT users.user_id, users.username",           // lists and searches of the panel
	"SELECT applications.application_id",             // all applications
	"SELECT DISTINCT policy FROM applications",       // likewise
	"SELECT action_log.logged_at, action_log.log_id", // the record, newest first: a scan in the order of its key
	"SELECT authentication_log.logged_at, authentication_log.log_id",
}

// checkPlans reports statements that were run and that read a whole table.
func checkPlans(t testing.TB, r *recorder) {
	path := r.o.Path
	if path == "" {
		path = r.o.URL
	}
	db, err := sql.Open("sqlite", "file:"+strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for q := range r.texts {
		if !strings.Contains(q, " WHERE ") || strings.Contains(q, "sqlite_master") || strings.Contains(q, "pragma") {
			continue
		}
		for _, step := range planOf(t, db, q) {
			if !strings.HasPrefix(step, "SCAN ") || strings.Contains(step, "CONSTANT") || strings.Contains(step, " INDEX ") {
				continue
			}
			allowed := false
			for _, beginning := range wholeTable {
				allowed = allowed || strings.HasPrefix(q, beginning)
			}
			if !allowed {
				t.Errorf("%s:\n%s", step, q)
			}
		}
	}
}

// planOf is SQLite's plan for a statement.
func planOf(t testing.TB, db *sql.DB, q string) (steps []string) {
	var args []any
	for strings.Contains(q, placeholder(len(args)+1)) {
		args = append(args, nil)
	}
	rows, err := db.Query("EXPLAIN QUERY PLAN "+strings.ReplaceAll(strings.TrimSuffix(q, engine.Lock), "$", "?"), args...)
	if err != nil {
		t.Errorf("%v:\n%s", err, q)
		return nil
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	return steps
}
