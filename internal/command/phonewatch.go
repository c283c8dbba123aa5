package command

import (
	"context"
	"errors"
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
	p.line("phone.request", "application", cell(q.ApplicationName), "username", cell(q.Username),
		"from", cell(q.Browser), "ip", cell(q.IP), "until", time.UnixMilli(q.Expires).Local().Format(time.TimeOnly))
	answer := "countersign phone approve " + q.Transaction
	if q.NumberDigits > 0 {
		answer += " --number N"
	}
	p.raw("  " + answer + "\n")
}
