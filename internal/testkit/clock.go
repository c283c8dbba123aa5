package testkit

import (
	"sync"
	"time"
)

// Clock is a clock that goes on with the machine's and can be pushed forward: nothing in a test
// sleeps to make time pass.
type Clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// Now is the machine's time plus what was advanced.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Advance pushes the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
