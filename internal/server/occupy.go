package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"countersign/internal/server/config"
)

// ErrOccupied reports a data folder with an embedded database in which another server is at work. Two would not hear
// each other's bell, and each would count tries for itself.
var ErrOccupied = errors.New("another server is at work in this data folder; stop it, or let both use one PostgreSQL database")

// errHeld is what hold gives while another has the file.
var errHeld = errors.New("held by another")

// occupyFile is empty; who holds its lock may serve or set up the folder. The system lets go of it when a program
// ends, in whatever way.
const occupyFile = "server.lock"

// Occupy takes the data folder of an embedded database until leave is called. With PostgreSQL nodes are many, and it
// does nothing. Operators' commands do not ask: they are safe beside a server. ErrOccupied.
func Occupy(c config.Config) (leave func() error, err error) {
	nothing := func() error { return nil }
	if !c.Database.URL.Empty() {
		return nothing, nil
	}
	f, err := os.OpenFile(filepath.Join(c.DataDir, occupyFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nothing, nil // no folder, no right or a full disk: the database says what is wrong, and whether it passes
	}
	if errors.Is(hold(f), errHeld) {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("%s: %w", c.DataDir, ErrOccupied)
	}
	return f.Close, nil
}
