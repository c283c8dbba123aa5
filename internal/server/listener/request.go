package listener

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const maxRest = 256 << 10 // bytes of a body that are read after the answer; net/http reads as many

// Handler reports the requests of a connection to its limiter; the http.Server needs Context for that. Where there is no
// room, it answers with reject and "Connection: close" in the place of next. It does so also when the place of a connection
// is needed while the body of its request is still arriving. There is room for signed calls, by the function signed, when
// there is none for other requests.
func Handler(signed func(*http.Request) bool, reject, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(*Conn)
		if !ok { // a test without a network
			next.ServeHTTP(w, r)
			return
		}
		c.endHandshake()
		q := &request{ResponseWriter: w, http: r, conn: c, reject: reject}
		body := r.ContentLength != 0
		if !c.limiter.begin(q, body, signed(r)) {
			w.Header().Set("Connection", "close")
			reject.ServeHTTP(w, r)
			return
		}
		defer q.end()
		if body {
			q.body, r.Body = r.Body, q
		}
		next.ServeHTTP(q, r)
	})
}

// request is a request, its body, and the writer of its answer.
type request struct {
	http.ResponseWriter
	http    *http.Request
	conn    *Conn
	reject  http.Handler
	body    io.ReadCloser
	givenUp atomic.Bool // the rest of the body is not read

	answering bool
	replaced  bool // reject has answered; what next writes is dropped

	// Protected by the lock of the limiter.
	working bool
	index   int // in conn.arriving, plus one; 0: it is not there

	mu       sync.Mutex // for interrupt
	complete bool       // the body was read to its end
	done     bool
}

var errGivenUp = errors.New("the body took too long while connections were scarce")

// Read reads from the body.
func (q *request) Read(p []byte) (int, error) {
	if q.givenUp.Load() {
		return 0, errGivenUp
	}
	n, err := q.body.Read(p)
	if errors.Is(err, io.EOF) && !q.complete {
		q.mu.Lock()
		q.complete = true
		q.mu.Unlock()
		q.conn.limiter.bodyComplete(q)
	}
	return n, err
}

// Close closes the body.
func (q *request) Close() error { return q.body.Close() }

// WriteHeader begins the answer, unless the status is one of 1xx.
func (q *request) WriteHeader(code int) {
	if code >= http.StatusOK {
		q.answer()
	}
	if !q.replaced {
		q.ResponseWriter.WriteHeader(code)
	}
}

// Write begins the answer if WriteHeader did not.
func (q *request) Write(b []byte) (int, error) {
	q.answer()
	if q.replaced {
		return len(b), nil
	}
	return q.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (q *request) Unwrap() http.ResponseWriter { return q.ResponseWriter }

// answer is called when the answer begins: from then on the server waits for the client to read it. The answer to a body
// that was given up is that of reject.
func (q *request) answer() {
	if q.answering {
		return
	}
	q.answering = true
	q.conn.limiter.answered(q)
	if q.givenUp.Load() && !q.complete {
		q.replaced = true
		for _, name := range []string{"Content-Length", "Content-Type", "Location", "Set-Cookie"} {
			q.Header().Del(name)
		}
		q.Header().Set("Connection", "close")
		q.reject.ServeHTTP(q.ResponseWriter, q.http)
	}
}

// interrupt ends a Read that is waiting.
func (q *request) interrupt() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.done && !q.complete {
		_ = http.NewResponseController(q.ResponseWriter).SetReadDeadline(time.Unix(1, 0)) // if that fails, closeEvicted ends it
	}
}

// end is called when the handler has returned. On HTTP/1 it reads the rest of the body, as net/http would do before it
// sends a short answer; but net/http could not be interrupted.
func (q *request) end() {
	if q.body != nil && !q.complete && q.http.ProtoMajor == 1 && q.http.Header.Get("Expect") == "" {
		_, _ = io.CopyN(io.Discard, q, maxRest) // if there is more, net/http closes the connection
	}
	q.mu.Lock()
	q.done = true
	q.mu.Unlock()
	q.conn.limiter.ended(q)
}

// begin counts a request. It returns false when there is no room for it.
func (l *Limiter) begin(q *request, body, signed bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := q.conn
	l.busy(c)
	c.restricted = c.restricted && (l.taken[conns] >= l.Full || l.taken[conns] >= l.Crowded && c.sources.full(conns) != nil)
	ok := (signed || !c.restricted) && !c.evicted && !c.closed
	if ok && c.requests > 0 {
		ok = l.addStream(c, signed)
	}
	if !ok {
		l.rejections++
		if c.working == 0 {
			l.idle(c)
		}
		return false
	}
	c.requests++
	if !body {
		l.startWork(q)
		return true
	}
	c.arriving = append(c.arriving, q)
	q.index = len(c.arriving)
	if c.working == 0 {
		l.idle(c)
	}
	return true
}

// addStream counts a stream. It returns false when there is no room for it.
func (l *Limiter) addStream(c *Conn, signed bool) bool {
	victim, wait := l.room(streams, c.sources)
	if victim != nil {
		l.evict(victim)
	}
	if l.taken[streams] >= l.Places || wait > 0 && !signed {
		return false
	}
	l.add(streams, c.sources)
	return true
}

func (l *Limiter) bodyComplete(q *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removeArriving(q)
	if !q.answering {
		l.startWork(q)
	}
}

func (l *Limiter) answered(q *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endWork(q)
}

func (l *Limiter) ended(q *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := q.conn
	l.removeArriving(q)
	l.endWork(q)
	c.used = true
	if c.requests--; c.requests > 0 {
		l.remove(streams, c.sources)
	}
	if c.working == 0 {
		l.idle(c)
	}
}

// startWork makes the connection busy.
func (l *Limiter) startWork(q *request) {
	q.working = true
	q.conn.working++
	l.busy(q.conn)
}

// endWork makes the connection idle, if no other request is worked on.
func (l *Limiter) endWork(q *request) {
	if !q.working {
		return
	}
	q.working = false
	if q.conn.working--; q.conn.working == 0 {
		l.idle(q.conn)
	}
}

func (l *Limiter) removeArriving(q *request) {
	if q.index == 0 {
		return
	}
	all := q.conn.arriving
	last := all[len(all)-1]
	all[q.index-1], last.index = last, q.index
	all[len(all)-1] = nil
	q.conn.arriving, q.index = all[:len(all)-1], 0
}
