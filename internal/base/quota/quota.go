// Package quota is a rate limit in memory: it counts events per key, such as wrong codes per address or mails
// per user name. Each node counts for itself. Limits that must hold over all nodes are counted in the database.
package quota

import (
	"sync"
	"time"
)

// Quota allows Limit events of a key within Window of the first one. The zero value allows none. It is safe
// for concurrent use.
type Quota struct {
	Limit  int
	Window time.Duration

	mu   sync.Mutex
	keys map[string]*tally
}

type tally struct {
	n     int
	since time.Time
}

// most is how many keys are kept, so that memory stays bounded. Beyond it every count starts again from zero,
// which allows more events but never fewer.
const most = 50_000

// Left reports whether one more event of the key is allowed. It counts nothing.
func (q *Quota) Left(key string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.keys[key]
	return t == nil && q.Limit > 0 || t != nil && (now.Sub(t.since) >= q.Window || t.n < q.Limit)
}

// Take counts an event and reports whether it is allowed.
func (q *Quota) Take(key string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.keys == nil || len(q.keys) > most {
		q.keys = map[string]*tally{}
	}
	t := q.keys[key]
	if t == nil || now.Sub(t.since) >= q.Window {
		t = &tally{since: now}
		q.keys[key] = t
	}
	t.n++
	return t.n <= q.Limit
}
