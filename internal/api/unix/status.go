package unix

import (
	"context"

	"countersign/internal/api"
	"countersign/internal/domain/transaction"
)

// status tells what became of a request. The first poll is answered at once, so that the person reads that a
// request is on its way; the others are held until the decision. A client that polled 20 times without one
// lets the person in (protocols 0.2): with polls of 25 s it asks five times in a request's life, and maxPolls
// ends the request whatever cut the polls short.
// The client of BSON prints what each poll says and takes one that says nothing, so that the person reads the line
// once; those of JSON take an answer without it for a broken one.
func (d *Door) status(c call) (any, error) {
	txID := c.params["txid"]
	if txID == "" {
		return nil, api.ErrMissing.About("txid")
	}
	if s, ok := d.tickets().Decided(words(), txID, c.application.ID); ok {
		return resultOf(s).document(), nil
	}
	if len(txID) > 64 {
		return nil, api.ErrNotFound
	}
	at := c.application.ID + "/" + txID
	now, cancel := context.WithCancel(c.ctx)
	cancel()
	t, err := d.SignIn.Watch(now, txID, c.application.ID)
	if err != nil {
		return nil, err
	}
	n := 0
	if t.State == transaction.Pending {
		n = d.polls.next(at, d.Now())
		if t, err = d.poll(c, t, n); err != nil {
			return nil, err
		}
	}
	s := api.StatusOf(words(), t)
	switch {
	case t.State == transaction.Pending && n > 1 && c.bson:
		return document{}, nil
	case t.State == transaction.Pending:
		return document{{"status", api.Terminal(s.Text)}}, nil
	}
	d.polls.done(at)
	return resultOf(s).document(), nil
}

// poll waits its share and, in the end, decides.
func (d *Door) poll(c call, t transaction.Transaction, n int) (transaction.Transaction, error) {
	if n == 1 && d.Now().Before(t.Expires) {
		return t, nil
	}
	hold := d.Hold
	if hold == 0 {
		hold = pollTime
	}
	ctx, cancel := context.WithTimeout(c.ctx, min(hold, d.left(t)))
	defer cancel()
	t, err := d.SignIn.Watch(ctx, t.ID, t.ApplicationID)
	if err != nil || t.State != transaction.Pending || n < maxPolls && d.Now().Before(t.Expires) {
		return t, err
	}
	return d.end(c.ctx, t)
}
