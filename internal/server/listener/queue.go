package listener

import "net/netip"

// An idle connection is in three queues: one for all clients, one of its network, one of its address.
const (
	ofAll = iota
	ofNetwork
	ofAddress
	levels
)

// queue is a linked list of idle connections, the oldest first.
type queue struct {
	level       int // which of a connection's links it uses
	first, last *Conn
}

type link struct{ before, after *Conn }

func (q *queue) push(c *Conn) {
	c.links[q.level] = link{before: q.last}
	if q.last == nil {
		q.first = c
	} else {
		q.last.links[q.level].after = c
	}
	q.last = c
}

func (q *queue) remove(c *Conn) {
	at := c.links[q.level]
	if at.before == nil {
		q.first = at.after
	} else {
		at.before.links[q.level].after = at.after
	}
	if at.after == nil {
		q.last = at.before
	} else {
		at.after.links[q.level].before = at.before
	}
	c.links[q.level] = link{}
}

// source is an address or a network that connections come from.
type source struct {
	prefix netip.Prefix
	share  int // of each kind of places
	taken  [kinds]int
	queue  queue // its idle connections
}

// sources are the network and the address of a connection. They are nil for a trusted proxy, and where there is no IP address.
type sources [levels - 1]*source

// full returns a source that has its share already: the address, or else the network, or else nil.
func (from sources) full(kind int) *source {
	for i := len(from) - 1; i >= 0; i-- {
		if s := from[i]; s != nil && s.taken[kind] >= s.share {
			return s
		}
	}
	return nil
}

// sourcesOf returns the sources of a connection. It makes those that are not known yet.
func (l *Limiter) sourcesOf(c *Conn) (found sources) {
	if c.proxy || !c.from.IsValid() {
		return found
	}
	shares := [...]int{l.Network, l.Address}
	for i, bits := range prefixes(c.from) {
		prefix, _ := c.from.Prefix(bits) // no error: every address has so many bits
		s := l.sources[prefix]
		if s == nil {
			s = &source{prefix: prefix, share: shares[i], queue: queue{level: ofNetwork + i}}
			l.sources[prefix] = s
		}
		found[i] = s
	}
	return found
}

// prefixes returns the lengths of the prefixes that stand for a network and for an address. An IPv6 subscriber has at least
// a /64, often a /48 (RFC 6177), so a single IPv6 address stands for nobody.
func prefixes(a netip.Addr) [2]int {
	if a.Is4() {
		return [2]int{24, 32}
	}
	return [2]int{48, 64}
}

// discard forgets sources without connections and streams.
func (l *Limiter) discard(from sources) {
	for _, s := range from {
		if s == nil || s.taken != [kinds]int{} || l.sources[s.prefix] != s {
			continue
		}
		delete(l.sources, s.prefix)
		if l.largest == s {
			l.largest = nil
		}
	}
}

// idle puts a connection at the end of its queues.
func (l *Limiter) idle(c *Conn) {
	l.busy(c)
	if c.closed || c.evicted {
		return
	}
	c.since, c.queue = l.now(), &l.direct
	switch {
	case c.requests > 1:
		c.queue = &l.multi
	case c.proxy && c.used && c.requests == 0:
		c.queue = &l.pooled
	}
	c.queue.push(c)
	for _, s := range c.sources {
		if s != nil {
			s.queue.push(c)
		}
	}
	l.signal()
}

// busy takes a connection out of its queues.
func (l *Limiter) busy(c *Conn) {
	if c.queue == nil {
		return
	}
	c.queue.remove(c)
	c.queue = nil
	for _, s := range c.sources {
		if s != nil {
			s.queue.remove(c)
		}
	}
}
