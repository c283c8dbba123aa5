package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"countersign/internal/server/config"
)

// ErrOccupied reports that another server uses the data folder with its SQLite database. Two servers there would not
// hear each other's bell, and each would have rate limits of its own.
var ErrOccupied = errors.New("another server is at work in this data folder; stop it, or let both use one PostgreSQL database")

// errHeld is the error of hold when another process has the lock.
var errHeld = errors.New("held by another")

// occupyFile is an empty file. The process that holds its lock may serve or set up the folder. The kernel releases the
// lock when the process ends, also after a crash.
const occupyFile = "server.lock"

// Occupy locks the data folder of a SQLite database until leave is called. With PostgreSQL it does nothing, because
// several nodes may serve. The operator's other commands do not lock: they are safe beside a server. The error is
// ErrOccupied.
func Occupy(c config.Config) (leave func() error, err error) {
	nothing := func() error { return nil }
	if !c.Database.URL.Empty() {
		return nothing, nil
	}
	f, err := os.OpenFile(filepath.Join(c.DataDir, occupyFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nothing, nil // no folder, no permission or a full disk: opening the database gives the better error
	}
	if errors.Is(hold(f), errHeld) {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("%s: %w", c.DataDir, ErrOccupied)
	}
	return f.Close, nil
}
