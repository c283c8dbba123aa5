package sqlstore

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

func exitGoroutine() { runtime.Goexit() }

// A file as people leave them behind, made by damage; opening it must say so and change nothing (AC-082).
func TestADamagedFileIsRefused(t *testing.T) {
	flip := func(b []byte) []byte {
		page := b[4096*3 : 4096*4]
		for i := range page {
			page[i] ^= 0x5a
		}
		return b
	}
	for name, c := range map[string]struct {
		damage func([]byte) []byte
		want   error
	}{
		"a flipped page":           {flip, ErrDamaged},
		"a truncated file":         {func(b []byte) []byte { return b[:len(b)/2/4096*4096] }, ErrDamaged},
		"cut in the header":        {func(b []byte) []byte { return b[:50] }, ErrDamaged},
		"an empty file":            {func([]byte) []byte { return nil }, ErrDamaged},
		"not a database":           {func([]byte) []byte { return bytes.Repeat([]byte("text\n"), 2000) }, ErrDamaged},
		"a header and then zeroes": {func(b []byte) []byte { clear(b[100:]); return b }, ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cs.db")
			db := openTest(t, Options{Path: path})
			person(t, db, "DU1", "a")
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			broken := c.damage(bytes.Clone(whole))
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			again, err := Open(ctx, Options{Path: path})
			if err == nil {
				_ = again.Close()
			}
			fails(t, "open", err, c.want)
			after, _ := os.ReadFile(path)
			if !bytes.Equal(after, broken) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestAMissingFileBesideItsLogIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cs.db")
	if err := os.WriteFile(path+"-wal", []byte("rows"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(ctx, Options{Path: path})
	fails(t, "open", err, ErrDamaged)
	if _, err := os.Stat(path); err == nil {
		t.Error("a new database was made")
	}
}

func TestAFileOfAnotherProgramIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cs.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE notes (a TEXT)`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	_, err = Open(ctx, Options{URL: path})
	fails(t, "open", err, ErrForeign)
	if _, err := os.Stat(path + ".closed"); err == nil {
		t.Error("something was left beside it")
	}
}

func TestAnUnknownFolderIsMadeAndTheFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b%3f#", "cs.db")
	openTest(t, Options{Path: path})
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "mode", info.Mode().Perm(), os.FileMode(0o600))
}

// An operator's command writes to the same file from another process while the server does.
func TestTwoProcessesWriteToOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cs.db")
	server := openTest(t, Options{Path: path})
	command := openTest(t, Options{Path: path, Unchecked: true})
	var all sync.WaitGroup
	for i := range 40 {
		for who, db := range map[string]*DB{"s": server, "c": command} {
			all.Add(1)
			go func() {
				defer all.Done()
				id := fmt.Sprint(who, i)
				err := db.Write(ctx, func(s flow.Store) error {
					return s.CreateUser(ctx, user.User{ID: id, Username: id, Status: user.Active})
				})
				if err != nil {
					t.Error(err)
				}
			}()
		}
	}
	all.Wait()
	same(t, "users", len(got[[]user.User](t)(server.Read().Users(ctx, user.Query{}))), 80)
}

func TestAChangeThatWaitsCanBeGivenUp(t *testing.T) {
	db := openTest(t, Options{Path: filepath.Join(t.TempDir(), "cs.db")})
	running, release := make(chan struct{}), make(chan struct{})
	slow := make(chan error, 1)
	own, cancelSlow := context.WithCancel(ctx)
	go func() {
		slow <- db.Write(own, func(s flow.Store) error {
			close(running)
			<-release
			return s.CreateUser(own, user.User{ID: "DU1", Username: "a", Status: user.Active})
		})
	}()
	<-running
	waiting, cancel := context.WithCancel(ctx)
	given := make(chan error, 1)
	go func() {
		given <- db.Write(waiting, func(s flow.Store) error { t.Error("ran"); return nil })
	}()
	cancel()
	fails(t, "given up while waiting", <-given, context.Canceled)
	cancelSlow() // too late: it has begun
	close(release)
	if err := <-slow; err != nil {
		t.Error(err)
	}
	same(t, "it was done", got[user.User](t)(db.Read().UserByID(ctx, "DU1")).Username, "a")
}

func TestAClosedDatabaseAnswers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		fails(t, "write", db.Write(ctx, func(s flow.Store) error { return s.BumpLogin(ctx, "x") }), ErrUnavailable)
		_, err := db.Read().UserByID(ctx, "DU1")
		fails(t, "read", err, ErrUnavailable)
	})
}

// The child of the next test: says each row it has committed, until it is killed.
func commitLoop(path string) {
	db, err := Open(ctx, Options{Path: path})
	if err == nil {
		err = db.Migrate(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var out sync.Mutex
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("DU%d-%d", w, i)
				err := db.Write(ctx, func(s flow.Store) error {
					return s.CreateUser(ctx, user.User{ID: id, Username: id, Status: user.Active})
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println(id)
				out.Unlock()
			}
		}()
	}
	select {}
}

func TestEveryAcknowledgedRowSurvivesKill9(t *testing.T) { // AC-031
	path := filepath.Join(t.TempDir(), "cs.db")
	for round := range 2 {
		if round > 0 {
			path = filepath.Join(t.TempDir(), "cs.db")
		}
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "COUNTERSIGN_TEST_COMMIT_LOOP="+path)
		var complaints bytes.Buffer
		child.Stderr = &complaints
		pipe, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		var said []string
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			said = append(said, lines.Text())
			if len(said) == 500+300*round {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait()
		if len(said) < 500 {
			t.Fatalf("the child committed %d rows: %s", len(said), complaints.String())
		}
		db, err := Open(ctx, Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range said {
			if _, err := db.Read().UserByID(ctx, id); err != nil {
				t.Errorf("%s was acknowledged: %v", id, err)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTheMessageNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cs.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(ctx, Options{Path: path})
	if err == nil || !strings.Contains(err.Error(), path) || errors.Is(err, ErrUnavailable) {
		t.Errorf("%v", err)
	}
}
