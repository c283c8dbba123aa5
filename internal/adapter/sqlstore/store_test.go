package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"countersign/internal/adapter/sqlstore/engine"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/testkit/pgtest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("COUNTERSIGN_TEST_COMMIT_LOOP"); path != "" {
		commitLoop(path)
		return
	}
	pgtest.Main(m)
}

var ctx = context.Background()

// noon is the time of the tests; only its order to other times matters.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 123000, time.UTC)

func at(d time.Duration) time.Time { return noon.Add(d) }

// eachDatabase runs a test on SQLite and on PostgreSQL.
func eachDatabase(t *testing.T, test func(t *testing.T, db *DB)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, openTest(t, Options{Path: filepath.Join(t.TempDir(), "cs.db")})) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, openTest(t, Options{URL: pgtest.New(t)})) })
}

func openTest(t testing.TB, o Options) *DB {
	t.Helper()
	db, err := Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	record(t, db, o)
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	return db
}

// write runs a change that must succeed.
func write(t testing.TB, db *DB, change func(flow.Store) error) {
	t.Helper()
	if err := db.Write(ctx, change); err != nil {
		t.Fatal(err)
	}
}

// wrote runs one statement in a change of its own and gives its answer.
func wrote[T any](t testing.TB, db *DB, f func(flow.Store) (T, error)) T {
	t.Helper()
	v, err := tryWrite(db, f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func tryWrite[T any](db *DB, f func(flow.Store) (T, error)) (v T, err error) {
	err = db.Write(ctx, func(s flow.Store) (err error) { v, err = f(s); return err })
	return v, err
}

// took reports whether a change was written; false when it ended with lost.
func took(t testing.TB, db *DB, lost error, f func(flow.Store) error) bool {
	t.Helper()
	err := db.Write(ctx, f)
	if err != nil && !errors.Is(err, lost) {
		t.Fatal(err)
	}
	return err == nil
}

func got[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func same(t testing.TB, what string, have, want any) {
	t.Helper()
	if !reflect.DeepEqual(have, want) {
		t.Errorf("%s:\nhave %+v\nwant %+v", what, have, want)
	}
}

func fails(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: have error %v, want %v", what, err, want)
	}
}

// fill gives every field of a struct a value of its own, so that no two columns can be mixed up unseen.
func fill[T any](seed string, change func(*T)) T {
	var v T
	n := int64(0)
	fillValue(reflect.ValueOf(&v).Elem(), seed, &n)
	if change != nil {
		change(&v)
	}
	return v
}

func fillValue(v reflect.Value, name string, n *int64) {
	*n++
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = at(time.Duration(*n) * time.Second)
		return
	case *[]byte:
		*x = []byte(fmt.Sprint(name, *n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint(name, *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(*n)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.ValueOf([]string{name + "a", name + "b"}).Convert(v.Type()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fillValue(v.Field(i), name+v.Type().Field(i).Name, n)
		}
	}
}

// person makes an active user.
func person(t testing.TB, db *DB, id, name string) user.User {
	t.Helper()
	u := user.User{ID: id, Username: name, Status: user.Active, Created: noon, Salt: []byte("0123456789abcdef")}
	write(t, db, func(s flow.Store) error { return s.CreateUser(ctx, u) })
	return u
}

func TestEveryStoreMethodIsCalledByATest(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		if f == "bench_test.go" {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	store := reflect.TypeFor[flow.Store]()
	for i := range store.NumMethod() {
		if name := store.Method(i).Name; !strings.Contains(all.String(), "s."+name+"(") && !strings.Contains(all.String(), "Read()."+name+"(") {
			t.Errorf("no test calls %s", name)
		}
	}
}

func TestReadGivesNoWayToWrite(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		u := person(t, db, "DU1", "narroway")
		s := db.Read()
		_, lockErr := s.LockAccount(ctx, u.ID)
		_, reserveErr := s.ReserveAttempt(ctx, u.ID, 10)
		_, unlockErr := s.Unlock(ctx, u.ID, noon)
		for what, err := range map[string]error{"lock": lockErr, "reserve": reserveErr, "unlock": unlockErr,
			"create": s.CreateUser(ctx, user.User{ID: "DU2", Username: "b"}), "remind": s.RemindSpare(ctx, u.ID, noon)} {
			if !errors.Is(err, engine.ErrOutsideWrite) {
				t.Errorf("%s outside Write: %v", what, err)
			}
		}
	})
}

func TestNothingRemainsOfAChangeThatFails(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		boom := errors.New("boom")
		err := db.Write(ctx, func(s flow.Store) error {
			if err := s.CreateUser(ctx, user.User{ID: "DU1", Username: "a", Status: user.Active}); err != nil {
				return err
			}
			return boom
		})
		fails(t, "write", err, boom)
		_, err = db.Read().UserByID(ctx, "DU1")
		fails(t, "read", err, user.ErrUnknown)

		err = db.Write(ctx, func(s flow.Store) error {
			_ = s.CreateUser(ctx, user.User{ID: "DU1", Username: "a", Status: user.Active})
			panic("boom")
		})
		if err == nil || !strings.Contains(err.Error(), "boom") {
			t.Errorf("panic: %v", err)
		}
		_, err = db.Read().UserByID(ctx, "DU1")
		fails(t, "read", err, user.ErrUnknown)
	})
}

func TestAStatementSeesWhatItsTransactionWrote(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		u := person(t, db, "DU1", "a")
		write(t, db, func(s flow.Store) error {
			if err := s.RemindSpare(ctx, u.ID, noon); err != nil {
				return err
			}
			v, err := s.UserByID(ctx, u.ID)
			same(t, "reminders", v.SpareReminders, 1)
			return err
		})
	})
}

func TestAContextThatEndedWritesNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		over, cancel := context.WithCancel(ctx)
		cancel()
		ran := false
		err := db.Write(over, func(s flow.Store) error { ran = true; return s.RemindSpare(over, "DU1", noon) })
		fails(t, "write", err, context.Canceled)
		if ran {
			t.Error("the change ran")
		}
		_, err = db.Read().UserByID(over, "DU1")
		fails(t, "read", err, context.Canceled)
	})
}

func TestTextThatPostgreSQLRefusesIsMended(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		write(t, db, func(s flow.Store) error {
			return s.CreateUser(ctx, user.User{ID: "DU1", Username: "a", RealName: "x\x00y\xffz\xe2\x82\x28", Status: user.Active})
		})
		u := got[user.User](t)(db.Read().UserByID(ctx, "DU1"))
		same(t, "name", u.RealName, "x\uFFFDy\uFFFDz\uFFFD(")
		if _, err := db.Read().UserByName(ctx, "a\x00"); !errors.Is(err, user.ErrUnknown) {
			t.Errorf("a name with NUL: %v", err)
		}
	})
}

func TestStatusTellsWhatIsSet(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		st := got[Status](t)(db.Status(ctx))
		if st.Dialect != db.Dialect() || st.Version != st.Target || st.Version == 0 || st.Bytes == 0 || st.Server == "" {
			t.Errorf("%+v", st)
		}
		if db.Dialect() == SQLite && (st.Journal != "wal" || st.Synchronous != "full" || st.Integrity != "ok") {
			t.Errorf("%+v", st)
		}
		if db.Dialect() == PostgreSQL && st.Synchronous != "on" {
			t.Errorf("%+v", st)
		}
		if err := db.Migrate(ctx); err != nil {
			t.Errorf("migrating again: %v", err)
		}
	})
}
