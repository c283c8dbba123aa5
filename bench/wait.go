package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"countersign/internal/base/phonewire"
)

// waiting is a measurement of pages that wait for a phone: what they cost, and how soon they learn of its answer.
type waiting struct {
	Target     string  `json:"target"`
	Pages      int     `json:"pages"`        // that waited at the same time
	EmptyRSS   float64 `json:"empty_rss_mb"` // the server's before the first page
	RSS        float64 `json:"rss_mb"`       // as soon as all pages wait
	Settled    float64 `json:"settled_mb"`   // ten seconds later, without any request meanwhile
	Heap       float64 `json:"heap_mb"`      // part of RSS: the heap with its garbage
	Stacks     float64 `json:"stacks_mb"`    // part of RSS: the stacks
	Goroutines int     `json:"goroutines"`   //
	OpenTime   float64 `json:"open_seconds"` // to open all pages
	Answers    int     `json:"answers"`      // of phones, while the pages waited
	SentP50    float64 `json:"sent_p50_ms"`  // from sending the phone's answer to the page's response
	SentP99    float64 `json:"sent_p99_ms"`  //
	GotP50     float64 `json:"got_p50_ms"`   // from the phone's response to the page's; 0 when the page was first
	GotP99     float64 `json:"got_p99_ms"`   //
	Errors     int     `json:"errors"`       //
	Others     float64 `json:"others"`       // cores that other programs used meanwhile
}

// page is one page that waits.
type page struct {
	person *person
	wire   *wire
	opened
	form    string         // token of the page's forms
	version string         // of the login, for the next status request
	number  string         // to type into the phone
	polls   atomic.Int64   // status requests sent
	woken   chan time.Time // gets the moment at which the page learned of the answer
}

var (
	versionForm = regexp.MustCompile(`data-version="(\d+)"`)
	numberForm  = regexp.MustCompile(`<p class="digits[^>]*>((?:<span>\d</span>)+)</p>`)
)

// openPage begins a sign-in and loads the page that waits for the phone.
func openPage(ctx context.Context, d *dialer, c client, p *person) (*page, error) {
	w, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	o, err := begin(w, c, p.Name, token(27), token(27))
	if err != nil {
		w.close()
		return nil, err
	}
	g := &page{person: p, wire: w, opened: o, woken: make(chan time.Time, 1)}
	if err := g.read(o.page); err != nil {
		w.close()
		return nil, err
	}
	g.page, w.body = nil, nil
	return g, nil
}

// read takes version, number and form token from the page.
func (g *page) read(html []byte) error {
	version, number := versionForm.FindSubmatch(html), numberForm.FindSubmatch(html)
	if version == nil || number == nil {
		return fmt.Errorf("the page does not wait: %.2000s", html)
	}
	g.form, g.version = between(html, `name="form_token" value="`, `"`), string(version[1])
	g.number = strings.NewReplacer("<span>", "", "</span>", "").Replace(string(number[1]))
	return nil
}

// again sends the request to the phone once more, as a person does when it has expired. Opening thousands of pages may
// take longer than a request lasts.
func (g *page) again() error {
	a, err := g.wire.do(request{method: "POST", target: g.path + "/push", browser: true, cookie: g.cookie, contentType: form,
		body: []byte("form_token=" + g.form + "&device=" + g.person.PhoneID)})
	if err == nil && a.status != 303 {
		err = unexpected("push", a)
	}
	if err != nil {
		return err
	}
	if a, err = g.wire.do(request{method: "GET", target: g.path, browser: true, cookie: g.cookie}); err != nil {
		return err
	}
	err = g.read(a.body)
	g.wire.body = nil
	return err
}

// wait sends status requests as the page's script does, until the sign-in goes on or the connection is closed.
func (g *page) wait() error {
	for {
		g.polls.Add(1)
		a, err := g.wire.do(request{method: "GET", target: g.path + "/status?since=" + g.version, browser: true, cookie: g.cookie})
		if err != nil {
			return err
		}
		now := time.Now()
		var s struct {
			Version int64  `json:"version"`
			Next    string `json:"next"`
			Open    bool   `json:"open"`
		}
		if a.status != 200 {
			return unexpected("status", a)
		}
		if err := json.Unmarshal(a.body, &s); err != nil {
			return err
		}
		if s.Next != "" {
			g.woken <- now
			return nil
		}
		if !s.Open {
			if err := g.again(); err != nil {
				return err
			}
			continue
		}
		g.version = strconv.FormatInt(s.Version, 10)
	}
}

