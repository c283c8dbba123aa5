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

type phoneWatch struct{ phoneFlags }

// Run prints requests as they come until it is told to stop; with --json, one document a line.
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
				r.fail(phoneError(err)) // and goes on trying
			})
		})
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return phoneError(err)
	}
	return nil
}

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
	told(p, q, "phone.told")
	answer := "countersign phone approve " + q.Transaction
	if q.NumberDigits > 0 {
		answer += " --number N"
	}
	p.raw("  " + answer + "\n")
}

// told prints what the application says about a request under a heading, behind a bar on each line: it is not ours,
// and a value that looks like a line of ours stays behind the bar. Nothing when nothing is told.
func told(p *page, q phonewire.Request, heading string) {
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
