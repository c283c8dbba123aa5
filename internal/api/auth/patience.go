package auth

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"countersign/internal/api"
	"countersign/internal/base/duosign"
)

const (
	// giveUp is a Retry-After that Duo Unix does not wait for: more than 32 seconds end its attempt with a "no".
	giveUp   = time.Minute
	runGap   = 30 * time.Second // longer than a client waits between two tries and we take to answer one
	manyRuns = 10_000
)

// patience knows since when the same question has been turned away. Duo Unix from 2.2 asks a question that is
// answered 429 again for ever; a full disk or a database that is lost for hours must not hold a terminal for so long.
type patience struct {
	mu   sync.Mutex
	runs map[[sha256.Size]byte]run
}

type run struct{ since, last time.Time }

// over notes that a question was turned away, and reports whether that has gone on for api.Patience.
func (p *patience) over(question string, now time.Time) bool {
	key := sha256.Sum256([]byte(question))
	p.mu.Lock()
	defer p.mu.Unlock()
	r, known := p.runs[key]
	if !known || now.Sub(r.last) > runGap || now.Before(r.last) {
		r.since = now
	}
	r.last = now
	if p.runs == nil || !known && len(p.runs) >= manyRuns {
		p.runs = map[[sha256.Size]byte]run{}
	}
	p.runs[key] = r
	return now.Sub(r.since) >= api.Patience
}

// tired turns a 429 into an end when the same question was turned away for long enough: "no" with the reason where it
// is about a person and its sender is known, else a wait that no terminal waits. c is nil for a sender who is not known.
func (d *Door) tired(r *http.Request, pattern string, c *call, body any, err error) (any, error) {
	if err == nil || api.ErrorOf(err).Status != http.StatusTooManyRequests {
		return body, err
	}
	credentials, _ := duosign.Parse(r.Header.Get("Authorization")) // none: all of them are one
	question := pattern + "\n" + credentials.Key
	if c != nil {
		question = c.app.ID + "\n" + c.params.Get("username") + "\n" + c.params.Get("user_id") + "\n" + c.params.Get("txid")
	}
	if !d.patience.over(question, d.Now()) {
		return body, err
	}
	if c != nil {
		if no, ok, failure := d.no(pattern, *c); ok && failure == nil {
			d.note(r, api.ErrorOf(err))
			return no, nil
		}
	}
	return nil, api.ErrorOf(err).After(giveUp)
}
