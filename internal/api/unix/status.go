package unix

import (
	"context"

	"countersign/internal/api/attempt"
	"countersign/internal/api/menu"
	"countersign/internal/api/reply"
)

// status tells what became of a request. With polls of 25 s a client asks five times in a request's life, and maxPolls
// ends the request whatever cut the polls short.
// The client of BSON prints what each poll says and takes one that says nothing, so that the person reads the line
// once; those of JSON take an answer without it for a broken one.
func (d *Door) status(ctx context.Context, c call) (any, error) {
	txid := c.params["txid"]
	switch {
	case txid == "":
		return nil, reply.ErrMissing.About("txid")
	case len(txid) > 64:
		return nil, reply.ErrNotFound
	}
	a, err := d.Poll(ctx, words(), c.Application.ID, txid)
	switch {
	case err != nil:
		return nil, err
	case a.Status.Result != attempt.ResultWaiting:
		return decision(a.Status), nil
	case a.Polls > 1 && c.bson:
		return document{}, nil
	}
	return document{{"status", menu.Terminal(a.Status.Text)}}, nil
}
