package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

func TestAnErrorThatComesByTwiceIsToldOnce(t *testing.T) {
	lost := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	once := postgresError(context.Background(), lost)
	if twice := postgresError(context.Background(), fmt.Errorf("settings: %w", once)); strings.Count(twice.Error(), "unavailable") != 1 {
		t.Error(twice)
	}
	for code, want := range map[int]error{sqlite3.SQLITE_FULL: ErrUnavailable, sqlite3.SQLITE_READONLY: ErrUnavailable, sqlite3.SQLITE_CORRUPT: ErrDamaged} {
		once, _ := sqliteError(&sqliteFault{code, "why"})
		twice, fatal := sqliteError(once)
		if !errors.Is(twice, want) || !fatal || twice != once {
			t.Errorf("%d: %v, then %v", code, once, twice)
		}
	}
}

func TestSQLiteSaysWhatTheSystemSaid(t *testing.T) {
	_, err := openHandle("file:" + filepath.Join(t.TempDir(), "none", "x.db"))
	if err == nil || !strings.Contains(err.Error(), syscall.ENOENT.Error()) {
		t.Errorf("%v", err)
	}
}

// An error number of a file has the methods of a network's error; waiting does not mend it.
func TestAFileThatCannotBeReadIsNotWaitedFor(t *testing.T) {
	if err := (&fs.PathError{Op: "read", Path: "master.key", Err: syscall.EISDIR}); Passing(err) {
		t.Errorf("%v is waited for", err)
	}
	for _, err := range []error{ErrUnavailable.With(&fs.PathError{Op: "open", Path: "x.db", Err: syscall.ENOSPC}),
		&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}} {
		if !Passing(err) {
			t.Errorf("%v is not waited for", err)
		}
	}
}
