package listener

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// caller is a connection that waits for a processor; order gets its name then.
func caller(t *handshakes, name, from string, order chan string) *Conn {
	c := &Conn{Conn: &wire{at: &net.TCPAddr{}}, from: netip.MustParseAddr(from), limiter: &Limiter{handshakes: t}}
	go func() {
		if err := t.acquire(c); err != nil {
			name += " in vain"
		}
		order <- name
	}()
	return c
}

// waiting waits until so many do.
func (t *handshakes) waiting(n int) {
	for {
		t.mu.Lock()
		have := 0
		for _, b := range t.backlogs {
			have += len(b.waiting)
		}
		t.mu.Unlock()
		if have == n {
			return
		}
		runtime.Gosched()
	}
}

func TestNetworksAreServedInTurnAndTheNewestConnectionOfEachIsFirst(t *testing.T) {
	hs, order := newHandshakes(), make(chan string, 20)
	hs.free, hs.step = 0, time.Hour
	var all []*Conn
	for i := range 5 {
		all = append(all, caller(hs, fmt.Sprint("flood ", i), "192.0.2.1", order))
		hs.waiting(i + 1)
	}
	caller(hs, "host", "198.51.100.1", order)
	hs.waiting(6)
	caller(hs, "neighbor", "192.0.2.77", order)
	hs.waiting(7)
	hs.abandon(all[0])
	got := []string{<-order}
	for range 6 {
		hs.release()
		got = append(got, <-order)
	}
	if want := []string{"flood 0 in vain", "neighbor", "host", "flood 4", "flood 3", "flood 2", "flood 1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	hs.release()
	if hs.free == 0 || len(hs.backlogs)+len(hs.order[0])+len(hs.order[1]) > 0 {
		t.Errorf("%d free, %d backlogs", hs.free, len(hs.backlogs))
	}
}

func TestAfterARequestAConnectionIsNotLimited(t *testing.T) {
	hs, order := newHandshakes(), make(chan string, 1)
	hs.free, hs.step = 0, time.Hour
	c := caller(hs, "it", "192.0.2.1", order)
	hs.waiting(1)
	c.endHandshake()
	hs.release()
	<-order
	if hs.free != 1 {
		t.Error("its processor is lost")
	}
}

func TestEveryOtherStepContinuesAHandshake(t *testing.T) {
	hs, order := newHandshakes(), make(chan string, 20)
	hs.free, hs.step = 0, time.Hour
	for i := range 3 {
		caller(hs, "new", fmt.Sprintf("192.0.%d.1", i), order)
	}
	hs.waiting(3)
	for i := range 3 {
		c := &Conn{Conn: &wire{}, from: netip.MustParseAddr(fmt.Sprintf("198.51.%d.1", i)), limiter: &Limiter{handshakes: hs}, steps: 1}
		go func() {
			_ = c.limiter.handshakes.acquire(c)
			order <- "later"
		}()
	}
	hs.waiting(6)
	var got []string
	for range 6 {
		hs.release()
		got = append(got, <-order)
	}
	if want := []string{"later", "new", "later", "new", "later", "new"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A handshake that waits for something else, such as a certificate, holds up nobody.
func TestAStepEndsByItself(t *testing.T) {
	hs, order := newHandshakes(), make(chan string, 1)
	free := hs.free
	for i := range free {
		caller(hs, "held", fmt.Sprintf("192.0.2.%d", i), order)
		<-order
	}
	caller(hs, "next", "198.51.100.1", order)
	<-order
	for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
		hs.mu.Lock()
		now := hs.free
		hs.mu.Unlock()
		if now == free {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d are free", now, free)
		}
	}
}

// Whatever connections do, every processor comes back.
func TestNoStepIsLost(t *testing.T) {
	h := newFixture(64)
	free := h.handshakes.free
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			here, there := net.Pipe()
			c := &Conn{Conn: here, limiter: h.Limiter, from: netip.MustParseAddr(fmt.Sprintf("192.0.%d.1", i%7)), closed: true}
			go func() {
				for range 3 {
					_, _ = there.Write([]byte("x"))
				}
				_ = there.Close()
			}()
			for n := 0; ; n++ {
				if n == 2 && i%3 == 0 {
					c.endHandshake()
				}
				if _, err := c.Read(make([]byte, 1)); err != nil {
					if errors.Is(err, os.ErrDeadlineExceeded) {
						t.Error(err)
					}
					break
				}
			}
			_ = c.Close()
		})
	}
	all.Wait()
	if h.handshakes.free != free {
		t.Errorf("%d of %d are free", h.handshakes.free, free)
	}
}
