package webpush

import (
	"context"
	"sync"
)

// queues bounds how many pushes are under way to one host at the same time. The zero value is ready. A host is
// dropped when no push to it is left, so that invented names cannot fill the memory.
type queues struct {
	mu    sync.Mutex
	hosts map[string]*queue
}

type queue struct {
	slots   chan struct{}
	callers int // with a slot or waiting for one
}

// enter waits for a slot until ctx ends. The error is that of ctx. The caller calls leave when it is done.
func (q *queues) enter(ctx context.Context, host string) (leave func(), err error) {
	q.mu.Lock()
	if q.hosts == nil {
		q.hosts = map[string]*queue{}
	}
	here := q.hosts[host]
	if here == nil {
		here = &queue{slots: make(chan struct{}, maxPerHost)}
		q.hosts[host] = here
	}
	here.callers++
	q.mu.Unlock()

	forget := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if here.callers--; here.callers == 0 {
			delete(q.hosts, host)
		}
	}
	select {
	case here.slots <- struct{}{}:
		return func() { <-here.slots; forget() }, nil
	case <-ctx.Done():
		forget()
		return nil, ctx.Err()
	}
}
