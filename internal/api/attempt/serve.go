package attempt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"countersign/internal/api/outage"
	"countersign/internal/api/reply"
)

// Operation is one kind of call, as a door's table lists it.
type Operation struct {
	Route string // for the log
	// Slow says that it waits for a person, or makes codes: it ends with its caller, or when the program stops. Others are
	// finished also while the program stops: a preauth that breaks off opens its host (FAIL-2).
	Slow bool
}

// Call is one call whose sender is proved.
type Call struct {
	Question string                                 // what it asks: the same one, sent again, is the same question
	Do       func(ctx context.Context) (any, error) // gives the body of the answer
	Deny     func() (any, error)                    // "no", because nothing can be decided now; nil: it asks about nobody
}

// Connect notes the connection of a call. ctx ends with it, or, with the cause http.ErrServerClosed, when the program
// stops.
func (e *Engine) Connect(ctx context.Context) *Connection {
	e.once.Do(func() { e.retries.Now = func() time.Time { return e.Now() } })
	return e.retries.Connect(ctx)
}

// Run answers one call within its time, whatever hangs or breaks: read proves who calls, then the call is done. What read
// gives beside an error is looked at only for an *outage.Lost: that call is denied. Only proved calls take one of the places, so strangers
// cannot keep the others out; a place is free again when its call is really over. The answer is for its own caller: after
// Run it is written, and Failed says that this did not work.
func (e *Engine) Run(c *Connection, op Operation, read func(ctx context.Context) (*Call, error)) (any, error) {
	limit, running := e.deadline(), context.WithoutCancel(c.ctx)
	if op.Slow {
		limit, running = e.Rules.Call, c.ctx
	}
	var known atomic.Pointer[Call]
	body, err := within(running, limit, func(ctx context.Context) (any, error) {
		call, err := read(ctx)
		if lost := (*outage.Lost)(nil); errors.As(err, &lost) && call.Deny != nil {
			e.Note(c.ctx, op.Route, err)
			return call.Deny()
		}
		if err != nil {
			return nil, err
		}
		known.Store(call)
		if e.Places != nil {
			select {
			case e.Places <- struct{}{}:
				defer func() { <-e.Places }()
			default:
				return nil, fmt.Errorf("%d calls are under way", cap(e.Places))
			}
		}
		return call.Do(ctx)
	})
	body, err = e.endAsking(c, op, known.Load(), body, err)
	if !c.Answer() {
		return nil, reply.ErrTooManyRequests.With(context.Canceled) // the answer is the retry's
	}
	return body, err
}

var errLate = errors.New("no answer in time")

// within runs f and answers for it when it is late or ran into a bug.
func within(ctx context.Context, limit time.Duration, f func(context.Context) (any, error)) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	type result struct {
		body any
		err  error
	}
	done := make(chan result, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- result{nil, reply.ErrTooManyRequests.With(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))}
			}
		}()
		body, err := f(ctx)
		done <- result{body, err}
	}()
	select {
	case r := <-done:
		return r.body, r.err
	case <-ctx.Done():
	}
	if errors.Is(context.Cause(ctx), http.ErrServerClosed) {
		late := time.NewTimer(stopTime) // who waits for a person hears of the stop; a proof that was begun may have spent its code
		defer late.Stop()
		select {
		case r := <-done:
			return r.body, r.err
		case <-late.C:
		}
	}
	select {
	case r := <-done: // in the same moment
		return r.body, r.err
	default:
		return nil, reply.ErrTooManyRequests.With(errLate)
	}
}

// Note logs a refusal: number and route, nothing that was sent (AC-055).
func (e *Engine) Note(ctx context.Context, route string, err error) {
	refused := reply.Of(err)
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("door", e.Name), slog.String("route", route), slog.Int("code", refused.Code)}
	if refused.Cause != nil && refused.Status >= http.StatusTooManyRequests && !errors.Is(refused.Cause, context.Canceled) {
		level = slog.LevelError
		attrs = append(attrs, slog.String("cause", refused.Cause.Error()))
	}
	e.Logger().LogAttrs(ctx, level, "refused", attrs...)
}
