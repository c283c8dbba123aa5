package listener

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// wire is a connection on which nothing is sent.
type wire struct {
	net.Conn
	at     net.Addr
	closed atomic.Bool
}

func (w *wire) RemoteAddr() net.Addr { return w.at }

func (w *wire) Close() error {
	w.closed.Store(true)
	return nil
}

// fixture is a limiter with connections and a clock of the test.
type fixture struct {
	*Limiter
	callers chan net.Conn
	door    net.Listener
	log     strings.Builder

	mu   sync.Mutex
	time time.Time
}

func (h *fixture) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.time
}

func (h *fixture) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.time = h.time.Add(d)
}

// backlogOfKernel is the inner listener.
type backlogOfKernel struct{ callers chan net.Conn }

func (q backlogOfKernel) Accept() (net.Conn, error) { return <-q.callers, nil }
func (q backlogOfKernel) Close() error              { return nil }
func (q backlogOfKernel) Addr() net.Addr            { return &net.TCPAddr{} }

func newFixture(places int, trusted ...string) *fixture {
	h := &fixture{callers: make(chan net.Conn, 1), time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	var proxies []netip.Prefix
	for _, p := range trusted {
		proxies = append(proxies, netip.MustParsePrefix(p))
	}
	h.Limiter = New(LimitsOf(places), proxies, h.clock, slog.New(slog.NewTextHandler(&h.log, nil)))
	h.door = h.Listen(backlogOfKernel{h.callers})
	return h
}

// come returns an accepted connection from an address.
func (h *fixture) come(from string) *Conn {
	h.callers <- &wire{at: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 4711))}
	c, err := h.door.Accept()
	if err != nil {
		panic(err)
	}
	return c.(*Conn)
}

func gone(c *Conn) bool { return c.Conn.(*wire).closed.Load() }

// ask begins a request. It returns nil when the request is rejected.
func ask(c *Conn, body, signed bool) *request {
	w := httptest.NewRecorder()
	q := &request{ResponseWriter: w, http: httptest.NewRequest("GET", "/", nil), conn: c}
	if !c.limiter.begin(q, body, signed) {
		return nil
	}
	return q
}

func TestNoConnectionIsClosedWhileThereIsRoom(t *testing.T) {
	h := newFixture(64)
	var all []*Conn
	for range h.Crowded {
		all = append(all, h.come("192.0.2.1"))
		h.pass(time.Minute)
	}
	for i, c := range all {
		if gone(c) || c.restricted {
			t.Errorf("the %dth of one machine is gone", i)
		}
	}
}

func TestWhenCrowdedASourceAboveItsShareLosesItsOldestIdleConnection(t *testing.T) {
	for name, from := range map[string]func(i int) string{
		"address":      func(int) string { return "192.0.2.1" },
		"IPv4 network": func(i int) string { return fmt.Sprintf("192.0.2.%d", i) },
		"IPv6 machine": func(i int) string { return fmt.Sprintf("2001:db8:1:1::%x", i) },
		"IPv6 site":    func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i) },
		"mapped":       func(i int) string { return fmt.Sprintf("::ffff:192.0.2.%d", i) },
	} {
		h := newFixture(64)
		other := h.come("198.51.100.1") // older than all
		var all []*Conn
		for i := range h.Crowded - 1 {
			h.pass(2 * time.Second)
			all = append(all, h.come(from(i)))
		}
		h.pass(2 * time.Second)
		first := h.come(from(100))
		h.pass(2 * time.Second)
		h.come(from(101))
		if gone(other) || gone(first) || !gone(all[0]) || !gone(all[1]) || gone(all[2]) {
			t.Errorf("%s: other %v, newest %v, oldest three %v %v %v", name, gone(other), gone(first), gone(all[0]), gone(all[1]), gone(all[2]))
		}
	}
}

