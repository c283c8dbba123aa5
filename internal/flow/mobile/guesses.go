package mobile

import (
	"sync"
	"time"

	"countersign/internal/base/errs"
)

// MaxGuesses is how many wrong typed pairing codes one address may send in GuessWindow. A typed code has 40
// bits, so even at this rate from many addresses a live one is not found within its ten minutes. Codes of links
// have 128 and are not limited: people who share an address do not shut each other out.
const (
	MaxGuesses  = 20
	GuessWindow = 10 * time.Minute
)

// ErrGuesses reports an address that sent too many wrong codes.
var ErrGuesses = errs.New(errs.Limited, "rate.limit")

// guesses counts wrong codes per address, in memory and bounded.
type guesses struct {
	mu    sync.Mutex
	count map[string]*guess
}

type guess struct {
	n     int
	since time.Time
}

func (g *guesses) allowed(from string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.count[from]
	return e == nil || now.Sub(e.since) > GuessWindow || e.n < MaxGuesses
}

func (g *guesses) wrong(from string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count == nil || len(g.count) > 50_000 {
		g.count = map[string]*guess{}
	}
	e := g.count[from]
	if e == nil || now.Sub(e.since) > GuessWindow {
		e = &guess{since: now}
		g.count[from] = e
	}
	e.n++
}
