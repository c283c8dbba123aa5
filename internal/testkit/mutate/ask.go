package mutate

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// Answer is the answer to one request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Took   time.Duration // from before the request was sent until the whole answer was read
	ByHTTP bool          // net/http answered by itself: the request did not reach the door
}

// Ask passes a request to a handler, as net/http would.
func Ask(h http.Handler, r *Request) Answer {
	in, err := r.HTTP()
	if err != nil {
		return Answer{Status: http.StatusBadRequest, ByHTTP: true}
	}
	rec, start := httptest.NewRecorder(), time.Now()
	h.ServeHTTP(rec, in)
	return Answer{Status: rec.Code, Header: rec.Header(), Body: rec.Body.Bytes(), Took: time.Since(start)}
}

// AskOver sends a request over a new TCP connection and reads the whole answer. It returns an error if the
// connection breaks or the answer is not HTTP. Hosts that fail open let everybody in after either.
func AskOver(address string, r *Request) (Answer, error) {
	start := time.Now()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = conn.Close() }() // by then the answer is complete or another error is returned
	if _, err := conn.Write(r.Wire()); err != nil {
		return Answer{}, err
	}
	if half, ok := conn.(*net.TCPConn); ok && r.Framing == Cut {
		if err := half.CloseWrite(); err != nil {
			return Answer{}, err
		}
	}
	out, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.Method})
	if err != nil {
		return Answer{}, err
	}
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Status: out.StatusCode, Header: out.Header, Body: body, Took: time.Since(start),
		ByHTTP: out.StatusCode == http.StatusBadRequest && out.Header.Get("Cache-Control") == ""}, nil
}

// Late is the time after which a client that fails open may have given up (AC-019).
const Late = 2 * time.Second

// Door is the handler under test and a server for it. Most requests go straight to the handler, because that is
// faster.
type Door struct {
	Handler http.Handler
	server  *httptest.Server
}

// NewDoor serves a handler on loopback until the test ends.
func NewDoor(t testing.TB, h http.Handler) *Door {
	t.Helper()
	d := &Door{h, httptest.NewServer(h)}
	t.Cleanup(d.server.Close)
	return d
}

// Ask sends a request, once in a hundred times over a connection. It returns an error for what makes a host that
// fails open let somebody in: no answer, part of one, one after Late, or a status other than 200, 400, 404, 405, 413
// and, unless the request is Proved, 401.
func (d *Door) Ask(m *Mutator, r *Request) (Answer, error) {
	ask := func() (Answer, error) { return Ask(d.Handler, r), nil }
	if m.OneIn(100) {
		ask = func() (Answer, error) { return AskOver(d.server.Listener.Addr().String(), r) }
	}
	a, err := ask()
	for again := 0; again < 5 && err == nil && (a.Status == http.StatusTooManyRequests || a.Took > Late); again++ {
		a, err = ask() // a slow input is slow each time, a busy machine is not
	}
	if err != nil || a.ByHTTP {
		return a, err
	}
	switch good := []int{200, 400, 404, 405, 413}; {
	case !slices.Contains(good, a.Status) && (r.Proved || a.Status != http.StatusUnauthorized):
		return a, fmt.Errorf("status %d", a.Status)
	case a.Took > Late:
		return a, fmt.Errorf("after %v", a.Took)
	}
	return a, a.Framed()
}

// Framed returns an error unless Content-Length is the length of the body. Clients in C read exactly that much.
func (a Answer) Framed() error {
	if got := a.Header.Get("Content-Length"); got != strconv.Itoa(len(a.Body)) {
		return fmt.Errorf("Content-Length %q of %d bytes", got, len(a.Body))
	}
	return nil
}

const (
	perRound = 50_000           // mutations; limits the database of a round, in which every unknown name is a row
	bounded  = 20 * time.Second // longest run of a fixed count, so that a busy machine stops early
)

// Rounds runs count mutations from a fixed seed, in subtests of at most 50,000 that each have a seed of their own.
// round must make requests as long as m.More returns true. Two environment variables change that:
// COUNTERSIGN_MUTATIONS is another count, without a limit of time, and COUNTERSIGN_MUTATION_SEED another seed.
func Rounds(t *testing.T, count int, round func(t *testing.T, m *Mutator)) {
	t.Helper()
	seed, until := uint64(19), time.Now().Add(bounded)
	if n, err := strconv.Atoi(os.Getenv("COUNTERSIGN_MUTATIONS")); err == nil {
		count, until = n, time.Time{}
	}
	if n, err := strconv.ParseUint(os.Getenv("COUNTERSIGN_MUTATION_SEED"), 10, 64); err == nil {
		seed = n
	}
	for i := 0; i*perRound < count && !t.Failed(); i++ {
		m := New(seed + uint64(i)<<32)
		m.most, m.until = min(perRound, count-i*perRound), until
		t.Run(fmt.Sprintf("seed %d round %d", seed, i), func(t *testing.T) {
			round(t, m)
			t.Logf("%d mutations", m.Made)
		})
	}
}
