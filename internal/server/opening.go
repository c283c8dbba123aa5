package server

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"countersign/internal/adapter/bus"
	"countersign/internal/adapter/sqlstore"
	"countersign/internal/adapter/webpush"
	"countersign/internal/api/outage"
	"countersign/internal/base/secret"
	"countersign/internal/flow"
	"countersign/internal/server/config"
	"countersign/internal/site/web"
)

// Times of a start.
const (
	openSoon  = 300 * time.Millisecond // what opening may take before the server listens without a database
	firstWait = 250 * time.Millisecond // between attempts; doubled up to lastWait
	lastWait  = 5 * time.Second
	turnOver  = drainTime + lastWait // how long to wait for another server in the data folder to stop, as after a restart
)

// opening tries to open an instance until it is open, or an error is permanent, or ctx ends.
type opening struct {
	config  config.Config
	options Options
	done    chan struct{} // closed when s and err are known
	away    chan struct{} // closed when the first attempt has failed and another one follows
	s       *Server
	err     error
}

// startOpening begins to open an instance in a goroutine of its own.
func startOpening(ctx context.Context, c config.Config, o Options) *opening {
	w := &opening{config: c, options: o, done: make(chan struct{}), away: make(chan struct{})}
	go w.run(ctx)
	return w
}

// run makes the attempts. It tries again when the database is away (sqlstore.Passing), when an empty one is in its place
// (ErrOtherDatabase), and for turnOver while another server stops (ErrOccupied).
func (w *opening) run(ctx context.Context) {
	defer close(w.done)
	waited := time.Duration(0)
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		w.s, w.err = Open(ctx, w.config, w.options)
		if ctx.Err() != nil && w.s == nil {
			w.err = nil // stopped from outside
			return
		}
		ending := errors.Is(w.err, ErrOccupied) && waited < turnOver
		if !sqlstore.Passing(w.err) && !errors.Is(w.err, ErrOtherDatabase) && !ending {
			return
		}
		if wait == firstWait {
			close(w.away)
		}
		w.options.Log.Error("the database cannot be opened now; trying again", "in", wait.String(), "database", w.config.DatabaseName(), "error", w.err)
		select {
		case <-ctx.Done():
			w.err = nil
			return
		case <-time.After(wait):
			waited += wait
		}
	}
}

// soon waits at most openSoon. It returns false when the instance is not open yet and the caller should listen
// meanwhile.
func (w *opening) soon() bool {
	select {
	case <-w.done:
		return true
	case <-w.away:
	case <-time.After(openSoon):
	}
	return false
}

// end waits for the last attempt. It closes the instance that was opened, or returns why none was.
func (w *opening) end() error {
	if <-w.done; w.s != nil {
		return w.s.Close()
	}
	return w.err
}

// bridge answers on the listener with an instance that has no database, until done is closed or ctx ends. The listener
// stays open for the caller.
func (w *opening) bridge(ctx context.Context, l Listen) error {
	select {
	case <-w.done:
		return nil
	default:
	}
	s, err := unopened(w.config, w.options)
	if err != nil {
		return err
	}
	w.options.Log.Warn("listening before the database is open: signed calls are told to come back", "listen", l.Listener.Addr().String())
	leave := s.lend(ctx, l)
	defer leave()
	select {
	case <-w.done:
	case <-ctx.Done():
	}
	return nil
}

// unopened builds an instance without a database. Its doors and pages answer as they do when the database is lost. Its
// keys are new and open nothing.
func unopened(c config.Config, o Options) (*Server, error) {
	o.Groups = nil
	s := &Server{Config: c, Log: o.Log, limiter: cmp.Or(o.limiter, newLimiter(c, o)), DB: sqlstore.Unopened(), Keys: secret.Generate(), Bell: &bus.Hub{}, Push: &webpush.Doorbell{},
		now: o.Now, rand: o.Rand, hsts: o.HSTS, deadline: o.Deadline, hosts: newHostNames(c.PublicURL, c.APIHosts, o.Elsewhere)}
	s.health.DB, s.health.Deadline = flow.PartOf[probe](s.DB), s.deadline
	s.outage = &outage.Monitor{Now: s.now, All: s.DB.Read().Applications}
	s.requestLog = web.RequestLog{Log: s.Log, Now: s.now, Rand: s.rand, Trusted: c.TrustedProxies}
	s.openFlows(o.Sender)
	return s, s.mount(o)
}

// lend answers on a listener until leave is called, each call on a connection of its own. A connection that comes after
// that waits in the kernel's queue for the next Accept.
func (s *Server) lend(ctx context.Context, l Listen) (leave func()) {
	front, served := s.front(context.WithoutCancel(ctx), l), make(chan struct{})
	front.SetKeepAlivesEnabled(false)
	door := s.limiter.Listen(&lent{l.Listener})
	go func() {
		defer close(served)
		var err error
		if l.TLS != nil {
			err = front.ServeTLS(door, "", "")
		} else {
			err = front.Serve(door)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.Log.Error("nobody is answered until the database is open", "error", err)
		}
	}()
	return func() {
		go func() {
			down, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWait)
			defer cancel()
			if front.Shutdown(down) != nil {
				_ = front.Close() // ends handshakes that hang
			}
		}()
		<-served
		deadline(l.Listener, time.Time{})
	}
}

// lent is a listener whose Close ends Accept and leaves the port open.
type lent struct{ net.Listener }

// Close implements net.Listener.
func (l *lent) Close() error {
	deadline(l.Listener, time.Unix(1, 0))
	return nil
}

// deadline sets until when Accept waits; the zero time is for ever.
func deadline(l net.Listener, at time.Time) {
	if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok { // every listener of package net has it
		_ = d.SetDeadline(at)
	}
}
