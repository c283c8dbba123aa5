package attempt

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"countersign/internal/api/outage"
	"countersign/internal/api/reply"
)

func TestABugOfOursIs429(t *testing.T) {
	if _, err := within(context.Background(), time.Second, func(context.Context) (any, error) { panic("bug") }); reply.Of(err).Status != 429 {
		t.Error(err)
	}
	over := make(chan struct{})
	defer close(over)
	if _, err := within(context.Background(), time.Millisecond, func(context.Context) (any, error) {
		<-over
		return "late", nil
	}); !errors.Is(err, errLate) {
		t.Errorf("late: %v", err)
	}
}

// A caller who left got no answer, which is not because none could be found.
func TestACallerWhoLeavesTakesNoTimeFromTheOthers(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	e := &Engine{Now: func() time.Time { return now }, Rules: Rules{AsksAgain: true}}
	left, leave := context.WithCancel(t.Context())
	leave()
	here, gone := e.Connect(t.Context()), e.Connect(left)
	call := &Call{Question: "alice"}
	for range 4 {
		for _, one := range []struct {
			c   *Connection
			err error
		}{{gone, reply.ErrTooManyRequests.With(errLate)}, {here, reply.ErrTooManyRequests.With(context.Canceled)}} {
			if body, err := e.endAsking(one.c, Operation{}, call, nil, one.err); body != nil || reply.Of(err).RetryAfter() != "2" {
				t.Errorf("%v, %v", body, err)
			}
		}
		now = now.Add(10 * time.Second)
	}
	if body, err := e.endAsking(here, Operation{}, call, nil, reply.ErrTooManyRequests.With(errLate)); body != nil || reply.Of(err).RetryAfter() != "2" {
		t.Errorf("who waits: %v, %v", body, err)
	}
}

func TestManyQuestionsPushOutTheOldestOnly(t *testing.T) {
	var r refusals
	start := time.Unix(1_800_000_000, 0)
	r.enough("oldest", start)
	r.enough("mine", start.Add(time.Second))
	for i := range maxQuestions - 1 {
		r.enough(fmt.Sprint(i), start.Add(2*time.Second))
	}
	if !r.enough("mine", start.Add(time.Second+outage.Grace)) {
		t.Error("a question lost its beginning to others")
	}
	if r.enough("oldest", start.Add(outage.Grace)) {
		t.Error("the oldest was kept")
	}
	if n := len(r.questions); n > maxQuestions {
		t.Errorf("%d are kept", n)
	}
}
