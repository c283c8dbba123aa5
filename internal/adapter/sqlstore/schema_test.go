package sqlstore

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sort"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/testkit/pgtest"
)

func TestBothDialectsHaveTheSameTablesAndColumns(t *testing.T) {
	schema := func(db *DB, q string) (all []string) {
		type name struct{ of, name string }
		names := newTable("", func(n *name) []column { return []column{{"of", &n.of}, {"name", &n.name}} })
		for _, n := range got[[]name](t)(list(ctx, db.engine.Reader(), names, q)) {
			all = append(all, n.of+"."+n.name)
		}
		sort.Strings(all)
		return all
	}
	var both [][]string
	eachDatabase(t, func(t *testing.T, db *DB) {
		columns := `SELECT table_name::text AS of, column_name::text AS name FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'goose_db_version'`
		indexes := `SELECT tablename::text AS of, indexname::text AS name FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'`
		if db.Dialect() == SQLite {
			columns = `SELECT m.name AS "of", c.name AS name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'
				AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'goose_db_version'`
			indexes = `SELECT tbl_name AS "of", name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'`
			loose := schema(db, `SELECT name AS "of", '' AS name FROM pragma_table_list WHERE schema = 'main' AND strict = 0
				AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'`)
			same(t, "tables that are not STRICT", loose, []string(nil))
		}
		both = append(both, append(schema(db, columns), schema(db, indexes)...))
	})
	if len(both) != 2 || len(both[0]) < 100 {
		t.Fatalf("%d schemas, %d names", len(both), len(both[0]))
	}
	same(t, "SQLite and PostgreSQL", both[0], both[1])
	same(t, "newest migration", target(SQLite), target(PostgreSQL))
}

func TestAnOlderProgramRefusesANewerSchema(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		write(t, db, func(s flow.Store) error {
			return s.(*store).queue(ctx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)`)
		})
		again, err := Open(ctx, optionsOf(db))
		if err == nil {
			_ = again.Close()
		}
		fails(t, "open", err, ErrNewer)
		fails(t, "migrate", db.Migrate(ctx), ErrNewer)
	})
}

func TestSeveralNodesMigrateAtOnce(t *testing.T) {
	dsn := pgtest.New(t)
	var all sync.WaitGroup
	for range 3 {
		all.Add(1)
		go func() {
			defer all.Done()
			db, err := Open(ctx, Options{URL: dsn, Connections: 2})
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			if err := db.Migrate(ctx); err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
}

func TestPostgreSQLThatIsAwayIsUnavailable(t *testing.T) {
	_, err := Open(ctx, Options{URL: "postgres://nobody:hidden@127.0.0.1:1/none?sslmode=disable"})
	fails(t, "open", err, ErrUnavailable)
}

// The connections die between two changes, as when the server restarts.
func TestChangesGoOnAfterPostgreSQLDroppedItsConnections(t *testing.T) {
	dsn := pgtest.New(t)
	db := openTest(t, Options{URL: dsn, Connections: 4})
	u := person(t, db, "DU1", "a")
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	drop := func() {
		if _, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
	}
	drop()
	// The first change finds a dead connection and is run again on a live one, also when COMMIT was to go along.
	prove := func() error {
		return db.Write(ctx, func(s flow.Store) error { return s.Proved(ctx, u.ID, "", noon) })
	}
	for range 3 {
		if err := prove(); err != nil {
			t.Errorf("a change in one round trip: %v", err)
		}
		drop()
	}
	v := wrote(t, db, func(s flow.Store) (user.User, error) { return s.MissPush(ctx, u.ID, 1, false, noon) })
	same(t, "misses", v.PushMisses, 1)
	// Within a change: an error, and nothing of it remains.
	err = db.Write(ctx, func(s flow.Store) error {
		if _, err := s.LockAccount(ctx, u.ID); err != nil {
			return err
		}
		drop()
		if _, err := s.UserByID(ctx, u.ID); err != nil {
			return err
		}
		return nil
	})
	fails(t, "cut within", err, ErrUnavailable)
}

// A server that takes a connection and says nothing must not hold a request longer than the timeout.
func TestASilentServerIsNotWaitedForForever(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		if c, err := l.Accept(); err == nil { // from now on nothing but own ends the wait before connectTimeout
			defer c.Close()
			cancel()
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	address := url.URL{Scheme: "postgres", User: url.User("u"), Host: l.Addr().String(), Path: "d", RawQuery: "sslmode=disable"}
	if _, err = Open(own, Options{URL: address.String()}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
