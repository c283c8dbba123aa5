package signin

import (
	"context"
	"sync"

	"countersign/internal/domain/account"
)

// turns let one slow look at a time be taken for an account on this node. Whoever guesses many codes of one person at once
// waits for himself, and takes no more than one of the places that the keyring has for slow digests.
type turns struct {
	mu  sync.Mutex
	all map[account.ID]*turn
}

type turn struct {
	taken chan struct{} // holds one value while somebody has it
	want  int
}

// take waits for the turn. The function it gives ends it.
func (t *turns) take(ctx context.Context, id account.ID) (end func(), err error) {
	t.mu.Lock()
	if t.all == nil {
		t.all = map[account.ID]*turn{}
	}
	mine := t.all[id]
	if mine == nil {
		mine = &turn{taken: make(chan struct{}, 1)}
		t.all[id] = mine
	}
	mine.want++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.want--; mine.want == 0 {
			delete(t.all, id)
		}
	}
	select {
	case mine.taken <- struct{}{}:
		return func() { <-mine.taken; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
