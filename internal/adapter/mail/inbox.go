package mail

import (
	"context"
	"sync"
	"time"
)

// inboxSize is how many messages an Inbox keeps. When it is full, the oldest one is dropped.
const inboxSize = 500

// Kept is one message in an Inbox.
type Kept struct {
	Message
	Number int       // 1 for the first message since the start; no two messages share one
	At     time.Time // when it was sent; zero without Inbox.Now
}

// Inbox keeps messages in memory instead of sending them. The demo shows it as a page. The zero value is
// ready, and it is safe for concurrent use. It refuses exactly the messages that Sender refuses.
type Inbox struct {
	Now func() time.Time // may be nil

	mu   sync.Mutex
	last int
	kept []Kept // oldest first
}

// Send keeps m. The error is ErrAddress, ErrContent or ErrSettings, as with Sender, or ErrUnavailable when ctx
// has ended.
func (i *Inbox) Send(ctx context.Context, m Message) error {
	if err := ctx.Err(); err != nil {
		return ErrUnavailable.With(err)
	}
	if _, err := check(m); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.last++
	kept := Kept{Message: m, Number: i.last}
	if i.Now != nil {
		kept.At = i.Now()
	}
	if len(i.kept) == inboxSize {
		i.kept = append(i.kept[:0], i.kept[1:]...)
	}
	i.kept = append(i.kept, kept)
	return nil
}

// Messages returns the messages that are kept, newest first.
func (i *Inbox) Messages() []Kept {
	i.mu.Lock()
	defer i.mu.Unlock()
	newest := make([]Kept, 0, len(i.kept))
	for at := len(i.kept) - 1; at >= 0; at-- {
		newest = append(newest, i.kept[at])
	}
	return newest
}

// Clear drops every message. The next message still gets the next number.
func (i *Inbox) Clear() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.kept = nil
}
