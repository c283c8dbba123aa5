// Command flood holds connections to a server on this machine for nothing, in one of several ways, and opens those again
// that the server closes. It is a part of a test: it connects to loopback only, is bounded in number, rate and time, and
// ends when its standard input does. It prints a line once it has tried as many connections as it is to hold, and at the
// end a line of JSON.
//
//	main.go  flags, and keeping up the number
//	ways.go  the ways to hold a connection
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// The most that may be asked for. Each connection takes a file; the Go runtime has raised the limit of open files as far as
// it goes, and what is above counts as failed.
const (
	maxConns = 20_000
	maxRate  = 5000
	maxTime  = 5 * time.Minute
)

// flood is what is asked for, and what came of it.
type flood struct {
	address string // of the server
	host    string // what it is called
	way     way
	count   int
	sources []net.IP

	held                             atomic.Int64
	Most                             atomic.Int64
	opened, failed, closed, answered atomic.Int64
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "flood:", err)
		os.Exit(1)
	}
}

func run() error {
	f := &flood{}
	flag.StringVar(&f.address, "at", "", "address of the server, 127.0.0.1:PORT")
	flag.StringVar(&f.host, "host", "", "its name and port, as in Host")
	name := flag.String("way", "request", "what is kept back: handshake, hello, request, kept (the second request), header, body, streams, window, resets")
	flag.IntVar(&f.count, "count", 100, "connections to hold")
	rate := flag.Int("rate", 500, "connections to open in a second at most")
	last := flag.Duration("for", time.Minute, "how long")
	block := flag.Int("block", 10, "they come from 127.BLOCK.n.1")
	networks := flag.Int("networks", 1, "so many n")
	flag.Parse()
	at, err := net.ResolveTCPAddr("tcp", f.address)
	if err != nil || !at.IP.IsLoopback() {
		return errors.New("-at must be an address of this machine's loopback")
	}
	f.way = ways[*name]
	switch {
	case f.way == nil:
		return fmt.Errorf("no way %q", *name)
	case f.count < 1, f.count > maxConns, *rate < 1, *rate > maxRate, *last > maxTime, *block < 1, *block > 250, *networks < 1, *networks > 250:
		return errors.New("more than this program may do")
	}
	for n := range *networks {
		f.sources = append(f.sources, net.IPv4(127, byte(*block), byte(n), 1))
	}
	ctx, cancel := context.WithTimeout(context.Background(), *last)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends
		cancel()
	}()
	f.keepUp(ctx, max(1, *rate/requestsOf[*name]))
	return json.NewEncoder(os.Stdout).Encode(map[string]int64{"opened": f.opened.Load(), "failed": f.failed.Load(), "closed": f.closed.Load(),
		"answered": f.answered.Load(), "most_held": f.Most.Load()})
}

// keepUp opens connections until so many are held, and again when some were closed.
func (f *flood) keepUp(ctx context.Context, rate int) {
	var all sync.WaitGroup
	defer all.Wait()
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	room := make(chan struct{}, f.count)
	for n := 0; ; n++ {
		if n == f.count {
			fmt.Println("filled")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case <-ctx.Done():
			return
		case room <- struct{}{}:
		}
		all.Go(func() {
			defer func() { <-room }()
			f.hold(ctx, f.sources[n%len(f.sources)])
		})
	}
}

// hold is one connection, until the server closes it or all ends.
func (f *flood) hold(ctx context.Context, from net.IP) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: 10 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", f.address)
	if err != nil {
		f.failed.Add(1)
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	over, err := f.way(ctx, conn, f.host)
	if err != nil {
		f.failed.Add(1)
		return
	}
	f.opened.Add(1)
	if now := f.held.Add(1); now > f.Most.Load() {
		f.Most.Store(now) // near enough
	}
	defer f.held.Add(-1)
	n, _ := io.Copy(io.Discard, over)
	if ctx.Err() != nil {
		return
	}
	if f.closed.Add(1); n > 0 {
		f.answered.Add(1)
	}
}
