package pgtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) {
	if os.Getenv("PGTEST_DIE") != "" {
		dieWithAServer()
	}
	Main(m)
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func TestTwoDatabasesOfOneTestDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, b := connect(t, New(t)), connect(t, New(t))
	if _, err := a.Exec(ctx, "CREATE TABLE only_here (x INT)"); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := b.QueryRow(ctx, "SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'").Scan(&n); err != nil || n != 0 {
		t.Fatalf("the second database holds %d tables of the first (err %v)", n, err)
	}
}

func TestADatabaseIsDroppedAtTheEndOfItsTestEvenWhileSomeoneIsConnected(t *testing.T) {
	t.Parallel()
	var dsn string
	t.Run("inner", func(t *testing.T) {
		dsn = New(t)
		// Left open on purpose.
		if _, err := pgx.Connect(context.Background(), dsn); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := pgx.Connect(context.Background(), dsn); err == nil {
		t.Fatal("the database is still there")
	}
}

func TestCommitsAreAsDurableAsInProduction(t *testing.T) {
	t.Parallel()
	var value, version string
	conn := connect(t, New(t))
	if err := conn.QueryRow(context.Background(), "SHOW synchronous_commit").Scan(&value); err != nil || value != "on" {
		t.Fatalf("synchronous_commit = %q, err %v", value, err)
	}
	if err := conn.QueryRow(context.Background(), "SHOW server_version").Scan(&version); err != nil || !strings.HasPrefix(version, "15.") {
		t.Fatalf("server_version = %q, err %v", version, err)
	}
}

func TestAnAddressOfEitherFormTakesAnotherDatabase(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u@/postgres?host=/tmp/x&sslmode=disable": "postgres://u@/other?host=/tmp/x&sslmode=disable",
		"host=/tmp/x user=u dbname=postgres":                 "host=/tmp/x user=u dbname=postgres dbname=other",
	} {
		got := withDatabase(dsn, "other")
		if got != want {
			t.Errorf("withDatabase(%q) = %q, want %q", dsn, got, want)
		}
		if c, err := pgx.ParseConfig(got); err != nil || c.Database != "other" {
			t.Errorf("pgx reads %q as another database (err %v)", got, err)
		}
	}
}

// dieWithAServer is the main function of a child process. It starts its own server and prints its address. The test
// then kills the process, so that no deferred call runs.
func dieWithAServer() {
	dsn, _, err := start()
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(dsn + "\n")
	time.Sleep(time.Minute)
	os.Exit(1)
}

func TestNoServerOutlivesAKilledTestProcess(t *testing.T) {
	t.Parallel()
	left(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "PGTEST_DIE=1", "COUNTERSIGN_TEST_POSTGRES=")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1024)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	c, err := pgx.ParseConfig(strings.TrimSpace(string(buf[:n])))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(c.Host, "data", "postmaster.pid")); err != nil {
		t.Fatalf("the child's server does not run: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(c.Host); os.IsNotExist(err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", c.Host)
		}
	}
}
