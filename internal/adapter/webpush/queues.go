package webpush

import (
	"context"
	"sync"
)

// queues bounds how many pushes are under way to one host. The zero value is ready. Hosts are
// forgotten when nobody is there, so made-up names do not pile up.
type queues struct {
	mu    sync.Mutex
	hosts map[string]*queue
}

type queue struct {
	places chan struct{}
	people int // inside or waiting
}

// enter waits for a place until ctx ends; call leave when done.
func (q *queues) enter(ctx context.Context, host string) (leave func(), err error) {
	q.mu.Lock()
	if q.hosts == nil {
		q.hosts = map[string]*queue{}
	}
	here := q.hosts[host]
	if here == nil {
		here = &queue{places: make(chan struct{}, maxPerHost)}
		q.hosts[host] = here
	}
	here.people++
	q.mu.Unlock()

	goHome := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if here.people--; here.people == 0 {
			delete(q.hosts, host)
		}
	}
	select {
	case here.places <- struct{}{}:
		return func() { <-here.places; goHome() }, nil
	case <-ctx.Done():
		goHome()
		return nil, ctx.Err()
	}
}
