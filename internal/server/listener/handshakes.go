package listener

import (
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	handshakeWait = 10 * time.Second       // for a processor; the client has given up by then
	handshakeStep = 100 * time.Millisecond // then a step no longer counts: it may be waiting for a certificate
	perProcessor  = 4                      // steps at the same time
)

// handshakes limits how many connections the server works on before their first request: a few for each processor. A TLS
// handshake takes a third of a millisecond, so thousands of them at once would delay all requests by seconds.
//
// What a client sends is one step. While steps wait, networks are served in turn, however many connections each has.
// Within a network the newest connection is first, because its client still waits. Every other step that is served is a
// first one of a connection, the others continue a handshake.
type handshakes struct {
	step time.Duration

	mu       sync.Mutex
	free     int
	backlogs map[backlogKey]*backlog
	order    [2][]*backlog // of first steps and of later ones; the network that is next comes first
	next     int           // which of the two
}

type backlogKey struct {
	network netip.Prefix
	later   int // 1: steps that continue a handshake
}

// backlog is the connections of a network that wait, the newest last.
type backlog struct {
	backlogKey
	waiting []*Conn
}

// The values of Conn.handshake.
const (
	noStep int32 = iota
	inStep
	handshakeDone // the connection has sent a request
)

func newHandshakes() *handshakes {
	return &handshakes{step: handshakeStep, free: perProcessor * runtime.GOMAXPROCS(0), backlogs: map[backlogKey]*backlog{}}
}

// acquire waits until a step of c may be worked on. It returns os.ErrDeadlineExceeded when c was closed meanwhile, or has
// waited for handshakeWait.
func (h *handshakes) acquire(c *Conn) error {
	h.mu.Lock()
	if h.free > 0 {
		if c.beginStep() {
			h.free--
		}
		h.mu.Unlock()
		return nil
	}
	h.enqueue(c)
	h.mu.Unlock()
	late := time.AfterFunc(handshakeWait, func() { h.abandon(c) })
	defer late.Stop()
	if !<-c.served {
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (h *handshakes) enqueue(c *Conn) {
	key := backlogKey{later: min(1, c.steps)}
	key.network, _ = c.from.Prefix(prefixes(c.from)[0]) // without an address, the zero prefix
	b := h.backlogs[key]
	if b == nil {
		b = &backlog{backlogKey: key}
		h.backlogs[key] = b
		h.order[key.later] = append(h.order[key.later], b)
	}
	b.waiting = append(b.waiting, c)
	c.backlog = b
	if c.served == nil {
		c.served = make(chan bool, 1)
	}
}

// abandon ends the wait of a connection, if it waits.
func (h *handshakes) abandon(c *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.backlog != nil {
		h.remove(c, slices.Index(c.backlog.waiting, c))
		c.served <- false
	}
}

// release lets the next step begin.
func (h *handshakes) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.order[0])+len(h.order[1]) > 0 {
		if h.next = 1 - h.next; len(h.order[h.next]) == 0 {
			h.next = 1 - h.next
		}
		b := h.order[h.next][0]
		h.order[h.next] = append(h.order[h.next][1:], b)
		last := len(b.waiting) - 1
		c := b.waiting[last]
		h.remove(c, last)
		begun := c.beginStep()
		c.served <- true
		if begun {
			return
		}
	}
	h.free++
}

// remove takes a connection out of its backlog, and the backlog out of the order when it is empty.
func (h *handshakes) remove(c *Conn, at int) {
	b := c.backlog
	c.backlog = nil
	b.waiting = slices.Delete(b.waiting, at, at+1)
	if len(b.waiting) == 0 {
		delete(h.backlogs, b.backlogKey)
		h.order[b.later] = slices.DeleteFunc(h.order[b.later], func(o *backlog) bool { return o == b })
	}
}

// beginStep is called under the lock of handshakes. It returns false when the connection has sent a request meanwhile.
func (c *Conn) beginStep() bool {
	if !c.handshake.CompareAndSwap(noStep, inStep) {
		return false
	}
	c.steps++
	time.AfterFunc(c.limiter.handshakes.step, c.endStep)
	return true
}

// endStep releases the processor, if the connection is in a step.
func (c *Conn) endStep() {
	if c.handshake.CompareAndSwap(inStep, noStep) {
		c.limiter.handshakes.release()
	}
}

// endHandshake is called with each request. What the client sends later is not limited any more.
func (c *Conn) endHandshake() {
	if c.handshake.Load() != handshakeDone && c.handshake.Swap(handshakeDone) == inStep {
		c.limiter.handshakes.release()
	}
}

// Read reads from the client. Before the first request it then waits for a processor.
func (c *Conn) Read(b []byte) (int, error) {
	if c.handshake.Load() == handshakeDone {
		return c.Conn.Read(b)
	}
	c.endStep()
	n, err := c.Conn.Read(b)
	if n == 0 || c.handshake.Load() == handshakeDone {
		return n, err
	}
	if late := c.limiter.handshakes.acquire(c); late != nil {
		return 0, late
	}
	return n, err
}
