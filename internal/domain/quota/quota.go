// Package quota is how often something may happen to somebody: mails to a name, wrong codes from an address. It is counted in
// the database, so that it holds over all nodes and restarts.
package quota

import (
	"context"
	"time"
)

// Quota allows Most events of a holder in any span of Window. The window slides: there is no moment at which all of them are
// there anew.
type Quota struct {
	Name   string
	Most   int
	Window time.Duration
}

// Store keeps quotas.
type Store interface {
	// QuotaLeft reports whether one more event of a holder is allowed. It counts nothing.
	QuotaLeft(ctx context.Context, q Quota, holder string, now time.Time) (bool, error)
	// TakeQuota counts an event, unless q.Most of a holder are within the window: then it reports false. Of callers at once as
	// many succeed as are left; they queue up for each other until the end of their changes. One statement.
	TakeQuota(ctx context.Context, q Quota, holder string, now time.Time) (bool, error)
	// SweepQuotas forgets holders whose latest event is out of its window, and returns how many.
	SweepQuotas(ctx context.Context, now time.Time) (int64, error)
}