func TestWhenFullTheOldestIdleConnectionIsClosed(t *testing.T) {
	h := newFixture(64)
	var all []*Conn
	for i := range h.Full {
		h.pass(2 * time.Second)
		all = append(all, h.come(fmt.Sprintf("198.51.%d.1", i)))
	}
	if q := ask(all[0], false, false); q == nil { // it is worked on now
		t.Fatal("rejected")
	}
	q := ask(all[1], false, false)
	q.end() // it was idle for the shortest time
	h.pass(2 * time.Second)
	h.come("203.0.113.1")
	if gone(all[0]) || gone(all[1]) || !gone(all[2]) || gone(all[3]) {
		t.Errorf("gone: %v %v %v %v", gone(all[0]), gone(all[1]), gone(all[2]), gone(all[3]))
	}
}

func TestASourceAboveItsShareLosesConnectionsBeforeOlderOnesOfOthers(t *testing.T) {
	h := newFixture(64)
	old := h.come("198.51.100.1")
	var flood []*Conn
	for range h.Crowded - 1 {
		h.pass(2 * time.Second)
		flood = append(flood, h.come("192.0.2.1"))
	}
	for i := range h.Places / 2 {
		h.pass(2 * time.Second)
		h.come(fmt.Sprintf("203.0.%d.1", i))
	}
	if gone(old) || !gone(flood[0]) || h.Open() != h.Full {
		t.Errorf("old %v, flood %v, %d open", gone(old), gone(flood[0]), h.Open())
	}
}

func TestTheLastPlacesAreForSignedCalls(t *testing.T) {
	h := newFixture(64)
	for i := range h.Full {
		if q := ask(h.come(fmt.Sprintf("198.51.%d.1", i)), false, false); q == nil {
			t.Fatal("rejected")
		}
	}
	page, host := h.come("203.0.113.1"), h.come("203.0.113.2")
	if ask(page, false, false) != nil {
		t.Error("a page has a place that is for signed calls")
	}
	if ask(host, true, true) == nil {
		t.Error("a signed call is rejected")
	}
}

func TestARestrictedConnectionTakesAnyRequestWhenThereIsRoomAgain(t *testing.T) {
	h := newFixture(64)
	var all []*Conn
	for i := range h.Full {
		c := h.come(fmt.Sprintf("198.51.%d.1", i))
		ask(c, false, false)
		all = append(all, c)
	}
	guest := h.come("203.0.113.1")
	for _, c := range all[:h.Full/2] {
		_ = c.Close()
	}
	if ask(guest, false, false) == nil {
		t.Error("rejected although half of the places are free")
	}
}

func TestATrustedProxyHasNoShareAndLosesItsIdleConnectionsLast(t *testing.T) {
	h := newFixture(64, "10.0.0.0/8")
	var pool []*Conn
	for range h.Full {
		h.pass(2 * time.Second)
		c := h.come("10.1.2.3")
		if q := ask(c, false, false); q == nil || c.restricted {
			t.Fatal("rejected")
		} else {
			q.end()
		}
		pool = append(pool, c)
	}
	_ = pool[5].Close()
	stranger := h.come("192.0.2.1")
	h.pass(2 * time.Second)
	h.come("198.51.100.1")
	if !gone(stranger) || gone(pool[0]) {
		t.Errorf("stranger %v, pool %v", gone(stranger), gone(pool[0]))
	}
}

func TestStreamsHaveSharesOfTheirOwnAndTakeNoPlaceOfAConnection(t *testing.T) {
	h := newFixture(64)
	c := h.come("192.0.2.1")
	var asked []*request
	for q := ask(c, true, false); q != nil; q = ask(c, true, false) {
		asked = append(asked, q)
	}
	if h.taken != [kinds]int{1, h.Crowded} {
		t.Errorf("one connection takes %v", h.taken)
	}
	if ask(c, true, true) == nil {
		t.Error("a signed call is rejected")
	}
	for _, q := range asked {
		q.end()
	}
	if h.taken[streams] != 0 {
		t.Errorf("%d streams are left", h.taken[streams])
	}
}

