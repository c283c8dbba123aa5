package mail

import (
	"context"
	"sync"
	"time"
)

// inboxSize is how many messages an Inbox keeps; the oldest leave first.
const inboxSize = 500

// Kept is a message an Inbox holds.
type Kept struct {
	Message
	Number int       // 1 for the first message since the start, never used twice
	At     time.Time // when it was sent; zero without Inbox.Now
}

// Inbox keeps messages in memory instead of sending them: the demo shows it as a page. The zero
// value is ready; it is safe for concurrent use. It refuses exactly the messages Sender refuses.
type Inbox struct {
	Now func() time.Time // may be nil

	mu   sync.Mutex
	last int
	kept []Kept // oldest first
}

// Send keeps m.
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

// Messages gives what was sent, newest first.
func (i *Inbox) Messages() []Kept {
	i.mu.Lock()
	defer i.mu.Unlock()
	newest := make([]Kept, 0, len(i.kept))
	for at := len(i.kept) - 1; at >= 0; at-- {
		newest = append(newest, i.kept[at])
	}
	return newest
}

// Clear forgets every message; numbers go on.
func (i *Inbox) Clear() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.kept = nil
}
