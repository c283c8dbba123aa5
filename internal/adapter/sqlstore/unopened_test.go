package sqlstore_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"countersign/internal/adapter/sqlstore"
	"countersign/internal/flow"
)

// A node waits for what passes and ends with what an operator must mend (AC-020, AC-082).
func TestOnlyADatabaseThatIsAwayIsWaitedFor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("closed.db", "")
	if err := os.MkdirAll(filepath.Join(dir, "busy.db.closed", "x"), 0o700); err != nil { // no file can be made or removed there
		t.Fatal(err)
	}
	whole := filepath.Join(dir, "busy.db")
	for _, c := range []struct {
		name string
		o    sqlstore.Options
		want bool
	}{
		{"PostgreSQL that nobody answers for", sqlstore.Options{URL: "postgres://u:p@" + nobody + "/x"}, true},
		{"a socket that is not there", sqlstore.Options{URL: "postgres:///x?host=" + dir}, true},
		{"an address that is none", sqlstore.Options{URL: "postgres://[::x/"}, false},
		{"a folder that does not take a change", sqlstore.Options{Path: whole}, true},
		{"an empty file", sqlstore.Options{Path: filepath.Join(dir, "closed.db")}, false},
		{"another kind of file", sqlstore.Options{Path: write("text.db", "hello")}, false},
		{"a path through a file", sqlstore.Options{Path: filepath.Join(dir, "text.db", "x.db")}, false},
		{"no path", sqlstore.Options{}, false},
	} {
		db, err := sqlstore.Open(context.Background(), c.o)
		if err == nil {
			db.Close()
			t.Errorf("%s: opened", c.name)
		} else if sqlstore.Passing(err) != c.want {
			t.Errorf("%s: passing %v: %v", c.name, !c.want, err)
		}
	}
	for _, err := range []error{sqlstore.ErrNewer, sqlstore.ErrForeign, sqlstore.ErrUnsafe, sqlstore.ErrDamaged, nil} {
		if sqlstore.Passing(err) {
			t.Errorf("%v is waited for", err)
		}
	}
}

func TestADatabaseThatIsNotOpenAnswersNothing(t *testing.T) {
	db, ctx := sqlstore.Unopened(), context.Background()
	_, reading := db.Read().LoadSettings(ctx)
	_, looking := db.Status(ctx)
	for _, err := range []error{reading, looking, db.Migrate(ctx), db.Write(ctx, func(flow.Store) error { return nil })} {
		if !errors.Is(err, sqlstore.ErrUnavailable) {
			t.Error(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
