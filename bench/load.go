package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// signIns is one measurement of sign-ins.
type signIns struct {
	Target   string  `json:"target"`      // "floor", "sqlite", "postgres"
	Loop     string  `json:"loop"`        // "closed 64", "open 1000/s"
	Rate     float64 `json:"per_second"`  // sign-ins finished a second
	P50      float64 `json:"p50_ms"`      //
	P95      float64 `json:"p95_ms"`      //
	P99      float64 `json:"p99_ms"`      //
	Errors   int     `json:"errors"`      //
	Done     int     `json:"done"`        //
	CPU      float64 `json:"cpu_ms"`      // the server's processor time for each sign-in
	Database float64 `json:"database_ms"` // PostgreSQL's
	Load     float64 `json:"load_ms"`     // the load generator's
	RSS      float64 `json:"rss_mb"`      // the server's, at the end
	Others   float64 `json:"others"`      // cores that other programs used meanwhile
	Ratio    float64 `json:"ratio"`       // CPU to the floor's in the same loop; 0 for the floor
	firstErr error
}

// pair is what one sign-in needs: a browser's connection and the application's.
type pair struct{ browser, back *wire }

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
	people chan *person
	pairs  chan pair
	mu     sync.Mutex
	times  []time.Duration
	failed int
	first  error
	size   int  // of the page
	direct bool // the code's answer led straight back
	single bool // there is no browser
	work   func(at pair, p *person) (size int, direct bool, err error)
}

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

// one does a sign-in on kept connections and notes how long it took since begun.
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

// closed keeps n sign-ins going.
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

// openLoop begins sign-ins at random moments, rate a second on average, whether or not earlier
// ones are done; times count from the moment a sign-in was due. maxOpen bounds what piles up.
func (l *load) openLoop(ctx context.Context, rate float64, length time.Duration) {
	const maxOpen = 1000
	random := rand.New(rand.NewPCG(1, 2))
	room := make(chan struct{}, maxOpen)
	var all sync.WaitGroup
	begin := time.Now()
	for due := begin; due.Sub(begin) < length && ctx.Err() == nil; {
		due = due.Add(time.Duration(random.ExpFloat64() / rate * float64(time.Second)))
		time.Sleep(time.Until(due))
		room <- struct{}{}
		all.Go(func() {
			l.one(ctx, due)
			<-room
		})
	}
	all.Wait()
}

func (l *load) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times, l.failed, l.first = nil, 0, nil
}

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

// measured runs drive and says what it took.
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

func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*p/100)]
}

// measureSignIns measures the product and the floor in turns, so that both meet the same machine.
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

// turns measures floor and product, in this order, in every loop, and adds what came of it to results.
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
