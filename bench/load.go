package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// signIns is one measurement of sign-ins, or of calls of the Auth API. Times are milliseconds.
type signIns struct {
	Target   string  `json:"target"`      // "floor", "sqlite" or "postgres"
	Loop     string  `json:"loop"`        // "closed 64", "open 1000/s"
	Rate     float64 `json:"per_second"`  // finished per second
	P50      float64 `json:"p50_ms"`      // from the moment a sign-in was due to its end
	P95      float64 `json:"p95_ms"`      //
	P99      float64 `json:"p99_ms"`      //
	Errors   int     `json:"errors"`      // failed
	Done     int     `json:"done"`        // succeeded
	CPU      float64 `json:"cpu_ms"`      // processor time of the server for each sign-in
	Database float64 `json:"database_ms"` // of PostgreSQL
	Load     float64 `json:"load_ms"`     // of the load generator
	RSS      float64 `json:"rss_mb"`      // the server's, at the end
	Others   float64 `json:"others"`      // cores that other programs used meanwhile
	Ratio    float64 `json:"ratio"`       // CPU divided by the floor's in the same loop; 0 for the floor
	firstErr error
}

// pair holds the connections of one sign-in: the browser's and the application's.
type pair struct{ browser, back *wire }

// close closes both connections. A pair of a program has no browser.
func (p pair) close() {
	p.back.close()
	if p.browser != nil {
		p.browser.close()
	}
}

// load drives sign-ins against one server.
type load struct {
	dial   *dialer
	client client
	people chan *person // who do not sign in at the moment
	pairs  chan pair    // kept connections that are free
	mu     sync.Mutex
	times  []time.Duration // of the sign-ins that succeeded since reset
	failed int
	first  error                                                       // of those that failed
	size   int                                                         // bytes of the code page
	direct bool                                                        // the right code led straight back to the application
	single bool                                                        // calls of a program: there is no browser
	work   func(at pair, p *person) (size int, direct bool, err error) // one sign-in
}

// newLoad makes a load whose work is a whole sign-in by code.
func newLoad(at ready, c client, people []person) (*load, error) {
	d, err := newDialer(at)
	if err != nil {
		return nil, err
	}
	l := &load{dial: d, client: c, people: make(chan *person, len(people)), pairs: make(chan pair, 4096)}
	l.work = func(at pair, p *person) (int, bool, error) { return signIn(at.browser, at.back, l.client, p) }
	for i := range people {
		l.people <- &people[i]
	}
	return l, nil
}

// one does a sign-in on kept connections and records the time since begun.
func (l *load) one(ctx context.Context, begun time.Time) {
	p := <-l.people
	defer func() { l.people <- p }()
	at, err := l.take(ctx)
	size, direct := 0, false
	if err == nil {
		if size, direct, err = l.work(at, p); err == nil {
			l.pairs <- at
		} else {
			at.close()
		}
	}
	took := time.Since(begun)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			l.failed++
			if l.first == nil {
				l.first = err
			}
		}
		return
	}
	l.times, l.size, l.direct = append(l.times, took), size, direct
}

// take returns free connections, or opens new ones.
func (l *load) take(ctx context.Context) (pair, error) {
	select {
	case at := <-l.pairs:
		return at, nil
	default:
	}
	back, err := l.dial.dial(ctx)
	if err != nil || l.single {
		return pair{back: back}, err
	}
	browser, err := l.dial.dial(ctx)
	if err != nil {
		back.close()
		return pair{}, err
	}
	return pair{browser, back}, nil
}

// closed is a closed loop: n sign-ins are under way at any time, and each that ends is followed by another one.
func (l *load) closed(ctx context.Context, n int, length time.Duration) {
	end := time.Now().Add(length)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for time.Now().Before(end) && ctx.Err() == nil {
				l.one(ctx, time.Now())
			}
		})
	}
	all.Wait()
}

// openLoop is an open loop: sign-ins begin at random moments (a Poisson process), rate per second on average, whether
// earlier ones have ended or not. Times count from the moment a sign-in was due, so that a slow server cannot hide its
// queue. maxOpen bounds that queue.
func (l *load) openLoop(ctx context.Context, rate float64, length time.Duration) {
	const maxOpen = 1000
	random := rand.New(rand.NewPCG(1, 2))
	slots := make(chan struct{}, maxOpen)
	var all sync.WaitGroup
	begin := time.Now()
	for due := begin; due.Sub(begin) < length && ctx.Err() == nil; {
		due = due.Add(time.Duration(random.ExpFloat64() / rate * float64(time.Second)))
		time.Sleep(time.Until(due))
		slots <- struct{}{}
		all.Go(func() {
			l.one(ctx, due)
			<-slots
		})
	}
	all.Wait()
}

// reset drops the results of the loop before.
func (l *load) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times, l.failed, l.first = nil, 0, nil
}

