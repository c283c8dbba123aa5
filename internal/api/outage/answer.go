package outage

import (
	"errors"
	"net/http"
	"time"

	"countersign/internal/api/reply"
	"countersign/internal/domain/application"
)

// errUnavailable lets a caller's own fail mode decide. It is the only 5xx of the signed doors; Answer alone gives it (a
// test reads the sources).
var errUnavailable = &reply.Error{Status: http.StatusServiceUnavailable, Code: 50301, Message: "Service unavailable"}

// Lost is the error for a caller whose right signature was found with a kept application while the database is lost:
// the door denies in its own words. Who knows nothing of it answers 429, as to any failure of ours.
type Lost struct{ cause *reply.Error }

// Error is the text for logs.
func (l *Lost) Error() string { return "the database is lost: " + l.cause.Error() }

// Unwrap gives the 429.
func (l *Lost) Unwrap() error { return l.cause }

// Answer is what a request gets whose application could not be looked up: 429 and, once the database was lost for
// Grace, 503 or a Lost for a request that is good by the application as it last was. prove checks that; its error
// accuses nobody, since the secret may have changed. Nothing that was sent chooses between the two.
func (m *Monitor) Answer(id string, cause *NoAnswer, prove func(application.Application) error) error {
	shed := reply.ErrTooManyRequests.With(cause).After(m.retryAfter())
	app, ok := m.recall(id)
	if !ok {
		return shed
	}
	switch {
	case prove(app) != nil:
		return shed
	case app.ClientDecides():
		return errUnavailable.With(cause)
	}
	return &Lost{shed}
}

// recall gives an application that may stand for its row: once the database was lost for Grace, and while what is
// kept is young.
func (m *Monitor) recall(id string) (application.Application, bool) {
	if m == nil {
		return application.Application{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.Now()
	k, ok := m.kept[id]
	young := ok && !now.Before(k.at) && now.Sub(k.at) < KeptLife
	if !m.overdue() || !young {
		return application.Application{}, false
	}
	return k.application, true
}

// retryAfter is how long a caller is asked to wait: two seconds and, the longer it lasts, up to eight.
func (m *Monitor) retryAfter() time.Duration {
	if m == nil {
		return reply.RetryAfter
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.since.IsZero() {
		return reply.RetryAfter
	}
	return min(4*reply.RetryAfter, reply.RetryAfter+m.Now().Sub(m.since)/2).Truncate(time.Second)
}

// GivesUp reports that a call was turned away because its application could not be looked up, and that the database has
// been lost for Grace. Nothing a caller sends or leaves out brings that about.
func (m *Monitor) GivesUp(err error) bool {
	if lost := (*NoAnswer)(nil); m == nil || !errors.As(err, &lost) {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.overdue()
}
