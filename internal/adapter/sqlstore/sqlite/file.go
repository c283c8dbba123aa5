package sqlite

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"countersign/internal/adapter/sqlstore/engine"
)

// checkFile looks at the file before SQLite does, which would take an empty file for a new database.
func checkFile(ctx context.Context, path string, mustExist bool) error {
	f, err := os.Open(path)
	if os.IsNotExist(err) && mustExist {
		return engine.ErrMissing.Arg("name", path)
	}
	if os.IsNotExist(err) {
		return makeFile(path)
	}
	if err != nil {
		return unavailable(err)
	}
	defer f.Close()
	const magic = "SQLite format 3\x00"
	head := make([]byte, 100)
	n := 0
	for range 10 { // another process may be making it right now
		if n, err = f.ReadAt(head, 0); n > 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	switch {
	case n == 0:
		return damaged("%s is empty", path)
	case n < len(head) || string(head[:len(magic)]) != magic:
		return damaged("%s is not a SQLite database", path)
	case err != nil && err != io.EOF:
		return unavailable(err)
	}
	return nil
}

// makeFile makes an empty file that only its owner reads.
func makeFile(path string) error {
	if left, err := os.Stat(path + "-wal"); err == nil && left.Size() > 0 {
		return damaged("%s is missing, but %s-wal is there", path, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return unavailable(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return unavailable(err)
	}
	return f.Close()
}
