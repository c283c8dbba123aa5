package attempt

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"countersign/internal/domain/transaction"
)

// ErrGone reports a call whose caller left, or got another answer, before it did anything.
var ErrGone = errors.New("the caller has gone")

var errUnfinished = errors.New("the first run of this call did not end")

// Beginning is what a call that asks for a proof came to before anybody waits for a person.
type Beginning struct {
	TxID        string                  // for a caller who asks later; "" when there is nothing to ask about
	Decided     *Status                 // decided without a transaction
	Transaction transaction.Transaction // else: decided, or waiting for its person
}

// allows reports that somebody was let in.
func (b Beginning) allows() bool {
	return b.Decided != nil && b.Decided.Result == ResultAllow || b.Transaction.State == transaction.Approved
}

// Once is a call that is to be begun once, however often it arrives.
type Once struct {
	Identity string                             // calls with the same one are the same, letter by letter
	Dated    bool                               // the call says when it was made
	Start    func() (Beginning, error)          // begins it; goes on when the connection breaks
	Waits    func(transaction.Transaction) bool // whether a request still waits for its person
}

// Connection is the way back to one caller.
type Connection struct {
	r       *Retries
	ctx     context.Context
	attempt *attempt
	key     string
	left    bool // nothing more is heard by this caller
	stop    func() bool
}

// Connect notes a call's connection. ctx ends with it, or, with the cause http.ErrServerClosed, when the program stops.
func (r *Retries) Connect(ctx context.Context) *Connection { return &Connection{r: r, ctx: ctx} }

// Begin begins the sign-in of a call, or takes the place of an earlier one whose connection broke. A request to a phone
// is sent once for calls that carry the same date, also while the first one's caller still waits: two dateless ones may be
// two terminals. ErrGone, an error of Start, or the end of the connection.
func (c *Connection) Begin(o Once) (Beginning, error) {
	for {
		t, mine, err := c.enter(o)
		if err != nil {
			return Beginning{}, err
		}
		if mine {
			c.start(t, o.Start)
			return t.b, t.err
		}
		select {
		case <-t.begun:
		case <-c.ctx.Done():
			return Beginning{}, c.ctx.Err()
		}
		if t.err == nil {
			return t.b, nil
		} // nothing was decided: this call does it
	}
}

func (c *Connection) start(t *attempt, start func() (Beginning, error)) {
	err := errUnfinished // when start panics
	var b Beginning
	defer func() {
		c.r.mu.Lock()
		defer c.r.mu.Unlock()
		t.b, t.err = b, err
		if err != nil {
			c.r.drop(c.key, t)
		}
		close(t.begun)
		c.r.change(c.key)
	}()
	b, err = start()
}

// enter finds this call's attempt; mine says that it is a new one, to be started.
func (c *Connection) enter(o Once) (t *attempt, mine bool, err error) {
	r := c.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.left {
		return nil, false, ErrGone
	}
	r.sweep(r.Now())
	c.key = o.Identity
	var before []*attempt // those of the callers who were here first
	if a := r.same[c.key]; a != nil {
		before = slices.Clone(a.attempts)
	}
	var notice <-chan time.Time
	late := false
	for {
		if t := r.orphan(c.key); t != nil {
			t.retries++
			c.hold(t)
			return t, false, nil
		}
		if o.Dated {
			if t := r.sent(before, o.Waits); t != nil {
				return c.join(t), false, nil
			}
		}
		if !slices.ContainsFunc(before, func(t *attempt) bool { return t.held && (!late || o.Dated && !t.hasBegun()) }) {
			return c.add(), true, nil
		}
		if notice == nil {
			notice = time.After(noticeTime)
		}
		changed := r.same[c.key].changed // there, since one of its attempts is held
		r.mu.Unlock()
		select {
		case <-changed:
		case <-notice:
			late = true
		case <-c.ctx.Done():
		}
		r.mu.Lock()
		if c.left || c.ctx.Err() != nil {
			return nil, false, ErrGone
		}
	}
}

// join makes an attempt of its own for a caller who shares another's request.
func (c *Connection) join(other *attempt) *attempt {
	t := c.add()
	t.born, t.begun, t.b = other.born, other.begun, other.b
	return t
}

func (c *Connection) add() *attempt {
	t := &attempt{born: c.r.Now(), begun: make(chan struct{})}
	if c.r.count < maxAttempts {
		if c.r.same == nil {
			c.r.same = map[string]*alike{}
		}
		a := c.r.same[c.key]
		if a == nil {
			a = &alike{changed: make(chan struct{})}
			c.r.same[c.key] = a
		}
		a.attempts = append(a.attempts, t)
		c.r.count++
	}
	c.hold(t)
	return t
}

func (c *Connection) hold(t *attempt) {
	t.held, c.attempt = true, t
	if c.stop == nil {
		c.stop = context.AfterFunc(c.ctx, func() {
			c.r.mu.Lock()
			defer c.r.mu.Unlock()
			if c.gone() {
				c.leave(false)
			}
		})
	}
}

// gone reports a connection that broke. When the program stops, its callers still get their answers.
func (c *Connection) gone() bool {
	return c.ctx.Err() != nil && !errors.Is(context.Cause(c.ctx), http.ErrServerClosed)
}

// Answer reports whether the answer may be written, and counts it as got out; Failed takes that back. One that goes to a
// broken connection must not be written: a caller who only closed one half would hear it, and the retry too.
func (c *Connection) Answer() bool {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	sound := c.attempt == nil || !c.left && !c.gone() // without an attempt nothing was decided, and nothing will be
	c.leave(sound)
	return sound
}

// Failed notes that the answer could not be written.
func (c *Connection) Failed() {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if c.attempt != nil && c.attempt.answered {
		c.attempt.answered, c.attempt.broke = false, c.r.Now()
		c.r.change(c.key)
	}
}

// leave lets go of the attempt.
func (c *Connection) leave(answered bool) {
	if c.left {
		return
	}
	c.left = true
	if c.stop != nil {
		c.stop()
	}
	if c.attempt == nil {
		return
	}
	c.attempt.held, c.attempt.answered = false, answered
	if !answered {
		c.attempt.broke = c.r.Now()
	}
	c.r.change(c.key)
}
