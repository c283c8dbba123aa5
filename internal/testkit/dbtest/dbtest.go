// Package dbtest runs a test on each database the program supports.
package dbtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"countersign/internal/adapter/sqlstore"
	"countersign/internal/flow"
	"countersign/internal/testkit/pgtest"
)

// Each runs test on a new SQLite database and on a new PostgreSQL database, both migrated.
func Each(t *testing.T, test func(t *testing.T, db flow.DB)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, PostgreSQL(t)) })
}

// SQLite gives a new migrated SQLite database that ends with the test.
func SQLite(t testing.TB) flow.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "countersign.db")
	file, err := migrated()
	if err == nil {
		err = os.WriteFile(path, file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return open(t, sqlstore.Options{Path: path})
}

// migrated is the file of an empty SQLite database after all migrations, made once a test process: with the race
// detector they take a third of a second, more than most tests.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "dbtest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "countersign.db")
	db, err := sqlstore.Open(context.Background(), sqlstore.Options{Path: path})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(db.Migrate(context.Background()), db.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path) // Close has folded the log into it
})

// PostgreSQL gives a new migrated PostgreSQL database that ends with the test.
func PostgreSQL(t testing.TB) flow.DB {
	t.Helper()
	return open(t, sqlstore.Options{URL: pgtest.New(t)})
}

func open(t testing.TB, o sqlstore.Options) flow.DB {
	t.Helper()
	db, err := sqlstore.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return db
}
