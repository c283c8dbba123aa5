package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"countersign/internal/api/attempt"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
)

// stopping is a flow in the middle of whose work the program stops.
type stopping struct {
	attempt.SignIn
	stop func()
}

func (s stopping) Preauth(ctx context.Context, r signin.Request) (signin.Gate, error) {
	s.pause()
	return s.SignIn.Preauth(ctx, r)
}

func (s stopping) Prove(ctx context.Context, a signin.Attempt, code string) (transaction.Transaction, error) {
	t, err := s.SignIn.Prove(ctx, a, code)
	s.pause()
	return t, err
}

// pause stops the program and leaves whoever waits for this call time to notice.
func (s stopping) pause() {
	s.stop()
	time.Sleep(50 * time.Millisecond)
}

// FAIL-2: what was begun is answered. A code must not be spent for somebody who hears "too many requests".
func TestAStopFinishesWhatWasBegun(t *testing.T) {
	w := newWorld(t)
	p := w.Enrolled(w.app, "ana")
	for path, params := range map[string][]string{
		"preauth": {"username", "ana"},
		"auth":    {"username", "ana", "factor", "passcode", "passcode", p.Code()},
	} {
		running, stop := context.WithCancelCause(context.Background())
		w.door.SignIn = stopping{w.SignIn, func() { stop(http.ErrServerClosed) }}
		form := map[string][]string{}
		for i := 0; i < len(params); i += 2 {
			form[params[i]] = params[i+1 : i+2]
		}
		r := w.do(w.sign("POST", path, form).WithContext(running))
		var a answer
		if r.status != 200 || json.Unmarshal(r.Body, &a) != nil || path == "preauth" && a.Result != "auth" || path == "auth" && a.Result != "allow" {
			t.Errorf("%s: %d %s", path, r.status, r.raw)
		}
	}
}
