package sqlstore

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"countersign/internal/flow"
)

// groupSize is how many waiting changes share one commit, and so one wait for the disk.
const groupSize = 256

// busyTries is how often a group asks for the write lock, each time for as long as busy_timeout.
const busyTries = 3

// sqliteWriter owns the one connection that writes. Its goroutine takes the changes that wait, runs each
// in a savepoint of one transaction, commits once and tells everybody.
type sqliteWriter struct {
	conn    *sqliteConn
	sound   *soundness
	store   flow.Store
	queue   chan *pendingChange
	quit    chan struct{} // closed by close
	stopped chan struct{} // closed when the goroutine is gone
	log     *slog.Logger

	group []*pendingChange // being run
}

type pendingChange struct {
	run   func(flow.Store) error
	state atomic.Int32
	err   error
	done  chan struct{}
}

// States of a pendingChange: from waiting, the writer begins it or its caller abandons it.
const (
	waiting int32 = iota
	begun
	abandoned
)

func (w *sqliteWriter) write(ctx context.Context, change func(flow.Store) error) error {
	if err := cmp.Or(ctx.Err(), w.sound.err()); err != nil {
		return err
	}
	c := &pendingChange{run: change, done: make(chan struct{})}
	select {
	case w.queue <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stopped:
		return ErrUnavailable
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		if c.state.CompareAndSwap(waiting, abandoned) {
			return ctx.Err()
		}
	case <-w.stopped:
		if c.state.CompareAndSwap(waiting, abandoned) {
			return ErrUnavailable
		}
	}
	<-c.done // it has begun: only its outcome is true
	return c.err
}

// loop runs until quit. A change that ends its goroutine (runtime.Goexit, as a failing test does) takes
// its group with it; another goroutine goes on.
func (w *sqliteWriter) loop() {
	finished := false
	defer func() {
		if finished {
			close(w.stopped)
			return
		}
		w.abort(errText("a change ended the goroutine"))
		go w.loop()
	}()
	for {
		select {
		case c := <-w.queue:
			w.group = append(w.group[:0], c)
		case <-w.quit:
			finished = true
			return
		}
		for more := true; more && len(w.group) < groupSize; {
			select {
			case c := <-w.queue:
				w.group = append(w.group, c)
			default:
				more = false
			}
		}
		w.commit()
	}
}

// commit runs the group in one transaction.
func (w *sqliteWriter) commit() {
	w.conn.lost = nil
	if err := w.begin(); err != nil {
		w.finish(err)
		return
	}
	good := 0
	alone := len(w.group) == 1
	for _, c := range w.group {
		if !c.state.CompareAndSwap(waiting, begun) {
			continue
		}
		if alone {
			c.err = w.call(c)
		} else if err := w.inSavepoint(c); err != nil {
			w.abort(err)
			return
		}
		if w.conn.lost != nil {
			w.abort(w.conn.lost)
			return
		}
		if c.err == nil {
			good++
		}
	}
	if good == 0 {
		_ = w.conn.run(`ROLLBACK`) // nothing to keep
		w.finish(nil)
		return
	}
	if err := w.conn.run(`COMMIT`); err != nil {
		w.abort(err)
		return
	}
	w.finish(nil)
}

// inSavepoint runs one change of several. The error is the group's, not the change's.
func (w *sqliteWriter) inSavepoint(c *pendingChange) error {
	if err := w.conn.run(`SAVEPOINT one`); err != nil {
		return err
	}
	if c.err = w.call(c); c.err != nil {
		if err := w.conn.run(`ROLLBACK TO one`); err != nil {
			return err
		}
	}
	return w.conn.run(`RELEASE one`)
}

// begin takes the write lock, which another process may hold for a while.
func (w *sqliteWriter) begin() (err error) {
	for try := 0; try < busyTries; try++ {
		if err = w.conn.run(`BEGIN IMMEDIATE`); err == nil {
			return nil
		}
		if !isBusy(err) {
			_ = w.conn.run(`ROLLBACK`) // should an earlier one have failed
			continue
		}
		w.log.Warn("another process holds the database; waiting", "error", err)
		time.Sleep(time.Duration(try+1) * 10 * time.Millisecond)
	}
	return err
}

// call runs a change. A panic is its error, and so is a statement that failed, even if the change took no
// notice: PostgreSQL would not go on after it either.
func (w *sqliteWriter) call(c *pendingChange) error {
	w.conn.failed = nil
	if err := call(c.run, w.store); err != nil {
		return err
	}
	return w.conn.failed
}

// abort rolls the whole group back.
func (w *sqliteWriter) abort(cause error) {
	_ = w.conn.run(`ROLLBACK`) // SQLite may have done so already
	if _, known := cause.(errText); known {
		cause = unavailable(cause)
	}
	w.log.Error("a group of changes was rolled back", "changes", len(w.group), "error", cause)
	w.finish(cause)
}

// finish tells everybody in the group. With an error the group failed as a whole; a change that failed
// by itself keeps its own.
func (w *sqliteWriter) finish(err error) {
	for i, c := range w.group {
		w.group[i] = nil
		if c.state.CompareAndSwap(waiting, begun) || c.state.Load() == begun {
			if c.err == nil {
				c.err = err
			}
			close(c.done)
		}
	}
	w.group = w.group[:0]
}
