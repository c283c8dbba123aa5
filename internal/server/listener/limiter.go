// Package listener limits how many connections the server holds. When there is no place for a new one, it closes an idle
// one. Accepting must not stop: a Unix host that cannot connect may let people in without a second step.
//
// A connection is idle here while the server waits for the client: for the TLS handshake, for a request, for the rest of a
// body, or for the client to read an answer. While a request is worked on, its connection is busy; a long poll keeps it
// busy. A busy connection is never closed. No connection is closed before three quarters of the places are taken.
//
//	limiter.go     places, shares, and which connection is closed
//	queue.go       idle connections, the oldest first, for all clients and for each source
//	conn.go        net.Listener and net.Conn
//	request.go     what the requests of a connection report to the limiter
//	handshakes.go  which handshake the server works on next
//	files.go       how many places there are
package listener

import (
	"cmp"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// grace is how long a connection may be idle at least. It does not hold for a source above its share when no place is left.
	grace      = time.Second / 2
	answerTime = time.Second // for a client to receive 429 before its connection is closed
	logEvery   = time.Minute
)

// There are two kinds of places, both with the same limits. A connection needs an open file. A stream is a request beside
// another one on the same HTTP/2 connection; it needs memory.
const (
	conns = iota
	streams
	kinds
)

// Limits are numbers of connections, and of streams.
type Limits struct {
	Places  int // there are no more
	Crowded int // from here on shares count
	Full    int // from here on each new one replaces an idle one; the places above are for signed calls
	Address int // the share of an IPv4 address or an IPv6 /64
	Network int // the share of an IPv4 /24 or an IPv6 /48
}

// LimitsOf returns the limits for a number of places, at least one.
func LimitsOf(places int) Limits {
	return Limits{Places: places, Crowded: places - places/4, Full: places - places/8, Address: max(1, places/16), Network: max(1, places/8)}
}

// Limiter counts the connections of all listeners of a server.
type Limiter struct {
	Limits
	trustedNetworks []netip.Prefix
	now             func() time.Time
	log             *slog.Logger
	handshakes      *handshakes

	mu      sync.Mutex
	freed   *sync.Cond // a connection was closed or became idle
	waiting int        // listeners that wait for that
	taken   [kinds]int
	direct  queue // idle connections
	multi   queue // idle connections with streams
	pooled  queue // idle connections that a trusted proxy keeps for its next request
	sources map[netip.Prefix]*source
	largest *source // a source with very many connections, or nil

	logged     time.Time
	evictions  int // connections closed since then
	rejections int // requests answered 429 since then
}

// New returns a limiter. Connections of the trusted proxies count, but have no share: each is used by many clients.
func New(limits Limits, trustedProxies []netip.Prefix, now func() time.Time, log *slog.Logger) *Limiter {
	l := &Limiter{Limits: limits, trustedNetworks: trustedProxies, now: now, log: log, handshakes: newHandshakes(), sources: map[netip.Prefix]*source{}}
	l.freed = sync.NewCond(&l.mu)
	return l
}

// Open returns the number of open connections.
func (l *Limiter) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken[conns]
}

// admit gives a new connection a place, and closes an idle one for it where necessary. It waits when all places are taken
// and no connection may be closed yet. It returns false when stopped is true then.
func (l *Limiter) admit(c *Conn, stopped func() bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for evicted := (*Conn)(nil); ; {
		victim, wait := l.room(conns, l.sourcesOf(c))
		c.restricted = wait > 0
		if victim != nil && (evicted == nil || evicted.closed) {
			l.evict(victim)
			evicted = victim
		}
		if l.taken[conns] < l.Places {
			break
		}
		if stopped() {
			l.discard(l.sourcesOf(c))
			return false
		}
		l.await(cmp.Or(wait, grace))
	}
	c.sources = l.sourcesOf(c) // again: evict may have discarded one of them
	l.add(conns, c.sources)
	l.idle(c)
	return true
}

