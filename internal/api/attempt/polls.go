package attempt

import (
	"sync"
	"time"
)

// Bounds of what is remembered. All of it is of this node only and may be lost.
const (
	pollsKept = 3 * time.Minute // longer than any client asks for an outcome
	maxPolled = 20_000
)

// polls counts how often a caller asked about a request.
type polls struct {
	mu    sync.Mutex
	asked map[string]*polled
}

type polled struct {
	since time.Time
	times int
}

// next is the number of this poll, from 1. When nothing more can be counted it is the last one of most, or, where most is
// 0, any but the first.
func (p *polls) next(request string, now time.Time, most int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == nil {
		p.asked = map[string]*polled{}
	}
	a := p.asked[request]
	if a == nil {
		if len(p.asked) >= maxPolled {
			for id, old := range p.asked {
				if now.Sub(old.since) >= pollsKept {
					delete(p.asked, id)
				}
			}
		}
		if len(p.asked) >= maxPolled {
			return max(2, most)
		}
		a = &polled{since: now}
		p.asked[request] = a
	}
	a.times++
	return a.times
}

// done forgets a request that has its outcome.
func (p *polls) done(request string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.asked, request)
}
