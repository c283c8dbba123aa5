package attempt_test

import (
	"crypto/rand"
	"testing"
	"time"

	"countersign/internal/api/attempt"
	"countersign/internal/base/message"
	"countersign/internal/base/secret"
)

// RULE-42: a "yes" that names no row to look at again is good for the polls that follow at once.
func TestAnAllowThatCannotBeLookedAtAgainIsShort(t *testing.T) {
	now, words := time.Unix(1_700_000_000, 0), message.English()
	ids := attempt.TxIDs{Keys: secret.Generate(), Now: func() time.Time { return now }, Rand: rand.Reader}
	make := func(result, status string) string {
		txid, err := ids.ForDecided(words, attempt.Status{Result: result, Status: status}, "DI1")
		if err != nil || txid == "" {
			t.Fatalf("%s %s: %q, %v", result, status, txid, err)
		}
		return txid
	}
	allow, deny := make("allow", "allow"), make("deny", "deny")
	for _, c := range []struct {
		after       time.Duration
		allow, deny bool
	}{{0, true, true}, {time.Minute, true, true}, {61 * time.Second, false, true}, {10 * time.Minute, false, true}, {11 * time.Minute, false, false}} {
		now = time.Unix(1_700_000_000, 0).Add(c.after)
		_, a := ids.Decided(words, allow, "DI1")
		_, d := ids.Decided(words, deny, "DI1")
		if a != c.allow || d != c.deny {
			t.Errorf("after %v: allow %v, deny %v", c.after, a, d)
		}
	}
}
