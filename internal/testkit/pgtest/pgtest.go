// Package pgtest gives a test an empty database of its own on a real PostgreSQL 15.
//
// COUNTERSIGN_TEST_POSTGRES is the address of an administrator on a server to use; make test sets it. Without it
// each test process starts a temporary server with scripts/with-postgres. That server ends however the process ends,
// because the script waits for a pipe that only the process holds open. The server has PostgreSQL's default
// settings for durability, except that nothing is synced to disk.
package pgtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// initdb is where Debian's package postgresql-15 puts the program that makes a server's data folder.
const initdb = "/usr/lib/postgresql/15/bin/initdb"

// New creates an empty database and returns its address, as pgx and the program's configuration read it. When the
// test ends, the database is dropped even if something is still connected. Without PostgreSQL the test fails; it is
// never skipped.
func New(t testing.TB) (dsn string) {
	t.Helper()
	return create(t, admin(t), "")
}

// Like is New, but the database is a copy of a template, which prepare fills once for each server. On a temporary server
// the template ends with the server; on a server of one's own it stays, under the name template_NAME.
func Like(t testing.TB, name string, prepare func(dsn string) error) (dsn string) {
	t.Helper()
	at := admin(t)
	template := "template_" + name
	if err := fill(at, template, prepare); err != nil {
		t.Fatalf("pgtest: make the template: %v", err)
	}
	return create(t, at, " TEMPLATE "+template)
}

// admin is adminDSN for a test.
func admin(t testing.TB) string {
	t.Helper()
	left(t)
	dsn, err := adminDSN()
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// left skips a test that needs PostgreSQL where make quick runs it.
func left(t testing.TB) {
	t.Helper()
}

// filled are the templates that this process knows to be there.
var filled sync.Map

// fill makes a template unless it is there. Test processes take turns by a lock of the server.
func fill(admin, template string, prepare func(dsn string) error) error {
	if _, done := filled.Load(template); done {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) // gives the lock back
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", template); err != nil {
		return err
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", template).Scan(&there); err != nil {
		return err
	}
	if !there {
		half := template + "_half" // of a process that was ended, perhaps
		for _, statement := range []string{"DROP DATABASE IF EXISTS " + half + " WITH (FORCE)", "CREATE DATABASE " + half} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		if err := prepare(withDatabase(admin, half)); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "ALTER DATABASE "+half+" RENAME TO "+template); err != nil {
			return err
		}
	}
	filled.Store(template, true)
	return nil
}

// create makes a database that is dropped when the test ends. as is empty, or says of which template it is a copy.
func create(t testing.TB, admin, as string) (dsn string) {
	t.Helper()
	var suffix [8]byte
	if _, err := rand.Read(suffix[:]); err != nil {
		t.Fatal(err)
	}
	name := "test_" + hex.EncodeToString(suffix[:])
	if err := execute(admin, "CREATE DATABASE "+name+as); err != nil {
		t.Fatalf("pgtest: create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(admin, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("pgtest: drop the database: %v", err)
		}
	})
	return withDatabase(admin, name)
}

// Main runs the tests of a package, stops the temporary server of this process if there is one, and exits with the
// tests' code. A package without it works too: its server ends a moment after the process.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	own.Lock()
	if own.stop != nil {
		own.stop()
	}
	os.Exit(code)
}

// own is the temporary server of this process, started by the first test that needs it.
var own struct {
	sync.Mutex
	started bool
	dsn     string
	err     error
	stop    func()
}

// adminDSN returns the address of an administrator on the server that the environment names, or else on the temporary
// server of this process.
func adminDSN() (string, error) {
	if dsn := os.Getenv("COUNTERSIGN_TEST_POSTGRES"); dsn != "" {
		return dsn, nil
	}
	own.Lock()
	defer own.Unlock()
	if !own.started {
		own.started = true
		own.dsn, own.stop, own.err = start()
	}
	return own.dsn, own.err
}

// start runs a server until this process ends or stop is called. dsn is the address of its administrator. stop waits
// until the server has ended.
func start() (dsn string, stop func(), err error) {
	if _, err := os.Stat(initdb); err != nil {
		return "", nil, errors.New("pgtest: install postgresql-15 (Debian package) to run this test")
	}
	root, err := moduleRoot()
	if err != nil {
		return "", nil, err
	}
	script := filepath.Join(root, "scripts", "with-postgres")
	cmd := exec.Command(script, "sh", "-c", `echo "$COUNTERSIGN_TEST_POSTGRES"; exec cat >/dev/null`)
	cmd.Dir = root
	// In a session of its own the script does not get Ctrl-C from the terminal. It ends when the pipe is closed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	hold, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("pgtest: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		hold.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // stderr says more than the exit code
		return "", nil, fmt.Errorf("pgtest: the temporary PostgreSQL did not start: %s", strings.TrimSpace(stderr.String()))
	}
	stop = func() {
		hold.Close()
		_ = cmd.Wait()
	}
	return strings.TrimSpace(line), stop, nil
}

// moduleRoot is the nearest folder above the test's own that holds go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("pgtest: no go.mod above the working directory")
		}
		dir = parent
	}
}

// withDatabase returns an address with another database in it. The address is a URL or a list of key=value.
func withDatabase(dsn, name string) string {
	if u, err := url.Parse(dsn); err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") {
		u.Path = "/" + name
		return u.String()
	}
	return dsn + " dbname=" + name // of a key that occurs twice the last is used
}

// execute runs one statement on a new connection, within two minutes.
func execute(dsn, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
