package sqlstore_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/adapter/sqlstore"
	"countersign/internal/testkit/pgtest"
)

// A PostgreSQL that is there and refuses the connection is as lost as one that is not (decision 0024).
func TestARefusedConnectionIsALostDatabaseAndSaysAtTheStartWhatToCorrect(t *testing.T) {
	ctx := context.Background()
	c := pgtest.OwnCluster(t)
	in := func(database, user string) string {
		u, err := url.Parse(c.DSN)
		if err != nil {
			t.Fatal(err)
		}
		u.Path, u.User = "/"+database, url.UserPassword(user, "hunter2hunter2")
		return u.String()
	}
	admin, err := pgx.Connect(ctx, in("postgres", "countersign"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(ctx)
	do := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := admin.Exec(ctx, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	do(`CREATE ROLE outsider NOLOGIN`, `CREATE ROLE guest LOGIN`, `REVOKE CONNECT ON DATABASE one FROM PUBLIC`)
	db, err := sqlstore.Open(ctx, sqlstore.Options{URL: in("one", "countersign")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	do(`ALTER DATABASE one ALLOW_CONNECTIONS false`, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'one'`)
	for range 3 { // what the pool held ends first
		_, err = db.Read().LoadSettings(ctx)
	}
	if !errors.Is(err, sqlstore.ErrUnavailable) {
		t.Errorf("55000 while it runs: %v", err)
	}
	for _, try := range []struct {
		name, url string
		want      error
		passing   bool
	}{
		{"55000", in("one", "countersign"), sqlstore.ErrUnavailable, true},
		{"3D000", in("two", "countersign"), sqlstore.ErrMissing, true},
		{"28000", in("postgres", "outsider"), sqlstore.ErrRefused, false},
		{"42704", in("postgres", "countersign") + "&no_such_setting=1", sqlstore.ErrRefused, false},
	} {
		_, err := sqlstore.Open(ctx, sqlstore.Options{URL: try.url})
		if !errors.Is(err, try.want) || sqlstore.Passing(err) != try.passing {
			t.Errorf("%s: passing %v: %v", try.name, sqlstore.Passing(err), err)
		}
		_, raw := pgx.Connect(ctx, try.url)
		if raw == nil || sqlstore.Passing(raw) != try.passing { // as the bell gives it
			t.Errorf("%s by another way: %v", try.name, raw)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s tells the password: %v", try.name, err)
		}
	}
	do(`ALTER DATABASE one ALLOW_CONNECTIONS true`)
	if _, err := sqlstore.Open(ctx, sqlstore.Options{URL: in("one", "guest")}); !errors.Is(err, sqlstore.ErrRefused) || sqlstore.Passing(err) {
		t.Errorf("42501: %v", err)
	}
	if _, err := db.Read().LoadSettings(ctx); err == nil || sqlstore.Passing(err) { // no schema: that is no connection
		t.Errorf("a table that is not there: %v", err)
	}
}

// AC-082: a file that goes away while it is waited for is not made anew.
func TestAFileThatMustBeThereIsNeverMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gone", "x.db")
	for range 2 {
		_, err := sqlstore.Open(context.Background(), sqlstore.Options{Path: path, MustExist: true})
		if !errors.Is(err, sqlstore.ErrMissing) || !sqlstore.Passing(err) {
			t.Errorf("passing %v: %v", sqlstore.Passing(err), err)
		}
		if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("something was made: %v", err)
		}
	}
}
