package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
)

const (
	// Patience is how long the signed doors answer 429 when the database is lost: a restart or a failover is over
	// by then, and callers that heed Retry-After come back. Afterwards they are told what is true.
	Patience = 15 * time.Second
	// KeptLife is how old a kept application may be, counted from the beginning of its lookup. Who was turned off, or
	// given another secret, where this node could not see it, is believed no longer than that.
	KeptLife = 15 * time.Minute

	lookEvery  = time.Second
	lookTime   = 5 * time.Second // longer than a request waits: a database that is merely slow is not lost
	renewEvery = 5 * time.Minute
	maxKept    = 10_000
)

// errUnavailable lets a caller's own fail mode decide. It is the only 5xx of the signed doors; Outage.answer alone
// gives it (a test reads the sources).
var errUnavailable = &Error{Status: http.StatusServiceUnavailable, Code: 50301, Message: "Service unavailable"}

// Outage is what all signed doors of a node know about a lost database: since when it does not answer, and the
// applications as they last were. A kept application is looked at only after a lookup of this very request has failed: it
// says who is told "no", and how. The zero value with Now is ready; nil keeps nothing, so that every failed lookup is 429.
type Outage struct {
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

// noDatabase is a lookup that the database did not answer.
type noDatabase struct{ cause error }

// Error is the text for logs.
func (e *noDatabase) Error() string { return e.cause.Error() }

// Unwrap gives what the database said.
func (e *noDatabase) Unwrap() error { return e.cause }

// unanswered tells a database that is away from one that answered something we cannot use: a damaged row is no outage.
func unanswered(err error) bool {
	return errs.KindOf(err) == errs.Unavailable || errors.Is(err, context.DeadlineExceeded)
}

// Lost is the error for a caller whose right signature was found with a kept application while the database is lost:
// the door denies in its own dialect, with the sentence of StatusOfOutage. Who knows nothing of it answers 429, as to any failure of ours.
type Lost struct {
	Application application.Application
	Params      url.Values
	cause       *Error
}

// Error is the text for logs.
func (l *Lost) Error() string { return "the database is lost: " + l.cause.Error() }

// Unwrap gives the 429.
func (l *Lost) Unwrap() error { return l.cause }

// answered notes that the database answered a lookup that began at a time, with an application or, being unknown, none.
// What an earlier lookup found takes nobody's place: a secret that was reset stays reset.
func (o *Outage) answered(id string, found *application.Application, at time.Time) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.since, o.last = time.Time{}, time.Time{}
	o.keep(id, found, at)
}

func (o *Outage) keep(id string, found *application.Application, at time.Time) {
	old, ok := o.kept[id]
	switch {
	case ok && old.at.After(at):
	case found == nil:
		delete(o.kept, id)
	default:
		if o.kept == nil || !ok && len(o.kept) >= maxKept {
			o.kept = map[string]kept{}
		}
		o.kept[id] = kept{*found, at}
	}
}

// failed notes a lookup that the database did not answer.
func (o *Outage) failed() {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.Now()
	if o.since.IsZero() || now.Sub(o.last) >= Patience || now.Before(o.last) { // one failure and another much later are no outage
		o.since = now
	}
	o.last = now
}

// recall gives an application that may stand for its row: once the database was lost for Patience, and while what is
// kept is young.
func (o *Outage) recall(id string) (application.Application, bool) {
	if o == nil {
		return application.Application{}, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.Now()
	k, ok := o.kept[id]
	young := ok && !now.Before(k.at) && now.Sub(k.at) < KeptLife
	if !o.overdue() || !young {
		return application.Application{}, false
	}
	return k.application, true
}

// retryAfter is what a caller is told to wait: two seconds and, the longer it lasts, up to eight.
func (o *Outage) retryAfter() time.Duration {
	if o == nil {
		return RetryAfter
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return RetryAfter
	}
	return min(4*RetryAfter, RetryAfter+o.Now().Sub(o.since)/2).Truncate(time.Second)
}

// GivesUp reports that a call was turned away because its application could not be looked up, and that the database has
// been lost for Patience. Nothing a caller sends or leaves out brings that about.
func (o *Outage) GivesUp(err error) bool {
	if lost := (*noDatabase)(nil); o == nil || !errors.As(err, &lost) {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.overdue()
}

// overdue reports that the database was lost for Patience. o.mu is held.
func (o *Outage) overdue() bool { return !o.since.IsZero() && o.Now().Sub(o.since) >= Patience }

// answer is what a caller gets whose request is good, by what is kept. Nothing that was sent chooses between the two.
func (o *Outage) answer(app application.Application, params url.Values, cause *Error) error {
	if app.ClientDecides() {
		return errUnavailable.With(cause.Cause)
	}
	return &Lost{app, params, cause}
}

// Watch looks each second, while a lookup has failed, whether the database answers again, so that an outage has a
// beginning and an end on a quiet node too; and renews what is kept every five minutes. It ends with ctx.
func (o *Outage) Watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		o.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look asks the database for all applications, when there is a reason to.
func (o *Outage) look(ctx context.Context) {
	at := o.Now()
	o.mu.Lock()
	idle := o.since.IsZero() && !o.renewed.IsZero() && at.Sub(o.renewed) < renewEvery
	o.mu.Unlock()
	if idle || o.All == nil {
		return
	}
	asking, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	all, err := o.All(asking)
	if err != nil {
		if ctx.Err() == nil && unanswered(err) {
			o.failed()
		}
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.since, o.last, o.renewed = time.Time{}, time.Time{}, at
	there := map[string]bool{}
	for _, app := range all {
		there[app.ID] = true
		if app.Type == application.TypeAuthAPI || app.Type == application.TypeUnix {
			o.keep(app.ID, &app, at)
		}
	}
	for id := range o.kept {
		if !there[id] {
			o.keep(id, nil, at)
		}
	}
}
