package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// dialer makes connections to one server.
type dialer struct {
	host string // localhost:PORT
	tls  *tls.Config
}

// newDialer trusts the authority of the server that printed at.
func newDialer(at ready) (*dialer, error) {
	pem, err := os.ReadFile(at.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", at.CAFile)
	}
	return &dialer{host: at.Host, tls: &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12}}, nil
}

// wire is one HTTP/1.1 connection over TLS, with one request at a time. The client of net/http would use as much
// processor time as the server does, on the same cores.
type wire struct {
	host string
	conn *tls.Conn
	in   *bufio.Reader
	out  []byte // buffer of requests
	body []byte // buffer of answers
}

// dial opens a connection and does the TLS handshake.
func (d *dialer) dial(ctx context.Context) (*wire, error) {
	_, port, err := net.SplitHostPort(d.host)
	if err != nil {
		return nil, err
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+port)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, d.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error says more
		return nil, err
	}
	return &wire{host: d.host, conn: conn, in: bufio.NewReaderSize(conn, 4096)}, nil
}

func (w *wire) close() { _ = w.conn.Close() } // nothing is written any more

// request is the variable part of a request. Empty headers are left out.
type request struct {
	method, target string
	browser        bool // send the headers of a browser instead of an SDK's
	cookie         string
	authorization  string
	date           string
	contentType    string
	body           []byte
}

// answer is the part of an answer that the load reads. body is valid until the next request.
type answer struct {
	status           int
	location, cookie string
	body             []byte
}

const requestTime = 40 * time.Second // longer than a long poll

// do sends a request and reads the answer.
func (w *wire) do(r request) (answer, error) {
	b := append(w.out[:0], r.method...)
	b = append(b, ' ')
	b = append(b, r.target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, w.host...)
	b = append(b, "\r\nAccept: */*\r\n"...)
	if r.browser {
		b = append(b, "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept-Language: en-US,en;q=0.5\r\nSec-Fetch-Site: same-origin\r\n"...)
	} else {
		b = append(b, "User-Agent: duo_universal_golang/1.0.4\r\n"...)
	}
	for _, h := range [...][2]string{{"Cookie", r.cookie}, {"Authorization", r.authorization}, {"Date", r.date}, {"Content-Type", r.contentType}} {
		if h[1] != "" {
			b = append(append(append(append(b, h[0]...), ": "...), h[1]...), "\r\n"...)
		}
	}
	if r.body != nil {
		b = strconv.AppendInt(append(b, "Content-Length: "...), int64(len(r.body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(append(b, "\r\n"...), r.body...)
	w.out = b
	if err := w.conn.SetDeadline(time.Now().Add(requestTime)); err != nil {
		return answer{}, err
	}
	if _, err := w.conn.Write(b); err != nil {
		return answer{}, err
	}
	res, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return answer{}, err
	}
	w.body, err = readInto(w.body[:0], res.Body)
	a := answer{status: res.StatusCode, location: res.Header.Get("Location"), body: w.body}
	if set := res.Header["Set-Cookie"]; len(set) > 0 {
		a.cookie, _, _ = strings.Cut(set[0], ";")
	}
	return a, err
}

// readInto is io.ReadAll into a buffer that the caller uses again.
func readInto(b []byte, r io.Reader) ([]byte, error) {
	if b == nil {
		b = make([]byte, 0, 1024)
	}
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}
