// Package dbtest runs a test on each database the program supports. PostgreSQL comes from package pgtest: without it
// these tests fail.
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

// Each runs test as two subtests, on a new SQLite database and on a new PostgreSQL database, both migrated and empty.
func Each(t *testing.T, test func(t *testing.T, db flow.DB)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, PostgreSQL(t)) })
}

// SQLite opens a new migrated SQLite database in a temporary folder. It is closed and removed when the test ends.
func SQLite(t testing.TB) flow.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "countersign.db")
	SQLiteFile(t, path)
	return open(t, sqlstore.Options{Path: path})
}

// SQLiteFile writes a new migrated SQLite database to a file.
func SQLiteFile(t testing.TB, path string) {
	t.Helper()
	file, err := migrated()
	if err == nil {
		err = os.WriteFile(path, file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// migrated returns the file of an empty SQLite database after all migrations. It is made once per test process,
// because the migrations take a third of a second under the race detector, which is more than most tests.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "dbtest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "countersign.db")
	if err := migrate(sqlstore.Options{Path: path}); err != nil {
		return nil, err
	}
	return os.ReadFile(path) // closing it wrote the write-ahead log into this file
})

// PostgreSQL opens a new migrated PostgreSQL database. It is closed and dropped when the test ends.
func PostgreSQL(t testing.TB) flow.DB {
	t.Helper()
	return open(t, sqlstore.Options{URL: PostgreSQLAddress(t)})
}

// PostgreSQLAddress creates a new migrated PostgreSQL database and returns its address. It is dropped when the test
// ends.
func PostgreSQLAddress(t testing.TB) string {
	t.Helper()
	return pgtest.Like(t, "countersign", func(dsn string) error { return migrate(sqlstore.Options{URL: dsn}) })
}

func migrate(o sqlstore.Options) error {
	db, err := sqlstore.Open(context.Background(), o)
	if err != nil {
		return err
	}
	return errors.Join(db.Migrate(context.Background()), db.Close())
}

// open opens and migrates a database that is closed when the test ends. Migrating does nothing if o names a copy of
// a migrated one.
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
