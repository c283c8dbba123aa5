package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sync/errgroup"

	"countersign/internal/base/duosign"
	"countersign/internal/domain/application"
	"countersign/internal/flow/directory"
	"countersign/internal/server"
	"countersign/internal/testkit"
)

// few is a limit of connections that a test can reach.
const few = 64

// crowd is a program that holds few connections, and an application for hosts.
type crowd struct {
	*testkit.Program
	t    *testing.T
	app  application.Application
	skey string
}

func newCrowd(t *testing.T, opts ...testkit.Option) *crowd {
	t.Helper()
	p := testkit.Start(t, append(opts, testkit.WithOptions(func(o *server.Options) { o.Connections = few }))...)
	name := "SSH"
	app, key, err := p.Directory.AddApplication(t.Context(), directory.CommandLine, application.TypeUnix, directory.ApplicationChange{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	return &crowd{Program: p, t: t, app: app, skey: key.Reveal()}
}

func (c *crowd) trust(protocols ...string) *tls.Config {
	trust := c.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trust.ServerName, trust.NextProtos = "localhost", protocols
	return trust
}

// dial connects from an address of this machine.
func (c *crowd) dial(from string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 2 * time.Second}
	conn, err := d.DialContext(c.t.Context(), "tcp", strings.Replace(c.APIHost, "localhost", "127.0.0.1", 1))
	if err == nil {
		c.t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

// secure connects and does the TLS handshake.
func (c *crowd) secure(from string, protocols ...string) (*tls.Conn, error) {
	conn, err := c.dial(from)
	if err != nil {
		return nil, err
	}
	over := tls.Client(conn, c.trust(protocols...))
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if err := over.HandshakeContext(c.t.Context()); err != nil {
		return nil, err
	}
	return over, conn.SetDeadline(time.Time{})
}

// preauth calls as Debian's client does: on a connection of its own, and up to three times when that breaks.
func (c *crowd) preauth(from string) (err error) {
	for range 3 {
		if err = c.ask(from); err == nil {
			return nil
		}
	}
	return err
}

func (c *crowd) ask(from string) error {
	form := url.Values{"user": {"nina"}}
	s := duosign.Request{Method: "POST", Host: c.APIHost, Path: "/rest/v1/preauth", Form: form}
	r, err := http.NewRequestWithContext(c.t.Context(), "POST", c.URL+s.Path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Host = c.APIHost
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", duosign.Credentials{Key: c.app.ID, Signature: duosign.Sign(s, duosign.V1, duosign.SHA1, c.skey)}.Header())
	conn, err := c.secure(from)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if err := r.Write(conn); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(string(body), `"stat":"OK"`)) {
		err = fmt.Errorf("%d %s", answer.StatusCode, body)
	}
	return err
}

// write connects and sends a part of a request.
func (c *crowd) write(from, text string) error {
	conn, err := c.secure(from)
	if err == nil {
		_, err = io.WriteString(conn, strings.ReplaceAll(text, "HOST", c.APIHost))
	}
	return err
}

// streams opens an HTTP/2 connection and sends count requests. With end they have no body; without, the body never comes.
func (c *crowd) streams(from, method, path string, count int, window uint32, end bool) error {
	conn, err := c.secure(from, "h2")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return err
	}
	f := http2.NewFramer(conn, conn)
	if err := f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}); err != nil {
		return err
	}
	for i := range count {
		var block strings.Builder
		e := hpack.NewEncoder(&block)
		for _, h := range [][2]string{{":method", method}, {":scheme", "https"}, {":authority", c.APIHost}, {":path", path}} {
			_ = e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}) // into memory
		}
		if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: end}); err != nil {
			return err
		}
	}
	return nil
}

// idlers are ways to hold a connection without using it.
var idlers = map[string]func(c *crowd, from string) error{
	"no handshake":     func(c *crowd, from string) error { _, err := c.dial(from); return err },
	"no request":       func(c *crowd, from string) error { return c.write(from, "") },
	"half a header":    func(c *crowd, from string) error { return c.write(from, "GET / HTTP/1.1\r\nHost: HO") },
	"kept":             func(c *crowd, from string) error { return c.write(from, "GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n") },
	"slow body":        func(c *crowd, from string) error { return c.write(from, slow("/prompt/x/code")) },
	"slow signed body": func(c *crowd, from string) error { return c.write(from, slow("/rest/v1/preauth")) },
	"HTTP/2, nothing":  func(c *crowd, from string) error { return c.streams(from, "", "", 0, 1<<16, false) },
	"HTTP/2, bodies": func(c *crowd, from string) error {
		return c.streams(from, "POST", "/prompt/x/code", 8, 1<<16, false)
	},
	"HTTP/2, no window": func(c *crowd, from string) error { return c.streams(from, "GET", "/my", 8, 0, true) },
}

