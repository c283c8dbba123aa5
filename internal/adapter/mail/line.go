package mail

import (
	"context"
	"errors"
	"net"
	"net/mail"
	"sync"
	"time"
)

// netMailAddress is the standard library's address; in sender.go the name mail is this package's own.
type netMailAddress = mail.Address

// maxAnswers bounds, in bytes, what the server may send in one SMTP session. Real servers send a few hundred.
const maxAnswers = 256 << 10

var errAnswersTooLong = errors.New("the mail server said more than a mail server has to say")

// session opens the connection of one delivery and makes sure that it ends in time. The SMTP library alone does
// not: it extends its deadlines with each step, and it never closes a connection whose greeting failed. A server
// that answers one byte at a time could therefore hold a sender forever.
type session struct {
	ctx  context.Context
	mu   sync.Mutex
	conn net.Conn
	stop func() bool
}

// dial connects, with the deadline of the delivery for everything that is read and written.
func (s *session) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := s.ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			conn.Close()
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	s.stop = context.AfterFunc(s.ctx, func() { conn.Close() })
	return &boundConn{Conn: conn, left: maxAnswers}, nil
}

// close closes the connection if there is one.
func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.stop()
		s.conn.Close()
	}
}

// boundConn is a connection whose deadline the library cannot change and from which it reads at most left bytes.
type boundConn struct {
	net.Conn
	left int
}

func (c *boundConn) SetDeadline(time.Time) error      { return nil }
func (c *boundConn) SetReadDeadline(time.Time) error  { return nil }
func (c *boundConn) SetWriteDeadline(time.Time) error { return nil }

func (c *boundConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errAnswersTooLong
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
