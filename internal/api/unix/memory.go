package unix

import (
	"sync"
	"time"
)

// Bounds of what is remembered. All of it is of this node only and may be lost.
const (
	keepTime = 3 * time.Minute // longer than any client asks for an outcome
	maxKept  = 20_000
)

// polls counts how often a client asked for an outcome.
type polls struct {
	mu    sync.Mutex
	asked map[string]*asked
}

type asked struct {
	since time.Time
	times int
}

// next is the number of this poll, from 1.
func (m *polls) next(txID string, now time.Time) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked == nil {
		m.asked = map[string]*asked{}
	}
	a := m.asked[txID]
	if a == nil {
		if len(m.asked) >= maxKept {
			for id, old := range m.asked {
				if now.Sub(old.since) >= keepTime {
					delete(m.asked, id)
				}
			}
		}
		if len(m.asked) >= maxKept {
			return maxPolls // nothing can be counted any more: this poll is the last one
		}
		a = &asked{since: now}
		m.asked[txID] = a
	}
	a.times++
	return a.times
}

// done forgets a request that has its outcome.
func (m *polls) done(txID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.asked, txID)
}
