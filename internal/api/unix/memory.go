package unix

import (
	"crypto/sha256"
	"net/url"
	"strings"
	"sync"
	"time"

	"countersign/internal/base/duosign"
	"countersign/internal/domain/transaction"
)

// Bounds of what is remembered. All of it is of this node only and may be lost: then a client is denied.
const (
	retryTime  = 10 * time.Second // how long the same request is a retry, when its answer did not arrive
	againTime  = time.Second      // and when it did, as far as we know: retries come within milliseconds
	maxRetries = 2                // client 1.11.3 sends a request three times in all
	keepTime   = 3 * time.Minute  // longer than any client asks for an outcome
	maxKept    = 20_000
)

// digest names a request by all that its signature covers: one that differs in anything is another.
func digest(key, path string, params url.Values) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{key, path, duosign.Encode(params)}, "\n")))
	return string(sum[:])
}

// decisions remembers what codes came to, so that a client whose connection broke learns the decision
// instead of "used already" (security 0 f). A code is good for one sign-in, so it does so at most maxRetries
// times, and hardly longer than a client needs once the answer went out on a sound connection.
type decisions struct {
	mu   sync.Mutex
	seen map[string]*decision
}

type decision struct {
	until   time.Time
	retries int
	ready   chan struct{}
	t       transaction.Transaction
	err     error
}

// take runs try, or waits for the same request's earlier run and gives its result. Failures of ours are not
// remembered.
func (m *decisions) take(key string, now time.Time, try func() (transaction.Transaction, error)) (transaction.Transaction, error) {
	m.mu.Lock()
	if m.seen == nil {
		m.seen = map[string]*decision{}
	}
	if old := m.seen[key]; old != nil && now.Before(old.until) && old.retries < maxRetries {
		old.retries++
		m.mu.Unlock()
		<-old.ready
		return old.t, old.err
	}
	mine := &decision{until: now.Add(retryTime), ready: make(chan struct{}), err: errPanicked}
	if len(m.seen) >= maxKept {
		m.sweep(now)
	}
	if len(m.seen) < maxKept {
		m.seen[key] = mine
	}
	m.mu.Unlock()
	defer func() {
		if mine.err != nil {
			m.forget(key, mine)
		}
		close(mine.ready)
	}()
	mine.t, mine.err = try()
	return mine.t, mine.err
}

func (m *decisions) forget(key string, which *decision) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[key] == which {
		delete(m.seen, key)
	}
}

// arrived notes that the answer to a request went out.
func (m *decisions) arrived(key string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.seen[key]; d != nil {
		d.until = earlier(d.until, now.Add(againTime))
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (m *decisions) sweep(now time.Time) {
	for key, d := range m.seen {
		if !now.Before(d.until) {
			delete(m.seen, key)
		}
	}
}

// outcomes are results of asynchronous calls that no transaction stands for: a gate that decided by itself.
type outcomes struct {
	mu   sync.Mutex
	kept map[string]kept
}

type kept struct {
	at          time.Time
	application string
	result      result
}

func (m *outcomes) put(txID, applicationID string, r result, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[string]kept{}
	}
	if len(m.kept) >= maxKept {
		for id, k := range m.kept {
			if now.Sub(k.at) >= keepTime {
				delete(m.kept, id)
			}
		}
	}
	if len(m.kept) < maxKept {
		m.kept[txID] = kept{now, applicationID, r}
	}
}

func (m *outcomes) get(txID, applicationID string, now time.Time) (result, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.kept[txID]
	if !ok || k.application != applicationID || now.Sub(k.at) >= keepTime {
		return result{}, false
	}
	return k.result, true
}

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
