package sqlite

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"countersign/internal/adapter/sqlstore/engine"
)

// groupSize is how many waiting changes share one commit, and so one wait for the disk.
const groupSize = 256

// busyTries is how often a group asks for the write lock, each time for as long as busy_timeout.
const busyTries = 3

// writer owns the one connection that writes. Its goroutine takes the changes that wait, runs each
// in a savepoint of one transaction, commits once and tells everybody.
type writer struct {
	tx      transaction
	sound   *soundness
	queue   chan *pendingChange
	quit    chan struct{} // closed by close
	stopped chan struct{} // closed when the goroutine is gone
	log     *slog.Logger

	group []*pendingChange // being run
}

type pendingChange struct {
	run   func(engine.Runner) error
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

// Write implements engine.Database. A context that ends while the change waits for its turn gives the context's error and nothing
// happened; a change that has begun is not interrupted.
func (w *writer) Write(ctx context.Context, change func(engine.Runner) error) error {
	if err := cmp.Or(ctx.Err(), w.sound.err()); err != nil {
		return err
	}
	c := &pendingChange{run: change, done: make(chan struct{})}
	select {
	case w.queue <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stopped:
		return engine.ErrUnavailable
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
			return engine.ErrUnavailable
		}
	}
	<-c.done // it has begun: only its outcome is true
	return c.err
}

// loop runs until quit. A change that ends its goroutine (runtime.Goexit, as a failing test does) takes
// its group with it; another goroutine goes on.
func (w *writer) loop() {
	finished := false
	defer func() {
		if finished {
			close(w.stopped)
			return
		}
		w.abort(engine.Unavailable(engine.ErrText("a change ended the goroutine")))
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
func (w *writer) commit() {
	w.tx.lost = nil
	if err := w.begin(); err != nil {
		mapped, _ := meaning(err)
		w.finish(mapped)
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
			w.abort(cmp.Or(w.tx.lost, err))
			return
		}
		if w.tx.lost != nil {
			w.abort(w.tx.lost)
			return
		}
		if c.err == nil {
			good++
		}
	}
	if good == 0 {
		_ = w.tx.run(`ROLLBACK`) // nothing to keep
		w.finish(nil)
		return
	}
	if err := w.tx.run(`COMMIT`); err != nil {
		w.abort(err)
		return
	}
	w.finish(nil)
}

// inSavepoint runs one change of several. The error is the group's, not the change's.
func (w *writer) inSavepoint(c *pendingChange) error {
	if err := w.tx.run(`SAVEPOINT one`); err != nil {
		return err
	}
	if c.err = w.call(c); c.err != nil {
		if err := w.tx.run(`ROLLBACK TO one`); err != nil {
			return err
		}
	}
	return w.tx.run(`RELEASE one`)
}

// begin takes the write lock, which another process may hold for a while.
func (w *writer) begin() (err error) {
	for try := 0; try < busyTries; try++ {
		if err = w.tx.run(`BEGIN IMMEDIATE`); err == nil {
			return nil
		}
		if !isBusy(err) {
			_ = w.tx.run(`ROLLBACK`) // should an earlier one have failed
			continue
		}
		w.log.Warn("another process holds the database; waiting", "error", err)
		time.Sleep(time.Duration(try+1) * 10 * time.Millisecond)
	}
	return err
}

// call runs a change and gives what it ends with: a panic, else the statement that ended it, else what it returned.
func (w *writer) call(c *pendingChange) error {
	w.tx.failed = nil
	panicked, err := engine.Call(c.run, &w.tx)
	if !panicked && w.tx.failed != nil {
		return w.tx.failed
	}
	return err
}

// abort rolls the whole group back.
func (w *writer) abort(cause error) {
	_ = w.tx.run(`ROLLBACK`) // SQLite may have done so already
	cause, _ = meaning(cause)
	w.log.Error("a group of changes was rolled back", "changes", len(w.group), "error", cause)
	w.finish(cause)
}

// finish tells everybody in the group. With an error the group failed as a whole; a change that failed
// by itself keeps its own.
func (w *writer) finish(err error) {
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