// phoneCall sends one signed request of a phone and reads the answer into out. in may be nil.
func phoneCall(w *wire, key *ecdsa.PrivateKey, method, target string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	auth, err := phonewire.Authorize(rand.Reader, key, method, w.host, target, time.Now(), body)
	if err != nil {
		return err
	}
	a, err := w.do(request{method: method, target: target, authorization: auth.String(), contentType: "application/json", body: body})
	if err != nil {
		return err
	}
	if a.status != 200 {
		return unexpected("phone", a)
	}
	return json.Unmarshal(a.body, out)
}

// woke is how long a page took to learn of an answer: since the phone sent it, and since the phone got the response.
type woke struct{ sent, got time.Duration }

// approve approves a page's request on the person's phone and measures how long the page takes to learn of it.
func approve(ctx context.Context, w *wire, g *page) (woke, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(g.person.Key)
	if err != nil {
		return woke{}, err
	}
	key := parsed.(*ecdsa.PrivateKey)
	polls := g.polls.Load()
	var list phonewire.RequestList
	if err := phoneCall(w, key, "GET", "/phone/v1/requests", nil, &list); err != nil {
		return woke{}, err
	}
	if len(list.Requests) != 1 {
		return woke{}, fmt.Errorf("%d requests wait on the phone", len(list.Requests))
	}
	// The page learns that the phone has the request, and polls again. A person takes a moment too.
	for limit := time.Now().Add(2 * time.Second); g.polls.Load() == polls && time.Now().Before(limit); {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond)
	q := list.Requests[0]
	g.person.answers++
	a := phonewire.Answer{Transaction: q.Transaction, Application: q.ApplicationID, User: q.UserID, Phone: g.person.PhoneID,
		Decision: phonewire.Approve, Number: g.number, Expires: q.Expires, Counter: g.person.answers}
	if a.Signature, err = phonewire.Sign(rand.Reader, key, a.Text()); err != nil {
		return woke{}, err
	}
	var out phonewire.Outcome
	sent := time.Now()
	if err := phoneCall(w, key, "POST", "/phone/v1/requests/"+q.Transaction+"/answer", a, &out); err != nil {
		return woke{}, err
	}
	got := time.Now()
	if out.State != phonewire.StateApproved {
		return woke{}, errors.New("the answer was " + out.State)
	}
	select {
	case at := <-g.woken:
		return woke{at.Sub(sent), max(0, at.Sub(got))}, nil
	case <-time.After(30 * time.Second):
		return woke{}, errors.New("the page did not wake")
	case <-ctx.Done():
		return woke{}, ctx.Err()
	}
}

// measureWaiting measures with 200 waiting pages and then with all of them.
func measureWaiting(ctx context.Context, p plan, at *place, r *report) error {
	counts := []int{min(p.waiting, 200), p.waiting}
	if counts[0] == counts[1] {
		counts = counts[1:]
	}
	for _, n := range counts {
		people := at.seeds.Waiting[:min(n, len(at.seeds.Waiting))]
		got, err := waitAndWake(ctx, at, people, min(p.wakes, len(people)))
		if err != nil {
			return err
		}
		r.Waiting = append(r.Waiting, got)
	}
	return nil
}

// pacing is the time between two answers of phones.
const pacing = 10 * time.Millisecond

