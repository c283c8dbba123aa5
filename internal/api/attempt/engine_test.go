package attempt_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/internal/api/attempt"
	"countersign/internal/api/menu"
	"countersign/internal/api/outage"
	"countersign/internal/api/reply"
	"countersign/internal/base/message"
	"countersign/internal/domain/application"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// packets is a door with one question, "may this name sign in by this line?", and no HTTP.
type packets struct {
	attempt.Engine
	t   testing.TB
	app application.Application
}

func newPackets(k *flowkit.Kit, app application.Application, rules attempt.Rules) *packets {
	return &packets{Engine: attempt.Engine{SignIn: k.SignIn, Enroll: k.Enroll, Keys: k.Keys, Now: k.Clock.Now, Rand: k.Rand, Log: k.Logger,
		Deadline: time.Minute, Hold: 20 * time.Millisecond, Name: "packets", Rules: rules}, t: k.TB, app: app}
}

// ask sends one packet and gives the result, or the number of the error.
func (p *packets) ask(identity, name, line string, proved error) any {
	p.t.Helper()
	way := p.Connect(p.t.Context())
	body, err := p.Run(way, attempt.Operation{Route: "ask", Slow: true}, func(context.Context) (*attempt.Call, error) {
		return &attempt.Call{
			Question: name,
			Do: func(ctx context.Context) (any, error) {
				a, err := p.Prove(ctx, way, attempt.Proof{Identity: identity, Request: signin.Request{Application: p.app, Username: name}, Words: message.English(),
					Choose: func(a *signin.Attempt) (attempt.Choice, error) { return attempt.Typed(a.Gate, line, false), nil }})
				return a.Status.Result, err
			},
			Deny: func() (any, error) { return attempt.StatusOfOutage(message.English()).Result, nil },
		}, proved
	})
	if err != nil {
		return reply.Of(err).Code
	}
	return body
}

// A door is a codec: everything about an attempt that is not its protocol is in the engine.
func TestADoorNeedsNothingButItsProtocol(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("VPN", func(a *application.Application) { a.Type = application.TypeAuthAPI })
		p := k.Enrolled(app, "alice")
		d := newPackets(k, app, attempt.Rules{Call: time.Minute})
		code := p.Code()
		for _, one := range []struct {
			what, name, line string
			want             any
		}{
			{"a right code", "alice", code, "allow"},
			{"the same one", "alice", code, "deny"},
			{"a wrong one", "alice", p.Wrong(), "deny"},
			{"no option", "alice", "7", "deny"},
			{"a name that can be nobody's", "a\x00b", "1", "deny"},
		} {
			if got := d.ask(one.what, one.name, one.line, nil); got != one.want {
				t.Errorf("%s: %v, want %v", one.what, got, one.want)
			}
		}
		if got := d.ask("a stranger", "alice", p.Code(), reply.ErrSignature); got != 40103 {
			t.Errorf("a stranger: %v", got)
		}
		m := &outage.Monitor{Now: k.Clock.Now}
		m.Answered(app.ID, &app, k.Clock.Now())
		_ = m.Failed(context.DeadlineExceeded)
		k.Clock.Advance(outage.Grace - time.Second)
		_ = m.Failed(context.DeadlineExceeded)
		k.Clock.Advance(time.Second)
		lost := m.Answer(app.ID, m.Failed(context.DeadlineExceeded), func(application.Application) error { return nil })
		if got := d.ask("in an outage", "alice", p.Code(), lost); got != "deny" {
			t.Errorf("in an outage: %v", got)
		}
		d.Places = make(chan struct{})
		if got := d.ask("no place", "alice", p.Code(), nil); got != 42901 {
			t.Errorf("no place: %v", got)
		}
	})
}

func TestTheLastPollEndsARequest(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx, words := t.Context(), message.English()
		app := k.Application("VPN", func(a *application.Application) { a.Type = application.TypeAuthAPI })
		k.Enrolled(app, "alice")
		d := newPackets(k, app, attempt.Rules{Call: time.Minute, Polls: 3})
		sent, err := d.Prove(ctx, d.Connect(ctx), attempt.Proof{Request: signin.Request{Application: app, Username: "alice"}, Words: words, Async: true,
			Choose: func(a *signin.Attempt) (attempt.Choice, error) { return attempt.Typed(a.Gate, menu.Push, true), nil }})
		k.OK(err)
		for n, want := range []string{attempt.ResultWaiting, attempt.ResultWaiting, attempt.ResultDeny, attempt.ResultDeny} {
			a, err := d.Poll(ctx, words, app.ID, sent.TxID)
			if k.OK(err); a.Status.Result != want {
				t.Errorf("poll %d: %+v", n+1, a)
			}
		}
		if state := k.Transaction(sent.TxID).State; state != transaction.Cancelled {
			t.Errorf("the request is %s", state)
		}
		if _, err := d.Poll(ctx, words, "another", sent.TxID); !errors.Is(err, transaction.ErrUnknown) {
			t.Errorf("another application's: %v", err)
		}
	})
}
