package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/internal/server/listener"
)

// Limits of the listeners (AC-077). Bodies are bounded by the doors.
const (
	headerLimit  = 64 << 10
	headerTime   = 10 * time.Second        // from the first byte to the end of the headers
	bodyTime     = 30 * time.Second        // for a body to arrive
	signedBody   = 2200 * time.Millisecond // the same for a signed call
	stallTime    = 30 * time.Second        // an HTTP/2 client that reads nothing for so long is disconnected
	idleTime     = 2 * time.Minute         // a kept connection without a request is closed
	maxStreams   = 128                     // requests at the same time on an HTTP/2 connection
	maxFrame     = 64 << 10
	streamBuffer = 128 << 10
	connBuffer   = 512 << 10
	drainTime    = 30 * time.Second // for requests that are under way when the server stops
	farewell     = time.Second      // for clients to close kept connections themselves, before the server does
)

// Listen is one address the server answers on.
type Listen struct {
	Listener net.Listener
	TLS      *tls.Config // nil: plain HTTP, behind a proxy or for the demo's pages
}

// Serve answers on every listener and does the background work until ctx ends or a listener fails. Then it stops:
// readiness ends at once; for a second every answer says "Connection: close"; requests that are under way are finished,
// and long polls end early. All of that takes at most 31 s. Serve closes the listeners. It does not close s.
func (s *Server) Serve(ctx context.Context, listeners ...Listen) error {
	work, stopWork := context.WithCancel(ctx)
	defer stopWork()
	requests, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(http.ErrServerClosed) // the cause, by which a door knows that the client has not left

	var background errgroup.Group
	background.Go(func() error { s.sweep(work); return nil })
	background.Go(func() error { limitMemory(work); return nil })
	background.Go(func() error { s.Desk.Run(work); return nil })
	background.Go(func() error { s.outage.Watch(work); return nil })
	background.Go(func() error { s.failModes.Run(work); return nil })

	fronts := make([]*http.Server, len(listeners))
	failed := make(chan error, len(listeners))
	for i, l := range listeners {
		front, door := s.front(requests, l), s.limiter.Listen(l.Listener)
		fronts[i] = front
		go func() {
			if l.TLS != nil {
				failed <- front.ServeTLS(door, "", "")
			} else {
				failed <- front.Serve(door)
			}
		}()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.health.draining.Store(true)
	if err == nil {
		s.Log.Info("stopping", "at_most", (farewell + drainTime).String())
		untilGone(s.limiter, cmp.Or(s.farewell, farewell))
	}
	down, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	var closing errgroup.Group
	var shutting atomic.Int32
	for _, front := range fronts {
		front.RegisterOnShutdown(func() {
			if int(shutting.Add(1)) == len(fronts) {
				end(http.ErrServerClosed) // ends the long polls; their answers close the connections too
			}
		})
		closing.Go(func() error {
			if err := front.Shutdown(down); err != nil {
				return errors.Join(err, front.Close())
			}
			return nil
		})
	}
	if shut := closing.Wait(); shut != nil {
		s.Log.Warn("some connections were cut", "error", shut)
	}
	stopWork()
	_ = background.Wait() // none returns an error
	return err
}

// untilGone waits until nobody is connected, at most for a time.
func untilGone(l *listener.Limiter, atMost time.Duration) {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(atMost); time.Now().Before(end); <-look.C {
		if l.Open() == 0 {
			return
		}
	}
}

// leaving adds "Connection: close" to each answer once the server stops. Otherwise the server would close a kept
// connection on which the next request may be under way already, and that request would fail.
func (s *Server) leaving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.health.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// front is the HTTP server of one listener.
func (s *Server) front(requests context.Context, l Listen) *http.Server {
	return &http.Server{
		Handler:           s.leaving(s.Handler()),
		TLSConfig:         l.TLS,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerLimit - 4096, // the library allows 4 KiB more than it is told
		BaseContext:       func(net.Listener) context.Context { return requests },
		ConnContext:       listener.Context,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug), // mostly handshakes of scanners
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame,
			MaxReceiveBufferPerStream: streamBuffer, MaxReceiveBufferPerConnection: connBuffer,
			WriteByteTimeout: stallTime, SendPingTimeout: idleTime,
		},
	}
}

// redirector sends browsers that use plain HTTP to the public address. It uses nothing of a request but its path, and
// refuses every method but GET and HEAD.
func redirector(publicURL string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			plain(w, http.StatusForbidden, "Use https.\n") // sending a secret in clear must not seem to work
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, publicURL+onward(r), http.StatusPermanentRedirect)
	})
}
