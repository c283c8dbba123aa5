package phone

import (
	"sync"
	"time"
)

// Bounds of the memory of nonces. A phone that is open makes about a request a second at most;
// a nonce is kept for as long as its request's time is inside the window.
const (
	noncesPerKey = 2048
	noncesInAll  = 1 << 20
)

// nonces remembers which request of which key was seen. It belongs to one node: what a request
// changes is guarded again by the database (an answer's counter goes up, the rest may repeat).
type nonces struct {
	mu    sync.Mutex
	keys  map[string]map[string]time.Time // key id -> nonce -> forgotten after
	count int
	swept time.Time
}

// spend notes a nonce, errReplayed when it was seen, errBusy when a memory is full.
func (n *nonces) spend(keyID, nonce string, now, until time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.keys == nil {
		n.keys = map[string]map[string]time.Time{}
	}
	if now.Sub(n.swept) > time.Minute || now.Before(n.swept) || n.count >= noncesInAll {
		n.sweep(now)
	}
	seen := n.keys[keyID]
	if _, twice := seen[nonce]; twice {
		return errReplayed
	}
	if len(seen) >= noncesPerKey || n.count >= noncesInAll {
		return errBusy
	}
	if seen == nil {
		seen = map[string]time.Time{}
		n.keys[keyID] = seen
	}
	seen[nonce] = until
	n.count++
	return nil
}

func (n *nonces) sweep(now time.Time) {
	for id, seen := range n.keys {
		for nonce, until := range seen {
			if now.After(until) {
				delete(seen, nonce)
				n.count--
			}
		}
		if len(seen) == 0 {
			delete(n.keys, id)
		}
	}
	n.swept = now
}

// waitsPerKey is how many long polls one phone may hold: a page, its worker, and what a lost
// connection left behind.
const waitsPerKey = 6

// waits counts the long polls of each key.
type waits struct {
	mu   sync.Mutex
	held map[string]int
}

// enter takes a place; leave must be called when ok.
func (w *waits) enter(keyID string) (leave func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == nil {
		w.held = map[string]int{}
	}
	if w.held[keyID] >= waitsPerKey {
		return nil, false
	}
	w.held[keyID]++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.held[keyID]--; w.held[keyID] <= 0 {
			delete(w.held, keyID)
		}
	}, true
}
