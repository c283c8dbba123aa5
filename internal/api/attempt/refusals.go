package attempt

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"time"

	"countersign/internal/api/outage"
	"countersign/internal/api/reply"
)

const (
	// endsAttempt is a Retry-After that Duo Unix does not wait for: more than 32 seconds end its attempt with a "no".
	endsAttempt  = time.Minute
	questionGap  = 30 * time.Second // longer than a client waits between two tries and we take to answer one
	maxQuestions = 10_000
)

// refusals knows since when the same question of a known caller has been turned away. Duo Unix from 2.2 asks a question
// that is answered 429 again for ever; a full disk or a database that is lost for hours must not hold a terminal for so
// long. Those who prove nothing write nothing here: how long they are asked to wait is known of the database.
type refusals struct {
	mu        sync.Mutex
	questions map[[sha256.Size]byte]*list.Element // of refusal
	order     list.List                           // the one that was turned away last at the end
}

type refusal struct {
	question    [sha256.Size]byte
	since, last time.Time
}

// enough notes that a question was turned away, and reports whether that has gone on for outage.Grace.
func (r *refusals) enough(question string, now time.Time) bool {
	one := refusal{question: sha256.Sum256([]byte(question)), since: now, last: now}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.questions == nil {
		r.questions = map[[sha256.Size]byte]*list.Element{}
	}
	if known := r.questions[one.question]; known != nil {
		if before := known.Value.(refusal); now.Sub(before.last) <= questionGap && !now.Before(before.last) {
			one.since = before.since
		}
		r.order.Remove(known)
	} else if len(r.questions) >= maxQuestions {
		delete(r.questions, r.order.Remove(r.order.Front()).(refusal).question)
	}
	r.questions[one.question] = r.order.PushBack(one)
	return now.Sub(one.since) >= outage.Grace
}

// endAsking turns a 429 into an end for callers who ask again for ever: for a known caller when the same question was turned away
// for long enough, with "no" and the reason where it is about a person; for others when the database has been lost for so
// long, with a wait that no terminal waits. call is nil for a sender who is not known. A caller who left says nothing
// about us.
func (e *Engine) endAsking(c *Connection, op Operation, call *Call, body any, err error) (any, error) {
	if !e.Rules.AsksAgain || err == nil || reply.Of(err).Status != http.StatusTooManyRequests {
		return body, err
	}
	if call == nil {
		if e.Outage.GivesUp(err) {
			err = reply.Of(err).After(endsAttempt)
		}
		return nil, err
	}
	if c.ctx.Err() != nil || errors.Is(err, context.Canceled) || !e.refusals.enough(call.Question, e.Now()) {
		return body, err
	}
	if call.Deny != nil {
		if no, failure := call.Deny(); failure == nil {
			e.Note(c.ctx, op.Route, err)
			return no, nil
		}
	}
	return nil, reply.Of(err).After(endsAttempt)
}
