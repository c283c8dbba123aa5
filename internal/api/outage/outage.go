// Package outage holds what a node knows of a lost database, and what the signed doors say meanwhile (decision 0024): 429
// at first, then "no" with the reason or, where an application wants it so, 503. What is kept here for that time leads to
// one of these three and to nothing else; nobody is let in by it.
package outage

import (
	"context"
	"errors"
	"sync"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
)

const (
	// Grace is how long the signed doors answer 429 when the database is lost: a restart or a failover is over
	// by then, and callers that heed Retry-After come back. Afterwards they hear what is true.
	Grace = 15 * time.Second
	// KeptLife is how old a kept application may be, counted from the beginning of its lookup. Who was turned off, or
	// given another secret, where this node could not see it, is believed no longer than that.
	KeptLife = 15 * time.Minute

	maxKept = 10_000
)

// Monitor is what all signed doors of a node know about a lost database: since when it does not answer, and the
// applications as they last were. A kept application is looked at only after a lookup of the very request has failed: it
// says who hears "no", and how. The zero value with Now is ready; nil keeps nothing, so that every failed lookup is 429.
type Monitor struct {
	Now func() time.Time
	// All lists the applications there are, for Watch: then hosts that are seldom used get a reason, too. nil: an
	// application is kept when it calls.
	All func(ctx context.Context) ([]application.Application, error)

	mu          sync.Mutex
	since, last time.Time // of the lookups that failed, with no good one between; zero while the database answers
	renewed     time.Time
	kept        map[string]kept
}

// kept is an application as the database had it. Its secret rests sealed here as there.
type kept struct {
	application application.Application
	at          time.Time // when the lookup began
}

// NoAnswer is the error of a lookup that the database did not answer.
type NoAnswer struct{ cause error }

// Error is the text for logs.
func (e *NoAnswer) Error() string { return e.cause.Error() }

// Unwrap gives what the database said.
func (e *NoAnswer) Unwrap() error { return e.cause }

// Unanswered tells a database that is away from one that answered something we cannot use: a damaged row is no outage.
func Unanswered(err error) bool {
	return errs.KindOf(err) == errs.Unavailable || errors.Is(err, context.DeadlineExceeded)
}

// Answered notes that the database answered a lookup that began at a time, with an application or, being unknown, none.
// What an earlier lookup found takes nobody's place: a secret that was reset stays reset.
func (m *Monitor) Answered(id string, found *application.Application, at time.Time) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.since, m.last = time.Time{}, time.Time{}
	m.keep(id, found, at)
}

func (m *Monitor) keep(id string, found *application.Application, at time.Time) {
	old, ok := m.kept[id]
	switch {
	case ok && old.at.After(at):
	case found == nil:
		delete(m.kept, id)
	default:
		if m.kept == nil || !ok && len(m.kept) >= maxKept {
			m.kept = map[string]kept{}
		}
		m.kept[id] = kept{*found, at}
	}
}

// Failed notes a lookup that the database did not answer, and gives the error for Answer.
func (m *Monitor) Failed(err error) *NoAnswer {
	if m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		now := m.Now()
		if m.since.IsZero() || now.Sub(m.last) >= Grace || now.Before(m.last) { // one failure and another much later are no outage
			m.since = now
		}
		m.last = now
	}
	return &NoAnswer{err}
}

// overdue reports that the database was lost for Grace. m.mu is held.
func (m *Monitor) overdue() bool { return !m.since.IsZero() && m.Now().Sub(m.since) >= Grace }
