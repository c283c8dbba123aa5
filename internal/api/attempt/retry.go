package attempt

import (
	"slices"
	"sync"
	"time"

	"countersign/internal/domain/transaction"
)

// Bounds of what is known of calls. All of it is of this node and may be lost: then a retry is another sign-in.
const (
	retryTime   = 10 * time.Second       // after a connection broke, its retry takes its place
	noticeTime  = 300 * time.Millisecond // what it may take until a broken connection is noticed
	maxRetries  = 2                      // of one sign-in; clients send a call three times in all
	maxAttempts = 20_000
)

// Retries tells the retry of a call from another sign-in (decision 0026). Clients send a call again, letter by letter,
// when its connection broke: that is the same sign-in, and the answer that did not get out is its answer. The same
// call beside one that is alive, or after one that was answered, is another sign-in.
type Retries struct {
	Now func() time.Time

	mu    sync.Mutex
	same  map[string]*alike
	count int
	swept time.Time
}

// alike are the sign-ins of one signed call, oldest first.
type alike struct {
	attempts []*attempt
	changed  chan struct{} // closed at every change
}

// attempt is one sign-in and whoever waits for its answer.
type attempt struct {
	born     time.Time
	begun    chan struct{} // closed when b and err are known
	b        Beginning
	err      error
	held     bool      // by a connection that is sound, as far as we know
	broke    time.Time // when the last one broke
	retries  int
	answered bool
}

func (t *attempt) hasBegun() bool {
	select {
	case <-t.begun:
		return true
	default:
		return false
	}
}

// orphan reports an attempt whose answer did not get out and whom a retry may follow.
func (t *attempt) orphan(now time.Time) bool {
	return !t.held && !t.answered && t.retries < maxRetries && now.Sub(t.broke) < retryTime
}

// over reports an attempt that no call can follow any more.
func (t *attempt) over(now time.Time) bool {
	return !t.held && !t.orphan(now) && now.Sub(t.born) >= retryTime
}

// orphan is the oldest attempt of a call that a retry may follow.
func (r *Retries) orphan(key string) *attempt {
	if a := r.same[key]; a != nil {
		for _, t := range a.attempts {
			if t.orphan(r.Now()) {
				return t
			}
		}
	}
	return nil
}

// sent is the newest of some attempts that sent a request a moment ago which still waits. r.mu is free while waits asks.
func (r *Retries) sent(attempts []*attempt, waits func(transaction.Transaction) bool) *attempt {
	for _, t := range slices.Backward(attempts) {
		if !t.hasBegun() || t.err != nil || t.b.Decided != nil || t.b.Transaction.State != transaction.Pending || r.Now().Sub(t.born) >= retryTime {
			continue
		}
		r.mu.Unlock()
		still := waits(t.b.Transaction)
		r.mu.Lock()
		if still {
			return t
		}
	}
	return nil
}

func (r *Retries) change(key string) {
	if a := r.same[key]; a != nil {
		close(a.changed)
		a.changed = make(chan struct{})
	}
}

func (r *Retries) drop(key string, t *attempt) {
	a := r.same[key]
	if a == nil {
		return
	}
	if i := slices.Index(a.attempts, t); i >= 0 {
		a.attempts = slices.Delete(a.attempts, i, i+1)
		r.count--
	}
	t.answered, t.held = true, false
}

// sweep forgets what is over, every retryTime, or each second when there is no more room.
func (r *Retries) sweep(now time.Time) {
	if age := now.Sub(r.swept); age < time.Second || age < retryTime && r.count < maxAttempts {
		return
	}
	r.swept = now
	for key, a := range r.same {
		n := len(a.attempts)
		a.attempts = slices.DeleteFunc(a.attempts, func(t *attempt) bool { return t.over(now) })
		r.count -= n - len(a.attempts)
		if len(a.attempts) == 0 {
			close(a.changed)
			delete(r.same, key)
		}
	}
}
