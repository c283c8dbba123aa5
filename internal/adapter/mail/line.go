package mail

import (
	"context"
	"errors"
	"net"
	"net/mail"
	"sync"
	"time"
)

type netMailAddress = mail.Address

// maxAnswers bounds what one SMTP session may say to us, in bytes. Real ones say a few hundred.
const maxAnswers = 256 << 10

var errTalkative = errors.New("the mail server said more than a mail server has to say")

// line opens the connection of one delivery and makes sure that it ends. The library extends its
// deadlines step by step and never closes a connection whose greeting failed, so a server that
// answers one byte at a time could hold a sender for good.
type line struct {
	ctx  context.Context
	mu   sync.Mutex
	conn net.Conn
	stop func() bool
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := l.ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			conn.Close()
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
	l.stop = context.AfterFunc(l.ctx, func() { conn.Close() })
	return &boundConn{Conn: conn, left: maxAnswers}, nil
}

func (l *line) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		l.stop()
		l.conn.Close()
	}
}

// boundConn keeps the deadline it was born with and reads only so much.
type boundConn struct {
	net.Conn
	left int
}

func (c *boundConn) SetDeadline(time.Time) error      { return nil }
func (c *boundConn) SetReadDeadline(time.Time) error  { return nil }
func (c *boundConn) SetWriteDeadline(time.Time) error { return nil }

func (c *boundConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTalkative
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
