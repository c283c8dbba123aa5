package signin

import (
	"context"
	"sync"
	"time"

	"countersign/internal/domain/account"
)

// turns let one code of an account at a time be weighed on this node, and know when one was wrong. Whoever guesses many codes
// of one person at once waits for himself, and takes no more than one of the places that the keyring has for slow digests.
type turns struct {
	mu    sync.Mutex
	all   map[account.ID]*turn
	swept time.Time
}

type turn struct {
	id    account.ID
	taken chan struct{} // holds one value while somebody has it
	want  int           // how many have it or wait
	wrong time.Time     // when a code let nobody in
}

// staleAfter is how long what was read of an account is good for a first look at a code.
const staleAfter = 2 * time.Second

// take waits for the turn.
func (t *turns) take(ctx context.Context, id account.ID, now time.Time) (*turn, error) {
	t.mu.Lock()
	if t.all == nil || now.Sub(t.swept) > time.Minute {
		t.sweep(now)
	}
	mine := t.all[id]
	if mine == nil {
		mine = &turn{id: id, taken: make(chan struct{}, 1)}
		t.all[id] = mine
	}
	mine.want++
	t.mu.Unlock()
	select {
	case mine.taken <- struct{}{}:
		return mine, nil
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		mine.want--
		return nil, ctx.Err()
	}
}

// end gives the turn to the next. let reports that the code let its person in.
func (t *turns) end(mine *turn, let bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.want--; !let {
		mine.wrong = now
	}
	<-mine.taken
	if mine.idle(now) {
		delete(t.all, mine.id)
	}
}

// idle reports that nobody tries codes of the account and that no wrong one has to be remembered.
func (t *turn) idle(now time.Time) bool { return t.want == 0 && now.Sub(t.wrong) > staleAfter }

// sweep forgets the accounts that nobody tries codes of.
func (t *turns) sweep(now time.Time) {
	kept := map[account.ID]*turn{}
	for id, of := range t.all {
		if !of.idle(now) {
			kept[id] = of
		}
	}
	t.all, t.swept = kept, now
}

// mayLook reports whether a code may be looked at before it is counted: an attempt was left when the session was read, which
// was a moment ago and after the last wrong code. Else a right code would take another time than a wrong one, and tell of
// itself where nothing counts.
func (s Session) mayLook(mine *turn, now time.Time) bool {
	return s.User.Refusal() == nil && s.User.Failures < s.Settings.LockoutThreshold && s.Read.After(mine.wrong) && now.Sub(s.Read) < staleAfter
}
