// Package pgtest gives a test an empty database of its own on a real PostgreSQL 15.
//
// The server is the one that COUNTERSIGN_TEST_POSTGRES names (an administrator's address; make test
// sets it), otherwise a temporary one that scripts/with-postgres starts once a test process. That one
// ends with the process in whatever way the process ends: the script waits for a pipe that only the
// process holds open. Durability settings are PostgreSQL's own, except that nothing is synced to disk.
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

const initdb = "/usr/lib/postgresql/15/bin/initdb"

// New creates an empty database and returns its address in the form that pgx and the program's
// configuration take. The database is dropped when the test ends, whoever is still connected.
// Without PostgreSQL the test fails; it is never skipped.
func New(t testing.TB) (dsn string) {
	t.Helper()
	admin, err := adminDSN()
	if err != nil {
		t.Fatal(err)
	}
	var suffix [8]byte
	if _, err := rand.Read(suffix[:]); err != nil {
		t.Fatal(err)
	}
	name := "test_" + hex.EncodeToString(suffix[:])
	if err := execute(admin, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("pgtest: create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(admin, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("pgtest: drop the database: %v", err)
		}
	})
	return withDatabase(admin, name)
}

// Main runs the tests of a package, waits until a temporary server of this process is gone, and exits
// with the tests' code. It is a courtesy: without it the server ends just as surely, a moment later.
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

// start runs a server until this process ends or stop is called.
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
	// A session of its own: Ctrl-C in the terminal reaches the tests, and the pipe tells the server.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var trouble bytes.Buffer
	cmd.Stderr = &trouble
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
		_ = cmd.Wait() // trouble says more than the exit code
		return "", nil, fmt.Errorf("pgtest: the temporary PostgreSQL did not start: %s", strings.TrimSpace(trouble.String()))
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

// withDatabase names another database in an address, which is a URL or a list of key=value.
func withDatabase(dsn, name string) string {
	if u, err := url.Parse(dsn); err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") {
		u.Path = "/" + name
		return u.String()
	}
	return dsn + " dbname=" + name // the last of equal keys counts
}

// execute runs one statement on a connection of its own.
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