func TestWhenStreamsAreFullTheSlowBodiesOfTheOldestConnectionAreGivenUp(t *testing.T) {
	h := newFixture(128)
	var all []*Conn
	var slow []*request
	for i := range h.Full / 4 {
		h.pass(2 * time.Second)
		c := h.come(fmt.Sprintf("198.51.%d.1", i))
		for range 5 {
			slow = append(slow, ask(c, true, false))
		}
		all = append(all, c)
	}
	worked := ask(all[0], false, false)
	h.pass(2 * time.Second)
	other := h.come("203.0.113.1")
	ask(other, false, false)
	if ask(other, false, false) == nil || worked == nil {
		t.Fatal("rejected")
	}
	for i, q := range slow {
		if want := i >= 5 && i < 15; q.givenUp.Load() != want {
			t.Errorf("the %dth slow body was given up: %v", i, !want)
		}
	}
}

func TestAConnectionWithASlowBodyIsClosedAfterItsAnswer(t *testing.T) {
	h := newFixture(64)
	c := h.come("192.0.2.1")
	slow := ask(c, true, false)
	for i := range h.Full {
		h.pass(2 * time.Second)
		h.come(fmt.Sprintf("198.51.%d.1", i))
	}
	if !slow.givenUp.Load() || gone(c) {
		t.Errorf("given up %v, gone %v", slow.givenUp.Load(), gone(c))
	}
	for end := time.Now().Add(time.Minute); !gone(c); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is never closed")
		}
	}
}

func TestAcceptWaitsForAPlaceAndEndsWithItsListener(t *testing.T) {
	h := newFixture(16)
	var all []*request
	for i := range h.Places {
		all = append(all, ask(h.come(fmt.Sprintf("198.51.%d.1", i)), false, true))
	}
	came := make(chan *Conn)
	go func() { came <- h.come("192.0.2.1") }()
	all[3].end()
	h.pass(2 * time.Second)
	ask(<-came, false, true)
	if !gone(all[3].conn) || h.Open() != h.Places {
		t.Errorf("%d open", h.Open())
	}
	ended := make(chan error)
	go func() {
		h.callers <- &wire{at: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}}
		_, err := h.door.Accept()
		ended <- err
	}()
	_ = h.door.Close()
	h.callers <- &wire{at: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}}
	_, err := h.door.Accept()
	if first := <-ended; err == nil || first == nil {
		t.Errorf("%v, %v", first, err)
	}
}

func TestTheLogSaysOnceAMinuteThatConnectionsAreScarce(t *testing.T) {
	h := newFixture(64)
	for range 10 * h.Places {
		h.come("192.0.2.1")
	}
	h.pass(time.Minute)
	h.come("192.0.2.1")
	said := strings.Split(strings.TrimSpace(h.log.String()), "\n")
	if len(said) != 2 || !strings.Contains(said[1], "largest_source=192.0.2.0/24") || strings.Contains(said[1], "closed=0") {
		t.Errorf("%d lines, the last: %s", len(said), said[len(said)-1])
	}
}

func TestPlacesFollowFromTheLimitOfFiles(t *testing.T) {
	for files, want := range map[uint64]int{0: 20_000, 1: 1, 256: 224, 1024: 896, 4096: 3584, 20_000: 19_000, 65_536: 20_000, 1 << 40: 20_000} {
		if got := Places(files); got != want {
			t.Errorf("%d files: %d places, want %d", files, got, want)
		}
	}
}