// waitAndWake opens a waiting page for each person and measures the server's memory. Then the phones of some of them
// answer, and it measures how soon the pages learn of it.
func waitAndWake(ctx context.Context, at *place, people []person, answers int) (waiting, error) {
	say("%s: %d pages wait", at.Name, len(people))
	m := waiting{Target: at.Name}
	srv, err := start(ctx, at.spec("server")) // a new one, so that its memory is only the pages'
	if err != nil {
		return m, err
	}
	defer srv.stop()
	d, err := newDialer(srv.ready)
	if err != nil {
		return m, err
	}
	empty, err := srv.ask("usage")
	if err != nil {
		return m, err
	}
	var trouble firstError
	begin := time.Now()
	pages := openPages(ctx, d, at.client(srv.Host), people, &trouble)
	defer func() {
		for _, g := range pages {
			g.wire.close()
		}
	}()
	m.OpenTime, m.Pages, m.EmptyRSS = time.Since(begin).Seconds(), len(pages), float64(empty.RSS)/1e6
	before, err := m.measureMemory(srv, pages)
	if err != nil {
		return m, err
	}
	busy, own, dbTime, begin := busyTime(), ownTime(), at.cluster.cpu(), time.Now()
	wakes := answerPages(ctx, d, pages[max(0, len(pages)-answers):], &trouble)
	length := time.Since(begin)
	after, err := srv.ask("usage")
	if err != nil {
		return m, err
	}
	m.Others = max(0, (busyTime()-busy-(ownTime()-own)-(at.cluster.cpu()-dbTime)-time.Duration(after.CPU-before.CPU)).Seconds()/length.Seconds())
	m.countWakes(wakes)
	m.Errors = trouble.count()
	if trouble.first != nil {
		say("%s: %d errors, the first: %v", at.Name, m.Errors, trouble.first)
	}
	return m, ctx.Err()
}

// measureMemory waits until every page waits, and measures the server's memory then and ten seconds later. It returns
// what the server has used by the end.
func (m *waiting) measureMemory(srv *process, pages []*page) (usage, error) {
	for _, g := range pages { // until each has sent a status request
		for g.polls.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	time.Sleep(time.Second)
	u, err := srv.ask("usage")
	if err != nil {
		return u, err
	}
	m.RSS, m.Heap, m.Stacks, m.Goroutines = float64(u.RSS)/1e6, float64(u.Heap)/1e6, float64(u.Stacks)/1e6, u.Goroutines
	time.Sleep(10 * time.Second)
	u, err = srv.ask("usage")
	m.Settled = float64(u.RSS) / 1e6
	return u, err
}

// countWakes sets the number of answers and their percentiles.
func (m *waiting) countWakes(wakes []woke) {
	var sent, got []time.Duration
	for _, w := range wakes {
		sent, got = append(sent, w.sent), append(got, w.got)
	}
	m.Answers = len(wakes)
	m.SentP50, m.SentP99, m.GotP50, m.GotP99 = ms(percentile(sent, 50)), ms(percentile(sent, 99)), ms(percentile(got, 50)), ms(percentile(got, 99))
}

// openPages opens a page for each person, 32 at a time, and lets each wait in a goroutine of its own.
func openPages(ctx context.Context, d *dialer, c client, people []person, trouble *firstError) []*page {
	var all sync.WaitGroup
	var mu sync.Mutex
	var pages []*page
	next := make(chan *person)
	for range 32 {
		all.Go(func() {
			for p := range next {
				g, err := openPage(ctx, d, c, p)
				if err != nil {
					trouble.note(err)
					continue
				}
				go func() {
					if err := g.wait(); err != nil && !errors.Is(err, net.ErrClosed) {
						trouble.note(err)
					}
				}()
				mu.Lock()
				pages = append(pages, g)
				mu.Unlock()
			}
		})
	}
	for i := range people {
		next <- &people[i]
	}
	close(next)
	all.Wait()
	return pages
}

// answerPages answers one page after another, with pacing between them, on 64 connections of phones.
func answerPages(ctx context.Context, d *dialer, pages []*page, trouble *firstError) []woke {
	var all sync.WaitGroup
	var mu sync.Mutex
	var wakes []woke
	next := make(chan *page) // unbuffered: an answer is sent when a connection is free
	for range 64 {
		all.Go(func() {
			w, err := d.dial(ctx)
			if err != nil {
				trouble.note(err)
				for range next { // drop pages, so that the sender does not block
				}
				return
			}
			defer w.close()
			for g := range next {
				got, err := approve(ctx, w, g)
				if err != nil {
					trouble.note(err)
					continue
				}
				mu.Lock()
				wakes = append(wakes, got)
				mu.Unlock()
			}
		})
	}
	for _, g := range pages {
		time.Sleep(pacing)
		next <- g
	}
	close(next)
	all.Wait()
	return wakes
}

// firstError counts errors and keeps the first.
type firstError struct {
	mu    sync.Mutex
	n     int
	first error
}

// note counts one error.
func (f *firstError) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.first == nil {
		f.first = err
	}
}

func (f *firstError) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}
