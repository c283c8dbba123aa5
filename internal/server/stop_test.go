package server_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"countersign/internal/server"
	"countersign/internal/testkit"
)

// longFarewell is long enough for a machine that is very slow. It ends early when no client is connected any more.
var longFarewell = testkit.WithOptions(func(o *server.Options) { o.Farewell = 30 * time.Second })

// AC-081, FAIL-2: a client on a kept connection gets "Connection: close" before the connection is closed. A client
// whose connection is cut in the middle of a call may let people in without a second factor.
func TestStoppingCutsNoCallOnAKeptConnection(t *testing.T) {
	for name, two := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			p := testkit.Start(t, longFarewell)
			var calls, cut, strangers atomic.Int64
			var all sync.WaitGroup
			for range 60 {
				client := p.Client()
				if !two {
					client.Transport.(*http.Transport).TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
				}
				all.Go(func() {
					for kept, n := true, 0; kept || n < 2; n++ { // until the server has closed the connection, and then once more
						kept = false
						trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { kept = c.Reused }}
						r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "POST", p.URL+"/auth/v2/preauth", strings.NewReader("username=ana"))
						answer, err := client.Do(r)
						switch {
						case err == nil:
							_, _ = io.Copy(io.Discard, answer.Body) // or the connection is not kept
							answer.Body.Close()
							calls.Add(1)
						case kept && !errors.Is(err, syscall.ECONNREFUSED): // the library has retried on a new connection
							t.Log(err)
							cut.Add(1)
						default:
							strangers.Add(1)
							return // the server does not listen any more
						}
					}
				})
			}
			for calls.Load() < 600 {
				time.Sleep(time.Millisecond)
			}
			p.Stop()
			all.Wait()
			if t.Logf("%d calls answered, %d cut, %d refused", calls.Load(), cut.Load(), strangers.Load()); cut.Load() > 0 {
				t.Errorf("%d calls on kept connections were cut", cut.Load())
			}
		})
	}
}

// A call that comes just after the signal, on a connection that was idle then, is answered too.
func TestWhoComesOnAnIdleConnectionWhenTheProgramStopsIsToldToGo(t *testing.T) {
	p := testkit.Start(t, longFarewell)
	client := p.Client()
	client.Transport.(*http.Transport).TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	call := func(when string) *http.Response {
		t.Helper()
		answer, err := client.Post(p.URL+"/auth/v2/preauth", "application/x-www-form-urlencoded", strings.NewReader("username=ana"))
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		_, _ = io.Copy(io.Discard, answer.Body) // or the connection is not kept
		answer.Body.Close()
		return answer
	}
	if call("before").Close {
		t.Error("a connection is not kept")
	}
	var stopped sync.WaitGroup
	stopped.Go(p.Stop)
	for {
		w := httptest.NewRecorder()
		if p.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil)); w.Code != http.StatusOK {
			break
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond) // an earlier call would pass without proving anything
	if !call("after").Close {
		t.Error("nobody was told to go")
	}
	stopped.Wait()
}
