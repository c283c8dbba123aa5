package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"countersign/internal/adapter/sqlstore/engine"
)

// soundness is what is known about the file being whole. Reading all of it takes a second for each gigabyte or so.
// That is waited for before anything is served when the file may have suffered since it was found whole: after a
// crash, or when it is not the one this program closed. Else it happens while people are served already, and
// should damage be found all the same, from then on nothing is answered and nothing written.
type soundness struct {
	path  string
	log   *slog.Logger
	whole atomic.Bool           // it was read through, or nobody touched it since it was
	found atomic.Pointer[error] // damage

	halt chan struct{} // closed to end readAside
	done chan struct{} // closed when that is over; nil = was not begun
}

// err is not nil once the file is known to be damaged.
func (s *soundness) err() error {
	if found := s.found.Load(); found != nil {
		return *found
	}
	return nil
}

// read reads the file through.
func (s *soundness) read(c *conn) error {
	answer, err := c.text(`PRAGMA quick_check(1)`)
	if err == nil && answer != "ok" {
		err = damaged("%s: %s", s.path, answer)
	}
	if err == nil || !isInterrupted(err) { // a program that ends early has learned nothing: the file is what it was
		s.whole.Store(err == nil)
	}
	return err
}

// readAside is read beside the work of the database.
func (s *soundness) readAside() error {
	c, err := connect(s.path, "query_only(1)")
	if err != nil {
		return err
	}
	s.halt, s.done = make(chan struct{}), make(chan struct{})
	c.db.SetInterrupt(s.halt)
	go func() {
		defer close(s.done)
		err := s.read(c)
		_ = c.close()
		switch {
		case errors.Is(err, engine.ErrDamaged):
			s.found.Store(&err)
			s.log.Error("THE DATABASE FILE IS DAMAGED: nothing is answered any more; restore a backup", "file", s.path, "error", err)
		case err != nil && !isInterrupted(err):
			s.log.Warn("the database was not read through; the next start does it first", "error", err)
		}
	}()
	return nil
}

// stop ends readAside.
func (s *soundness) stop() {
	if s.done != nil {
		close(s.halt)
		<-s.done
	}
}

// The mark beside the file says how it was when it was closed, whole. It is gone while the file is open.
func (s *soundness) mark() string { return s.path + ".closed" }

// state describes the file so that any later writing shows; "" when there is more to it than the file.
func (s *soundness) state() string {
	info, err := os.Stat(s.path)
	if err != nil {
		return ""
	}
	if log, err := os.Stat(s.path + "-wal"); err == nil && log.Size() > 0 {
		return ""
	}
	return fmt.Sprintf("%d bytes, written at %d\n", info.Size(), info.ModTime().UnixNano())
}

// takeMark reports whether the file is as it was closed, and takes the mark away before anything is written.
func (s *soundness) takeMark() (asClosed bool, err error) {
	left, err := os.ReadFile(s.mark())
	if os.IsNotExist(err) {
		return false, nil
	}
	if err == nil {
		asClosed = string(left) == s.state()
		err = os.Remove(s.mark())
	}
	if err != nil {
		return false, unavailable(err)
	}
	return asClosed, syncFolder(s.path)
}

// leaveMark is for a file that was closed. Without a mark the next start only takes longer.
func (s *soundness) leaveMark() {
	state := s.state()
	if !s.whole.Load() || state == "" {
		return
	}
	if err := os.WriteFile(s.mark(), []byte(state), 0o600); err != nil {
		s.log.Warn("the next start reads the whole database", "error", err)
	}
}

// syncFolder makes the removal of a file last.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return unavailable(err)
	}
	defer folder.Close()
	_ = folder.Sync() // not every system can
	return nil
}
