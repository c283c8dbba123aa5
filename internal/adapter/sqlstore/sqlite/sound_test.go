package sqlite

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"countersign/internal/adapter/sqlstore/engine"
)

// openedAgain says whether the file is read through before it is served ("before"), beside the work ("aside"), or not.
func openedAgain(t *testing.T, path string) (*Database, string) {
	t.Helper()
	d := openFile(t, path, false)
	if d.sound.done != nil {
		return d, "aside"
	}
	return d, "before"
}

func TestAFileIsReadThroughBeforeItIsServedUnlessItIsAsItWasClosed(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, path string)
		want      string
	}{
		"as it was closed": {func(*testing.T, string) {}, "aside"},
		"as it was closed, after a short run": {func(t *testing.T, path string) {
			db, _ := openedAgain(t, path)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}, "aside"},
		"touched": {func(t *testing.T, path string) {
			later := time.Now().Add(time.Second)
			if err := os.Chtimes(path, later, later); err != nil {
				t.Fatal(err)
			}
		}, "before"},
		"killed": {func(t *testing.T, path string) { // what a killed process leaves: no mark
			if err := os.Remove(path + ".closed"); err != nil {
				t.Fatal(err)
			}
		}, "before"},
		"with a log": {func(t *testing.T, path string) {
			if err := os.WriteFile(path+"-wal", []byte("rows"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "before"},
		"changed by a command": {func(t *testing.T, path string) {
			db := openFile(t, path, true)
			note(t, db, "b")
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}, "aside"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cs.db")
			db := newFile(t, path)
			note(t, db, "a")
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			c.meanwhile(t, path)
			again, when := openedAgain(t, path)
			same(t, "read", when, c.want)
			if _, err := os.Stat(path + ".closed"); err == nil {
				t.Error("the mark is there while the file is open")
			}
			if n, err := notes(again); err != nil || n < 2 {
				t.Errorf("%d notes: %v", n, err)
			}
		})
	}
}

// Bits that fell over while nobody looked leave no trace in the file's date.
func TestDamageFoundBesideTheWorkEndsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cs.db")
	db := newFile(t, path)
	note(t, db, "a")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := b[4096*3 : 4096*4]
	for i := range page {
		page[i] ^= 0x5a
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	again, when := openedAgain(t, path)
	same(t, "read", when, "aside")
	<-again.sound.done
	_, err = notes(again)
	fails(t, "read", err, engine.ErrDamaged)
	fails(t, "write", again.Write(ctx, func(engine.Runner) error { return nil }), engine.ErrDamaged)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	_, err = Open(ctx, Options{Path: path, Logger: slog.New(slog.DiscardHandler)})
	fails(t, "the next start", err, engine.ErrDamaged)
}