// room returns the connection to close for one more place, nil when none has to be closed. When wait is not 0, there is no
// room: no connection may be closed, or not before that time.
func (l *Limiter) room(kind int, from sources) (victim *Conn, wait time.Duration) {
	taken := l.taken[kind]
	if taken < l.Crowded {
		return nil, 0
	}
	source := from.full(kind)
	own := source != nil
	if !own && taken < l.Full {
		return nil, 0
	}
	if kind == streams {
		if own {
			return nil, grace
		}
		return l.evictable(l.multi.first)
	}
	if !own && l.largest != nil && l.largest.taken[conns] > l.largest.share {
		source = l.largest
	}
	last := taken >= l.Places
	if source != nil && source.queue.first != nil {
		if last {
			return source.queue.first, 0
		}
		return l.evictable(source.queue.first)
	}
	if own && !last {
		return nil, grace
	}
	return l.evictable(l.oldest())
}

// evictable returns c when it has been idle for the grace period, otherwise how long that takes.
func (l *Limiter) evictable(c *Conn) (victim *Conn, wait time.Duration) {
	if c == nil {
		return nil, grace
	}
	if age := l.now().Sub(c.since); age < grace {
		return nil, grace - age
	}
	return c, 0
}

// oldest returns the connection that has been idle for longest. One of a proxy's pool is returned only when there is no other.
func (l *Limiter) oldest() *Conn {
	a, b := l.direct.first, l.multi.first
	if a == nil || b != nil && b.since.Before(a.since) {
		a = b
	}
	return cmp.Or(a, l.pooled.first)
}

// await waits for freed, at most so long.
func (l *Limiter) await(atMost time.Duration) {
	l.waiting++
	alarm := time.AfterFunc(atMost, func() {
		l.mu.Lock()
		l.signal()
		l.mu.Unlock()
	})
	l.freed.Wait()
	alarm.Stop()
	l.waiting--
}

func (l *Limiter) signal() {
	if l.waiting > 0 {
		l.freed.Broadcast()
	}
}

// evict closes an idle connection. When bodies are arriving on it, their requests are answered 429 first.
func (l *Limiter) evict(c *Conn) {
	l.busy(c)
	c.evicted = true
	if len(c.arriving) == 0 {
		l.evictions++
		l.release(c)
		_ = c.Conn.Close() // the HTTP server gets an error from Read or Write and closes c
		l.handshakes.abandon(c)
		return
	}
	l.rejections += len(c.arriving)
	for _, r := range c.arriving {
		r.givenUp.Store(true)
		go r.interrupt()
	}
	time.AfterFunc(answerTime, c.closeEvicted)
}

// release gives the place of a connection back, once.
func (l *Limiter) release(c *Conn) {
	if c.closed {
		return
	}
	c.closed = true
	l.busy(c)
	l.remove(conns, c.sources)
}

// add counts one more place.
func (l *Limiter) add(kind int, from sources) {
	l.taken[kind]++
	for _, s := range from {
		if s == nil {
			continue
		}
		if s.taken[kind]++; l.largest == nil || s.taken[conns] > l.largest.taken[conns] {
			l.largest = s
		}
	}
}

// remove counts one place less.
func (l *Limiter) remove(kind int, from sources) {
	l.taken[kind]--
	for _, s := range from {
		if s != nil {
			s.taken[kind]--
		}
	}
	l.discard(from)
	l.signal()
}

// trusted reports whether an address is that of a trusted proxy.
func (l *Limiter) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(l.trustedNetworks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// report writes to the log that places are scarce, at most once a minute.
func (l *Limiter) report() {
	l.mu.Lock()
	now := l.now()
	if max(l.taken[conns], l.taken[streams]) < l.Crowded || !l.logged.IsZero() && now.Sub(l.logged) < logEvery {
		l.mu.Unlock()
		return
	}
	values := []any{"limit", l.Places, "connections", l.taken[conns], "streams", l.taken[streams], "closed", l.evictions, "rejected", l.rejections}
	if l.largest != nil {
		values = append(values, "largest_source", l.largest.prefix.String(), "of_it", l.largest.taken[conns])
	}
	l.logged, l.evictions, l.rejections = now, 0, 0
	l.mu.Unlock()
	l.log.Warn("connections are scarce; idle ones are closed, the oldest first", values...)
}
