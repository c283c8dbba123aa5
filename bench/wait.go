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

// waiting is what the waiting pages cost and how soon they wake.
type waiting struct {
	Target     string  `json:"target"`
	Pages      int     `json:"pages"`        // that waited at once
	EmptyRSS   float64 `json:"empty_rss_mb"` // the server's before the first page
	RSS        float64 `json:"rss_mb"`       // as soon as all wait
	Settled    float64 `json:"settled_mb"`   // the same, ten quiet seconds later
	Heap       float64 `json:"heap_mb"`      // of that, the heap with its garbage
	Stacks     float64 `json:"stacks_mb"`    // and the stacks
	Goroutines int     `json:"goroutines"`   //
	OpenTime   float64 `json:"open_seconds"` // to open them all
	Answers    int     `json:"answers"`      //
	SentP50    float64 `json:"sent_p50_ms"`  // from the phone sending its answer to the page's news
	SentP99    float64 `json:"sent_p99_ms"`  //
	GotP50     float64 `json:"got_p50_ms"`   // from the phone's receipt to the page's news, 0 when the page was first
	GotP99     float64 `json:"got_p99_ms"`   //
	Errors     int     `json:"errors"`       //
	Others     float64 `json:"others"`       //
}

// page is one page that waits.
type page struct {
	person *person
	wire   *wire
	opened
	form    string // token of the page's forms
	version string
	number  string
	polls   atomic.Int64 // status requests sent
	woken   chan time.Time
}

var (
	versionForm = regexp.MustCompile(`data-version="(\d+)"`)
	numberForm  = regexp.MustCompile(`<p class="digits[^>]*>((?:<span>\d</span>)+)</p>`)
)

// openPage signs a person in as far as the page that waits for the phone.
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

// read takes over what the page says.
func (g *page) read(html []byte) error {
	version, number := versionForm.FindSubmatch(html), numberForm.FindSubmatch(html)
	if version == nil || number == nil {
		return fmt.Errorf("the page does not wait: %.2000s", html)
	}
	g.form, g.version = between(html, `name="form_token" value="`, `"`), string(version[1])
	g.number = strings.NewReplacer("<span>", "", "</span>", "").Replace(string(number[1]))
	return nil
}

// again sends the request once more, as the person does when it has run out: opening thousands of
// pages may take longer than a request lives.
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

// wait asks for news as the page's script does, until it is told to go on or is closed.
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

// phoneCall is one signed request of a phone.
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

// woke is one answer and what followed.
type woke struct{ sent, got time.Duration }

// approve answers the request of a page on its person's phone and says how long the page took.
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
	// The page has been told that the phone has the request; the person takes a moment, too.
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

// measureWaiting measures few waiting pages, then all of them.
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

// pacing is the time between two answers.
const pacing = 10 * time.Millisecond

func waitAndWake(ctx context.Context, at *place, people []person, answers int) (waiting, error) {
	say("%s: %d pages wait", at.Name, len(people))
	m := waiting{Target: at.Name}
	srv, err := start(ctx, at.spec("server")) // a fresh one: its memory is the pages'
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
	m.OpenTime, m.Pages = time.Since(begin).Seconds(), len(pages)
	for _, g := range pages { // until each has asked for news
		for g.polls.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	time.Sleep(time.Second)
	all, err := srv.ask("usage")
	if err != nil {
		return m, err
	}
	m.EmptyRSS, m.RSS, m.Heap, m.Stacks, m.Goroutines = float64(empty.RSS)/1e6, float64(all.RSS)/1e6, float64(all.Heap)/1e6, float64(all.Stacks)/1e6, all.Goroutines
	time.Sleep(10 * time.Second)
	if all, err = srv.ask("usage"); err != nil {
		return m, err
	}
	m.Settled = float64(all.RSS) / 1e6
	busy, own, dbTime, begin := busyTime(), ownTime(), at.cluster.cpu(), time.Now()
	wakes := answerPages(ctx, d, pages[max(0, len(pages)-answers):], &trouble)
	length := time.Since(begin)
	after, err := srv.ask("usage")
	if err != nil {
		return m, err
	}
	m.Others = max(0, (busyTime()-busy-(ownTime()-own)-(at.cluster.cpu()-dbTime)-time.Duration(after.CPU-all.CPU)).Seconds()/length.Seconds())
	var sent, got []time.Duration
	for _, w := range wakes {
		sent, got = append(sent, w.sent), append(got, w.got)
	}
	m.Answers, m.Errors = len(wakes), trouble.count()
	m.SentP50, m.SentP99, m.GotP50, m.GotP99 = ms(percentile(sent, 50)), ms(percentile(sent, 99)), ms(percentile(got, 50)), ms(percentile(got, 99))
	if trouble.first != nil {
		say("%s: %d errors, the first: %v", at.Name, m.Errors, trouble.first)
	}
	return m, ctx.Err()
}

// openPages opens a page for each person and lets it wait.
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

// answerPages answers one page after another at a steady pace, on a few phones' connections.
func answerPages(ctx context.Context, d *dialer, pages []*page, trouble *firstError) []woke {
	var all sync.WaitGroup
	var mu sync.Mutex
	var wakes []woke
	next := make(chan *page)
	for range 64 {
		all.Go(func() {
			w, err := d.dial(ctx)
			if err != nil {
				trouble.note(err)
				for range next { // let the others go on
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
