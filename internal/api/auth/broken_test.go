package auth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"countersign/internal/api/attempt"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

// broken is a flow whose database fails or hangs.
type broken struct {
	attempt.SignIn
	hangs bool
}

func (b broken) Preauth(ctx context.Context, _ signin.Request) (signin.Gate, error) {
	if b.hangs {
		<-ctx.Done()
		return signin.Gate{}, ctx.Err()
	}
	return signin.Gate{}, errors.New("connection refused")
}

func TestAFlowThatCannotDecideIs429InTime(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		w := newWorld(t)
		w.door.SignIn, w.door.Deadline = broken{w.SignIn, hangs}, 50*time.Millisecond
		for _, call := range [][]string{{"preauth", "username", "alice"}, {"auth", "username", "alice", "factor", "passcode", "passcode", "123456"}} {
			before := time.Now()
			if r := w.send("POST", call[0], call[1:]...); r.status != 429 || r.header.Get("Retry-After") == "" || time.Since(before) > 30*time.Second {
				t.Errorf("hangs %v, %v: %d %s after %v", hangs, call, r.status, r.raw, time.Since(before))
			}
		}
	}
}

// A client whose connection breaks asks again within milliseconds (FAIL-8).
func TestThreeQuestionsAtOnceAboutAStrangerMakeOnePersonAndOneLink(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		w := newWorldOn(flowkit.New(t, db))
		links := make([]string, 3)
		var all sync.WaitGroup
		for i := range links {
			all.Add(1)
			go func() {
				defer all.Done()
				links[i] = w.ok("POST", "preauth", "username", "frank").PortalURL
			}()
		}
		all.Wait()
		if links[0] == "" || links[0] != links[1] || links[1] != links[2] {
			t.Errorf("links %q", links)
		}
	})
}