// The counters and queues are right, and no busy connection is closed, whatever clients do.
func TestTheCountersAreRightWhateverClientsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newFixture(16, "10.0.0.0/8")
		var come []*Conn
		var asked []*request
		t.Repeat(map[string]func(*rapid.T){
			"come": func(t *rapid.T) {
				h.pass(time.Duration(rapid.IntRange(0, 3).Draw(t, "seconds")) * time.Second)
				if h.taken[conns] >= h.Places {
					h.pass(2 * grace)
					if h.oldest() == nil || len(h.evicting(come)) > 0 {
						return // Accept would wait
					}
					victim, _ := h.room(conns, sources{})
					if victim == nil || len(victim.arriving) > 0 {
						return // Accept would wait for its last word
					}
				}
				come = append(come, h.come(rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2", "198.51.100.1", "203.0.113.9", "10.0.0.1", "2001:db8::1", "2001:db8:0:1::1"}).Draw(t, "from")))
			},
			"ask": func(t *rapid.T) {
				if len(come) == 0 {
					return
				}
				if q := ask(rapid.SampledFrom(come).Draw(t, "conn"), rapid.Bool().Draw(t, "body"), rapid.Bool().Draw(t, "signed")); q != nil {
					asked = append(asked, q)
				}
			},
			"step": func(t *rapid.T) {
				if len(asked) == 0 {
					return
				}
				i := rapid.IntRange(0, len(asked)-1).Draw(t, "request")
				q := asked[i]
				switch rapid.SampledFrom([]string{"body", "answer", "end"}).Draw(t, "step") {
				case "body":
					if q.index > 0 {
						h.bodyComplete(q)
					}
				case "answer":
					if !q.answering {
						q.answering = true
						h.answered(q)
					}
				case "end":
					h.ended(q)
					asked = append(asked[:i], asked[i+1:]...)
				}
			},
			"leave": func(t *rapid.T) {
				if len(come) == 0 {
					return
				}
				_ = rapid.SampledFrom(come).Draw(t, "conn").Close()
			},
			"": func(t *rapid.T) { h.audit(t, come) },
		})
	})
}

// evicting returns the connections that were evicted and still hold their place.
func (h *fixture) evicting(conns []*Conn) (still []*Conn) {
	for _, c := range conns {
		if c.evicted && !c.closed {
			still = append(still, c)
		}
	}
	return still
}

func (h *fixture) audit(t *rapid.T, all []*Conn) {
	h.Limiter.mu.Lock()
	defer h.Limiter.mu.Unlock()
	var taken [kinds]int
	idle, bySource := map[*Conn]bool{}, map[*source][kinds]int{}
	for _, c := range all {
		its := [kinds]int{streams: max(0, c.requests-1)}
		if !c.closed {
			its[conns] = 1
		}
		for kind, n := range its {
			taken[kind] += n
			for _, s := range c.sources {
				if s != nil {
					now := bySource[s]
					now[kind] += n
					bySource[s] = now
				}
			}
		}
		if !c.closed && !c.evicted && c.working == 0 {
			idle[c] = true
		}
		if c.working > 0 && c.evicted && c.closed && len(c.arriving) == 0 && !gone(c) {
			t.Errorf("a busy connection was closed")
		}
	}
	if taken != h.taken || max(taken[conns], taken[streams]) > h.Places {
		t.Errorf("%v taken, counted %v", taken, h.taken)
	}
	for s, n := range bySource {
		if s.taken != n || n != [kinds]int{} && h.sources[s.prefix] == nil {
			t.Errorf("%s: %v taken, counted %v", s.prefix, n, s.taken)
		}
		if s.queue.first != nil {
			for c, last := s.queue.first, (*Conn)(nil); c != nil; last, c = c, c.links[s.queue.level].after {
				if !idle[c] || c.links[s.queue.level].before != last {
					t.Errorf("a queue of %s is broken, or has a connection that is not idle", s.prefix)
				}
			}
		}
	}
	for _, q := range []*queue{&h.direct, &h.multi, &h.pooled} {
		for c := q.first; c != nil; c = c.links[ofAll].after {
			if !idle[c] {
				t.Errorf("a queue has a connection that is not idle")
			}
			delete(idle, c)
		}
	}
	if len(idle) > 0 {
		t.Errorf("%d idle connections are in no queue", len(idle))
	}
}

// BenchmarkRequest is what the limiter adds to a request with a body.
func BenchmarkRequest(b *testing.B) {
	h := newFixture(1000)
	for i := range 500 {
		h.come(fmt.Sprintf("198.51.%d.1", i%200))
	}
	c := h.come("192.0.2.1")
	handler := Handler(func(*http.Request) bool { return false }, http.NotFoundHandler(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	body := strings.NewReader("user=nina")
	r := httptest.NewRequest("POST", "/", body)
	r = r.WithContext(Context(r.Context(), c))
	original, w := r.Body, httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		body.Reset("user=nina")
		r.Body = original
		handler.ServeHTTP(w, r)
	}
}
