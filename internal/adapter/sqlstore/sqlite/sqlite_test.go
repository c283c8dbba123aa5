package sqlite

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	zombiezen "zombiezen.com/go/sqlite"

	"countersign/internal/adapter/sqlstore/engine"
)

var ctx = context.Background()

// newFile makes a database of one table and a few pages.
func newFile(t *testing.T, path string) *Database {
	t.Helper()
	d := openFile(t, path, false)
	do(t, d, `CREATE TABLE notes (text TEXT NOT NULL, filling BLOB) STRICT`)
	do(t, d, `INSERT INTO notes (text, filling) VALUES ('pages', zeroblob(100000))`)
	return d
}

// openFile opens a database that ends with the test.
func openFile(t *testing.T, path string, unchecked bool) *Database {
	t.Helper()
	d, err := Open(ctx, Options{Path: path, Unchecked: unchecked, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-d.stopped: // the test has closed it
		default:
			_ = d.Close()
		}
	})
	return d
}

func do(t *testing.T, d *Database, q string, args ...any) {
	t.Helper()
	if err := d.Write(ctx, func(r engine.Runner) error { _, err := r.Exec(ctx, q, args); return err }); err != nil {
		t.Fatal(err)
	}
}

func fails(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: have error %v, want %v", what, err, want)
	}
}

func same[T comparable](t *testing.T, what string, have, want T) {
	t.Helper()
	if have != want {
		t.Errorf("%s: have %v, want %v", what, have, want)
	}
}

// note writes a note, and reads how many there are.
func note(t *testing.T, d *Database, text string) {
	t.Helper()
	do(t, d, `INSERT INTO notes (text) VALUES ($1)`, text)
}

func notes(d *Database) (n int64, err error) {
	want := engine.Shape{{Name: "n", Kind: engine.Int}}
	err = d.Reader().Query(ctx, `SELECT COUNT(*) AS n FROM notes`, nil, &want, func(r engine.Row) error {
		n, _ = r.Int(0)
		return nil
	})
	return n, err
}

func TestAnErrorThatComesByTwiceIsReportedOnce(t *testing.T) {
	for code, want := range map[zombiezen.ResultCode]error{zombiezen.ResultFull: engine.ErrUnavailable,
		zombiezen.ResultReadOnly: engine.ErrUnavailable, zombiezen.ResultCorrupt: engine.ErrDamaged} {
		once, _ := meaning(code.ToError())
		twice, fatal := meaning(once)
		if !errors.Is(twice, want) || !fatal || twice != once {
			t.Errorf("%d: %v, then %v", code, once, twice)
		}
	}
}

func TestSQLiteSaysWhatTheSystemSaid(t *testing.T) {
	_, err := connect(filepath.Join(t.TempDir(), "none", "x.db"))
	if err == nil || !strings.Contains(err.Error(), syscall.ENOENT.Error()) {
		t.Errorf("%v", err)
	}
}

func TestAHeldWriteLockIsUnavailableAndNotForever(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cs.db")
	d := newFile(t, path)
	other, err := connect(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	if err := d.tx.run(`PRAGMA busy_timeout = 20`); err != nil { // shorter than in production
		t.Fatal(err)
	}
	if err := other.run(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err = d.Write(ctx, func(engine.Runner) error { t.Error("ran"); return nil })
	fails(t, "write", err, engine.ErrUnavailable)
	if time.Since(began) > 30*time.Second {
		t.Errorf("it took %v", time.Since(began))
	}
	if err := other.run(`ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	note(t, d, "a")
}