// close closes the free connections. No sign-in may be under way.
func (l *load) close() {
	for {
		select {
		case at := <-l.pairs:
			at.close()
		default:
			return
		}
	}
}

// measured runs drive, which is one loop, and returns its times and what server, database and load have used. db is nil
// with SQLite and for the floor.
func (l *load) measured(target, loop string, p *process, db *cluster, drive func()) (signIns, error) {
	l.reset()
	before, err := p.ask("usage")
	if err != nil {
		return signIns{}, err
	}
	busy, own, dbTime, begin := busyTime(), ownTime(), db.cpu(), time.Now()
	drive()
	length := time.Since(begin)
	busy, own, dbTime = busyTime()-busy, ownTime()-own, db.cpu()-dbTime
	after, err := p.ask("usage")
	if err != nil {
		return signIns{}, err
	}
	cpu := time.Duration(after.CPU - before.CPU)
	n := len(l.times)
	each := func(d time.Duration) float64 { return ms(d) / float64(max(1, n)) }
	return signIns{Target: target, Loop: loop, Rate: float64(n) / length.Seconds(), P50: ms(percentile(l.times, 50)), P95: ms(percentile(l.times, 95)),
		P99: ms(percentile(l.times, 99)), Errors: l.failed, Done: n, CPU: each(cpu), Database: each(dbTime), Load: each(own), RSS: float64(after.RSS) / 1e6,
		Others: max(0, (busy-own-dbTime-cpu).Seconds()/length.Seconds()), firstErr: l.first}, nil
}

// percentile sorts all and returns its p-th percentile, 0 when it is empty.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*p/100)]
}

// measureSignIns measures the product and the floor in turns, so that both run under the same conditions.
func measureSignIns(ctx context.Context, p plan, at *place, r *report) error {
	product, err := start(ctx, at.spec("server"))
	if err != nil {
		return err
	}
	defer product.stop()
	mine, err := newLoad(product.ready, at.client(product.Host), at.seeds.Users)
	if err != nil {
		return err
	}
	defer mine.close()
	say("%s: warming up", at.Name)
	mine.closed(ctx, 8, min(2*time.Second, p.length))
	if len(mine.times) == 0 {
		return fmt.Errorf("no sign-in succeeded: %w", mine.first)
	}
	spec := at.spec("floor")
	spec.Page, spec.Direct = mine.size, mine.direct
	bare, err := start(ctx, spec, floorSecretVariable+"="+at.seeds.Secret)
	if err != nil {
		return err
	}
	defer bare.stop()
	under, err := newLoad(bare.ready, at.client(bare.Host), append([]person(nil), at.seeds.Users...))
	if err != nil {
		return err
	}
	defer under.close()
	under.closed(ctx, 8, min(time.Second, p.length))
	if len(under.times) == 0 {
		return fmt.Errorf("no sign-in succeeded on the floor: %w", under.first)
	}
	if p.profile != "" {
		if _, err := product.ask("profile " + p.profile + "-" + at.Name + ".pprof"); err != nil {
			return err
		}
	}
	if err := p.turns(ctx, "", p.rate, at, [2]*process{bare, product}, [2]*load{under, mine}, &r.SignIns); err != nil {
		return err
	}
	if p.profile != "" {
		_, err = product.ask("endprofile")
	}
	return err
}

// turns measures first the floor and then the product in every loop, and appends to results. servers and loads hold the
// floor's first.
func (p plan) turns(ctx context.Context, prefix string, rate float64, at *place, servers [2]*process, loads [2]*load, results *[]signIns) error {
	type shape struct {
		name  string
		drive func(l *load) func()
	}
	var shapes []shape
	for _, n := range p.concurrency {
		shapes = append(shapes, shape{fmt.Sprintf("%sclosed %d", prefix, n), func(l *load) func() { return func() { l.closed(ctx, n, p.length) } }})
	}
	shapes = append(shapes, shape{fmt.Sprintf("%sopen %g/s", prefix, rate), func(l *load) func() { return func() { l.openLoop(ctx, rate, p.length) } }})
	for _, s := range shapes {
		say("%s: %s", at.Name, s.name)
		floor, err := loads[0].measured("floor", s.name, servers[0], nil, s.drive(loads[0]))
		if err != nil {
			return err
		}
		got, err := loads[1].measured(at.Name, s.name, servers[1], at.cluster, s.drive(loads[1]))
		if err != nil {
			return err
		}
		if floor.CPU > 0 {
			got.Ratio = got.CPU / floor.CPU
		}
		*results = append(*results, floor, got)
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, m := range []signIns{floor, got} {
			if m.firstErr != nil {
				say("%s: %d errors, the first: %v", m.Target, m.Errors, m.firstErr)
			}
		}
	}
	return nil
}
