package listener

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	stallTime = 30 * time.Second // a client that reads nothing for so long is disconnected
	emergency = 16               // connections that are closed when the process has no file left
)

// Listen returns a listener whose connections are counted by the limiter.
func (l *Limiter) Listen(inner net.Listener) net.Listener {
	return &listener{Listener: inner, limiter: l}
}

type listener struct {
	net.Listener
	limiter *Limiter
	closed  atomic.Bool
}

// Accept returns the next connection, once it has a place.
func (l *listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			l.limiter.evictSome()
		}
		return nil, err
	}
	c := &Conn{Conn: inner, limiter: l.limiter}
	if at, ok := inner.RemoteAddr().(*net.TCPAddr); ok {
		c.from = at.AddrPort().Addr().Unmap().WithZone("")
	}
	if c.proxy = l.limiter.trusted(c.from); c.proxy {
		c.endHandshake()
	}
	if !l.limiter.admit(c, l.closed.Load) {
		_ = inner.Close() // nothing is lost: no request was read
		return nil, net.ErrClosed
	}
	l.limiter.report()
	return c, nil
}

// Close ends Accept, also one that waits for a place.
func (l *listener) Close() error {
	l.closed.Store(true)
	l.limiter.mu.Lock()
	l.limiter.freed.Broadcast()
	l.limiter.mu.Unlock()
	return l.Listener.Close()
}

// evictSome closes some idle connections for the files that they hold. It is called when other parts of the server, or
// other processes, hold more files than were left for them.
func (l *Limiter) evictSome() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range emergency {
		victim := l.oldest()
		if victim == nil {
			return
		}
		l.evict(victim)
	}
}

// Conn is a connection that has a place. Each write has a deadline of its own; a deadline for a whole answer would end long
// polls.
type Conn struct {
	net.Conn
	limiter *Limiter
	from    netip.Addr
	proxy   bool // from is a trusted proxy

	handshake atomic.Int32 // noStep, inStep or handshakeDone

	// Protected by the lock of handshakes.
	steps   int
	backlog *backlog  // in which it waits, or nil
	served  chan bool // true when the wait is over, false when it was abandoned

	// Protected by the lock of the limiter.
	sources    sources
	links      [levels]link
	queue      *queue    // direct, multi or pooled while it is idle, otherwise nil
	since      time.Time // when it became idle
	requests   int       // that are not finished
	working    int       // of those: the body is complete and the answer has not begun
	arriving   []*request
	used       bool // had a request
	restricted bool // when it was accepted there was no room; it is for signed calls only
	evicted    bool
	closed     bool
}

// Write writes to the client, which has stallTime to read.
func (c *Conn) Write(b []byte) (int, error) {
	c.endStep()
	if err := c.Conn.SetWriteDeadline(time.Now().Add(stallTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// SetWriteDeadline does nothing: Write sets a deadline of its own.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the deadline for reading only.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// CloseWrite is used by the HTTP server to send an answer completely before it closes the connection.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection and gives its place back.
func (c *Conn) Close() error {
	err := c.Conn.Close()
	c.endStep()
	c.limiter.handshakes.abandon(c)
	c.limiter.mu.Lock()
	c.limiter.release(c)
	c.limiter.mu.Unlock()
	return err
}

// closeEvicted closes a connection some time after evict. It stays open when one of its bodies became complete just before.
func (c *Conn) closeEvicted() {
	c.limiter.mu.Lock()
	c.evicted = c.working == 0
	closing := c.evicted
	c.limiter.mu.Unlock()
	if closing {
		_ = c.Close() // mostly it is closed already
	}
}

type connKey struct{}

// Context is the ConnContext of an http.Server. Handler needs it.
func Context(ctx context.Context, c net.Conn) context.Context {
	if secure, ok := c.(interface{ NetConn() net.Conn }); ok { // *tls.Conn
		c = secure.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}
