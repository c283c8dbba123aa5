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

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Took   time.Duration
	ByHTTP bool // net/http answered by itself: the request never came to the door
}

// Ask gives a request to a handler, as net/http would.
func Ask(h http.Handler, r *Request) Answer {
	in, err := r.HTTP()
	if err != nil {
		return Answer{Status: http.StatusBadRequest, ByHTTP: true}
	}
	rec, start := httptest.NewRecorder(), time.Now()
	h.ServeHTTP(rec, in)
	return Answer{Status: rec.Code, Header: rec.Header(), Body: rec.Body.Bytes(), Took: time.Since(start)}
}

// AskOver sends a request over a connection of its own and reads the whole answer. The error is a connection that
// was cut or an answer that is no HTTP: both open hosts that fail open.
func AskOver(address string, r *Request) (Answer, error) {
	start := time.Now()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = conn.Close() }() // the answer is whole or the error is told already
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

// Late is when a client that fails open may have given up (AC-019).
const Late = 2 * time.Second

// Door is asked through its handler, and once in a hundred times through net/http over a connection.
type Door struct {
	Handler http.Handler
	server  *httptest.Server
}

// NewDoor serves a handler until the test ends.
func NewDoor(t testing.TB, h http.Handler) *Door {
	t.Helper()
	d := &Door{h, httptest.NewServer(h)}
	t.Cleanup(d.server.Close)
	return d
}

// Ask gives the answer to a request, and an error for what opens a host that fails open, whatever the answer says:
// 5xx, 401 and 429 for what a right signature covers, no answer, half of one, a late one.
func (d *Door) Ask(m *Mutator, r *Request) (Answer, error) {
	ask := func() (Answer, error) { return Ask(d.Handler, r), nil }
	if m.OneIn(100) {
		ask = func() (Answer, error) { return AskOver(d.server.Listener.Addr().String(), r) }
	}
	a, err := ask()
	for again := 0; again < 5 && err == nil && (a.Status == http.StatusTooManyRequests || a.Took > Late); again++ {
		a, err = ask() // the machine, or the input? An input is late each time
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

// Framed says what is wrong with the frame of an answer of the door: clients in C read exactly as much as is announced.
func (a Answer) Framed() error {
	if got := a.Header.Get("Content-Length"); got != strconv.Itoa(len(a.Body)) {
		return fmt.Errorf("Content-Length %q of %d bytes", got, len(a.Body))
	}
	return nil
}

const (
	perRound = 50_000           // bounds what one world gathers: every stranger's name is a row
	bounded  = 20 * time.Second // of a run of a fixed count: a machine with much else to do stops early
)

// Rounds runs count mutations of a fixed seed, or as many as COUNTERSIGN_MUTATIONS says of the seed that
// COUNTERSIGN_MUTATION_SEED says, in rounds with a seed and a world each. A round goes on while there is More.
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
