package auth

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"time"

	"countersign/internal/api"
)

const (
	// giveUp is a Retry-After that Duo Unix does not wait for: more than 32 seconds end its attempt with a "no".
	giveUp   = time.Minute
	runGap   = 30 * time.Second // longer than a client waits between two tries and we take to answer one
	manyRuns = 10_000
)

// patience knows since when the same question of a known caller has been turned away. Duo Unix from 2.2 asks a question
// that is answered 429 again for ever; a full disk or a database that is lost for hours must not hold a terminal for so
// long. Those who prove nothing write nothing here: how long they are asked to wait is known of the database.
type patience struct {
	mu    sync.Mutex
	runs  map[[sha256.Size]byte]*list.Element // of run
	order list.List                           // the one that was turned away last at the end
}

type run struct {
	question    [sha256.Size]byte
	since, last time.Time
}

// over notes that a question was turned away, and reports whether that has gone on for api.Patience.
func (p *patience) over(question string, now time.Time) bool {
	r := run{question: sha256.Sum256([]byte(question)), since: now, last: now}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs == nil {
		p.runs = map[[sha256.Size]byte]*list.Element{}
	}
	if known := p.runs[r.question]; known != nil {
		if before := known.Value.(run); now.Sub(before.last) <= runGap && !now.Before(before.last) {
			r.since = before.since
		}
		p.order.Remove(known)
	} else if len(p.runs) >= manyRuns {
		delete(p.runs, p.order.Remove(p.order.Front()).(run).question)
	}
	p.runs[r.question] = p.order.PushBack(r)
	return now.Sub(r.since) >= api.Patience
}

// tired turns a 429 into an end: for a known caller when the same question was turned away for long enough, with "no" and
// the reason where it is about a person; for others when the database has been lost for so long, with a wait that no
// terminal waits. c is nil for a sender who is not known. A caller who left says nothing about us.
func (d *Door) tired(r *http.Request, pattern string, c *call, body any, err error) (any, error) {
	if err == nil || api.ErrorOf(err).Status != http.StatusTooManyRequests {
		return body, err
	}
	if c == nil {
		if d.Outage.GivesUp(err) {
			err = api.ErrorOf(err).After(giveUp)
		}
		return nil, err
	}
	if r.Context().Err() != nil || errors.Is(err, context.Canceled) {
		return body, err
	}
	question := c.app.ID + "\n" + c.params.Get("username") + "\n" + c.params.Get("user_id") + "\n" + c.params.Get("txid")
	if !d.patience.over(question, d.Now()) {
		return body, err
	}
	if no, ok, failure := d.no(pattern, *c); ok && failure == nil {
		d.note(r, api.ErrorOf(err))
		return no, nil
	}
	return nil, api.ErrorOf(err).After(giveUp)
}
