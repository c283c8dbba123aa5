package server

import (
	"net"
	"sync"
	"time"
)

// patient holds at most cap(room) connections and closes those whose reader stalls. A deadline
// for whole answers would end waiting pages; one for each write does not.
type patient struct {
	net.Listener
	room chan struct{}
}

func newPatient(l net.Listener) *patient {
	return &patient{Listener: l, room: make(chan struct{}, maxOpen)}
}

// connected is the number of connections that are held, but for one that Accept may be taking.
func (p *patient) connected() int { return len(p.room) - 1 }

// Accept waits for room, then for a visitor.
func (p *patient) Accept() (net.Conn, error) {
	p.room <- struct{}{}
	c, err := p.Listener.Accept()
	if err != nil {
		<-p.room
		return nil, err
	}
	return &patientConn{Conn: c, room: p.room}, nil
}

type patientConn struct {
	net.Conn
	room chan struct{}
	left sync.Once
}

// Write gives the reader stallTime for this piece.
func (c *patientConn) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(stallTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// SetWriteDeadline does nothing: Write sets its own.
func (c *patientConn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline moves the reading side only.
func (c *patientConn) SetDeadline(t time.Time) error { return c.Conn.SetReadDeadline(t) }

// CloseWrite lets the HTTP server say its last word before it closes.
func (c *patientConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close makes room.
func (c *patientConn) Close() error {
	c.left.Do(func() { <-c.room })
	return c.Conn.Close()
}
