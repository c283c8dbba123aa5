package auth

import (
	"strings"
	"sync"
	"time"
)

// uuidShaped reports 8-4-4-4-12 lower-case hex digits.
func uuidShaped(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range s {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(s[i])) {
			return false
		}
	}
	return true
}

// told remembers which requests a caller has heard to be on their way, so that the first question is answered
// at once and the following wait. Another node answers once more at once; nothing depends on it.
type told struct {
	mu   sync.Mutex
	when map[string]time.Time
}

// first reports whether txid was not told yet, and remembers it until its time is over.
func (t *told) first(txid string, now, until time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.when[txid]; known {
		return false
	}
	if t.when == nil || len(t.when) > 10_000 {
		fresh := map[string]time.Time{}
		for id, end := range t.when {
			if end.After(now) && len(fresh) < 9_000 {
				fresh[id] = end
			}
		}
		t.when = fresh
	}
	t.when[txid] = until
	return true
}
