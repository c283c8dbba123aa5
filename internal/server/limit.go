package server

import (
	"net"
	"sync"
	"time"
)

// limitedListener holds at most cap(room) connections and closes those whose reader stalls. A deadline
// for whole answers would end waiting pages; one for each write does not.
type limitedListener struct {
	net.Listener
	room chan struct{}
}

func limitListener(l net.Listener) *limitedListener {
	return &limitedListener{Listener: l, room: make(chan struct{}, maxOpen)}
}

// connected is the number of connections that are held, but for one that Accept may be taking.
func (l *limitedListener) connected() int { return len(l.room) - 1 }

// Accept waits for room, then for a visitor.
func (l *limitedListener) Accept() (net.Conn, error) {
	l.room <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &limitedConn{Conn: c, room: l.room}, nil
}

type limitedConn struct {
	net.Conn
	room chan struct{}
	left sync.Once
}

// Write gives the reader stallTime for this piece.
func (c *limitedConn) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(stallTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// SetWriteDeadline does nothing: Write sets its own.
func (c *limitedConn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline moves the reading side only.
func (c *limitedConn) SetDeadline(t time.Time) error { return c.Conn.SetReadDeadline(t) }

// CloseWrite lets the HTTP server say its last word before it closes.
func (c *limitedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close makes room.
func (c *limitedConn) Close() error {
	c.left.Do(func() { <-c.room })
	return c.Conn.Close()
}
