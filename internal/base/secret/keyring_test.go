package secret

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

var salt = []byte("12345678")

// No work is done for a caller whose context has ended, and it takes no place from the others.
func TestASlowDigestIsNotMadeForACallerWhoseTimeIsOver(t *testing.T) {
	k := Generate()
	late, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	for range cap(k.slow) {
		k.slow <- struct{}{}
	}
	for range 8 { // all places are taken
		if got, err := k.SlowDigest(late, "code", salt, "123456789"); got != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%x, %v", got, err)
		}
	}
	for range cap(k.slow) {
		<-k.slow
	}
	for range 8 { // a place is free, but it is too late
		if got, err := k.SlowDigest(late, "code", salt, "123456789"); got != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%x, %v", got, err)
		}
	}
	if len(k.slow) != 0 {
		t.Errorf("%d places are kept", len(k.slow))
	}
	one, err := k.SlowDigest(t.Context(), "code", salt, "123456789")
	if err != nil || len(one) != 32 {
		t.Fatalf("%x, %v", one, err)
	}
	if two, err := k.SlowDigest(t.Context(), "code", salt, "123456789"); err != nil || !bytes.Equal(one, two) {
		t.Errorf("%x, %v", two, err)
	}
}
