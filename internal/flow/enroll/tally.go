package enroll

import (
	"sync"
	"time"
)

// MaxMailsADay is how many links are mailed for one name in a day, over all its sign-ins: someone who knows a
// password but has no phone must not make us send mail without end.
const MaxMailsADay = 15

// tally counts mails per name, in memory and bounded; each node counts for itself.
type tally struct {
	mu    sync.Mutex
	names map[string]*count
}

type count struct {
	n     int
	since time.Time
}

// take counts one more and reports whether it is within the limit.
func (t *tally) take(name string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.names == nil || len(t.names) > 50_000 {
		t.names = map[string]*count{}
	}
	c := t.names[name]
	if c == nil || now.Sub(c.since) >= 24*time.Hour {
		c = &count{since: now}
		t.names[name] = c
	}
	c.n++
	return c.n <= MaxMailsADay
}
