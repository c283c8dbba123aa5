// Package mailtest is a real SMTP server (RFC 5321) on a loopback port, for tests only. It can misbehave as real
// mail servers do: refuse, drop the connection, never answer, or be down.
package mailtest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mode says how the server treats the next mail. The zero value is Normal.
type Mode int

const (
	Normal          Mode = iota // accept the message
	RefuseForNow                // 451 to every recipient
	RefuseRecipient             // 550 to every recipient
	DropAfterData               // read the whole message, then close without an answer
	Tarpit                      // accept the connection and never send anything
)

// Options describe the server before it starts. The zero value is plain SMTP without sign-in.
type Options struct {
	TLS      string // "": none, "starttls" or "implicit"; the certificate is for localhost and 127.0.0.1, issued by RootCAs
	Username string // when set, a client must authenticate with it and Password before it may send mail
	Password string
}

// Server is the mail server. Its methods are safe for concurrent use.
type Server struct {
	Host    string         // "127.0.0.1"
	Port    int            // stays the same after Down and Up
	RootCAs *x509.CertPool // trusts the server's certificate; nil without TLS

	options Options
	config  *tls.Config

	mu       sync.Mutex
	mode     Mode
	messages []Received
	dropped  []Received
	smtp     *smtp.Server
	listener net.Listener
	held     []net.Conn    // connections of a Tarpit
	dials    int           // connections accepted so far
	changed  chan struct{} // closed at the next accepted message
}

// Received is one message as it arrived.
type Received struct {
	From      string   // envelope sender
	To        []string // envelope recipients
	Raw       []byte   // header and body, CRLF line ends
	Encrypted bool     // it arrived over TLS
}

// Start runs a server on a free port until the test ends.
func Start(t testing.TB, options Options) *Server {
	t.Helper()
	s := &Server{Host: "127.0.0.1", options: options, changed: make(chan struct{})}
	if options.TLS != "" {
		s.config, s.RootCAs = certificate(t)
	}
	if err := s.listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Down)
	return s
}

// Set changes the mode for the connections and commands that follow.
func (s *Server) Set(mode Mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = mode
}

// Messages returns the messages that were accepted, oldest first.
func (s *Server) Messages() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Received(nil), s.messages...)
}

// Dropped returns the messages that were read under DropAfterData and never confirmed, oldest first.
func (s *Server) Dropped() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Received(nil), s.dropped...)
}

// Dials returns how many connections were accepted so far, those of a Tarpit included.
func (s *Server) Dials() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}

// Arrived returns a channel that is closed when the next message is accepted. A test takes it before the mail
// is sent.
func (s *Server) Arrived() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Down closes the port and every connection. Connections are refused until Up.
func (s *Server) Down() {
	s.mu.Lock()
	running, listener, held := s.smtp, s.listener, s.held
	s.smtp, s.listener, s.held = nil, nil, nil
	s.mu.Unlock()
	if running != nil {
		listener.Close() // the server closes only what Serve has registered, and Serve may not have started yet
		running.Close()
	}
	for _, conn := range held {
		conn.Close()
	}
}

// Up listens again on the same port.
func (s *Server) Up(t testing.TB) {
	t.Helper()
	if err := s.listen(net.JoinHostPort(s.Host, portText(s.Port))); err != nil {
		t.Fatal(err)
	}
}

// listen starts the SMTP server on an address and remembers the port it got.
func (s *Server) listen(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{server: s, conn: c}, nil
	}))
	server.Domain = "mailtest.localhost"
	server.MaxMessageBytes = 8 << 20
	server.ErrorLog = log.New(io.Discard, "", 0)
	var outer net.Listener = &gate{Listener: listener, server: s}
	switch s.options.TLS {
	case "starttls":
		server.TLSConfig = s.config
	case "implicit":
		outer = tls.NewListener(outer, s.config)
	}
	s.mu.Lock()
	s.Port = listener.Addr().(*net.TCPAddr).Port
	s.smtp, s.listener = server, listener
	s.mu.Unlock()
	go server.Serve(outer)
	return nil
}

// gate is the listener below the SMTP server. It counts connections and withholds those of a Tarpit.
type gate struct {
	net.Listener
	server *Server
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		s := g.server
		s.mu.Lock()
		s.dials++
		tarpit := s.mode == Tarpit
		if tarpit {
			s.held = append(s.held, conn)
		}
		s.mu.Unlock()
		if !tarpit {
			return conn, nil
		}
	}
}

// session is one SMTP session; its methods are those of smtp.Session and smtp.AuthSession.
type session struct {
	server   *Server
	conn     *smtp.Conn
	signedIn bool
	from     string
	to       []string
}

func (s *session) AuthMechanisms() []string {
	if s.server.options.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != s.server.options.Username || password != s.server.options.Password {
			return smtp.ErrAuthFailed
		}
		s.signedIn = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.options.Username != "" && !s.signedIn {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Sign in first"}
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch s.server.now() {
	case RefuseForNow:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Come back later"}
	case RefuseRecipient:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<" + to + "> is not known here"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	var raw bytes.Buffer
	if _, err := io.Copy(&raw, r); err != nil {
		return err
	}
	_, encrypted := s.conn.TLSConnectionState()
	received := Received{From: s.from, To: append([]string(nil), s.to...), Raw: raw.Bytes(), Encrypted: encrypted}
	server := s.server
	server.mu.Lock()
	defer server.mu.Unlock()
	if server.mode == DropAfterData {
		server.dropped = append(server.dropped, received)
		s.conn.Conn().Close()
		return errors.New("dropped")
	}
	server.messages = append(server.messages, received)
	close(server.changed)
	server.changed = make(chan struct{})
	return nil
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

// now returns the mode of this moment.
func (s *Server) now() Mode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mode
}
