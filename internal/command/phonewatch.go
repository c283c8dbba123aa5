package command

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/internal/base/phonewire"
)

// phoneWatch is `countersign phone watch`: it waits at the server of each account and prints requests as they come.
// It answers none.
type phoneWatch struct{ phoneFlags }

// Run prints requests until the context ends or the server no longer accepts a phone's key. With --json it prints one
// document on each line. While a server cannot be reached it reports that and tries again.
func (c *phoneWatch) Run(r *run) error {
	devices, err := c.devices(r)
	if err != nil {
		return err
	}
	if !r.json {
		p := &page{w: r.Stdout}
		p.line("phone.watching", "count", len(devices))
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(r.ctx)
	for _, d := range devices {
		group.Go(func() error {
			return d.Watch(ctx, func(q phonewire.Request) error {
				mu.Lock()
				defer mu.Unlock()
				return r.show(requestDoc{q, d.Account().AccountID}, func(p *page) { announce(p, q) })
			}, func(err error) {
				mu.Lock()
				defer mu.Unlock()
				r.fail(phoneError(err)) // Watch tries again
			})
		})
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return phoneError(err)
	}
	return nil
}

// announce prints one request: who signs in to what and from where, and the command line that approves it.
func announce(p *page, q phonewire.Request) {
	key, from := "phone.request_unplaced", []string{}
	for _, part := range []string{q.Browser, q.IP} {
		if part != "" {
			key, from = "phone.request", append(from, part)
		}
	}
	if q.Kind == phonewire.KindTryOut {
		key = "phone.request_tryout"
	}
	p.line(key, "application", cell(q.ApplicationName), "username", cell(q.Username), "from", cell(strings.Join(from, " ")),
		"until", time.UnixMilli(q.Expires).Local().Format(time.TimeOnly))
	printDetails(p, q, "phone.told")
	answer := "countersign phone approve " + q.Transaction
	if q.NumberDigits > 0 {
		answer += " --number N"
	}
	p.raw("  " + answer + "\n")
}

// printDetails prints what the application adds to a request, under a heading of the catalogue. Each line begins with
// a bar, because nobody has checked the text: a value that imitates a line of this program stays behind the bar
// . It prints nothing when the application adds nothing.
func printDetails(p *page, q phonewire.Request, heading string) {
	if q.Title == "" && len(q.Info) == 0 {
		return
	}
	p.line(heading, "id", cell(q.Transaction))
	if q.Title != "" {
		p.raw("  | " + cell(q.Title) + "\n")
	}
	for _, line := range q.Info {
		p.raw("  | " + cell(line.Label) + ": " + cell(line.Value) + "\n")
	}
}