func slow(path string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nuser="
}

// A host that gets no answer may let people in.
func TestIdleConnectionsKeepNoHostFromItsAnswer(t *testing.T) {
	var tests errgroup.Group
	tests.SetLimit(6) // most of the time they wait
	for way, hold := range idlers {
		for from, address := range map[string]func(i int) string{
			"one machine":   func(int) string { return "127.0.0.9" },
			"many networks": func(i int) string { return fmt.Sprintf("127.1.%d.9", i) },
		} {
			tests.Go(func() error {
				t.Run(way+" from "+from, func(t *testing.T) {
					c := newCrowd(t)
					var all sync.WaitGroup
					for i := range few + few/2 {
						all.Go(func() { _ = hold(c, address(i)) }) // some are closed
					}
					for range 3 { // meanwhile
						if err := c.preauth("127.200.0.1"); err != nil {
							t.Errorf("a host: %v", err)
						}
					}
					all.Wait()
					for _, host := range []string{"127.200.0.1", address(0)} { // also the flooding machine
						if err := c.preauth(host); err != nil {
							t.Errorf("a host at %s, afterwards: %v", host, err)
						}
					}
				})
				return nil
			})
		}
	}
	_ = tests.Wait() // none returns an error
}

func TestALongPollIsNotClosedWhenConnectionsAreScarce(t *testing.T) {
	entered, answer := make(chan struct{}, few), make(chan struct{})
	c := newCrowd(t, testkit.WithOptions(func(o *server.Options) {
		o.Groups = func(*server.Server) ([]server.Group, error) {
			return []server.Group{{Name: "test", At: []string{"/wait"}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				entered <- struct{}{}
				select {
				case <-answer:
				case <-r.Context().Done():
					w.WriteHeader(http.StatusTeapot)
				}
			})}}, nil
		}
	}))
	var waiting [few / 2]*tls.Conn
	for i := range waiting {
		conn, err := c.secure("127.0.0.9")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET /wait HTTP/1.1\r\nHost: "+c.APIHost+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		waiting[i] = conn
		<-entered
	}
	for range 3 * few {
		_ = idlers["no request"](c, "127.0.0.9")
	}
	if err := c.preauth("127.0.0.9"); err != nil {
		t.Error(err)
	}
	close(answer)
	for _, conn := range waiting {
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if got, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || got.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", got, err)
		}
	}
}

func TestASlowBodyIsAnswered429WhenItsPlaceIsNeeded(t *testing.T) {
	for path, want := range map[string]int{"/phone/v1/activations": 429, "/oauth/v1/token": 429, "/rest/v1/preauth": 429, "/auth/v2/preauth": 429,
		"/rest/v1/unsigned": 404, "/prompt/x/code": 410} { // 404 and 410 are answered without the body
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			c := newCrowd(t)
			proof := duosign.Credentials{Key: c.app.ID, Signature: strings.Repeat("a", 40)}.Header()
			conn, err := c.secure("127.0.0.9")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, strings.ReplaceAll(slow(path), "HOST", c.APIHost+"\r\nAuthorization: "+proof)); err != nil {
				t.Fatal(err)
			}
			answered := make(chan error, 1)
			go func() {
				answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err == nil && (answer.StatusCode != want || (want == http.StatusTooManyRequests) != (answer.Header.Get("Retry-After") != "") || !answer.Close) {
					err = fmt.Errorf("%d %v", answer.StatusCode, answer.Header)
				}
				answered <- err
			}()
			for i := 0; ; i++ {
				select {
				case err := <-answered:
					if err != nil {
						t.Error(err)
					}
					return
				default:
					_ = idlers["no request"](c, fmt.Sprintf("127.1.%d.9", i%200))
				}
			}
		})
	}
}
