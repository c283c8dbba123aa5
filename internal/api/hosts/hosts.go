// Package hosts notes which machines let people in when they cannot ask us (FAIL-6).
package hosts

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/domain/application"
)

const (
	noteEvery   = 10 * time.Second // how often what was heard is written
	hostRenewed = 24 * time.Hour   // how often a host that changes nothing is noted
	hostNews    = 300              // of one application in an hour: a fleet is noted within a few, a flood is not
	maxHeard    = 50_000           // names in memory; beyond it all are heard anew
)

// Store keeps hosts; flow/directory does.
type Store interface {
	// Hosts lists those of an application.
	Hosts(ctx context.Context, applicationID string) ([]application.Host, error)
	// NoteHosts keeps some, in one change, and the latest application.MaxHosts in all.
	NoteHosts(ctx context.Context, applicationID string, hosts []application.Host) error
}

// Recorder hears the fail mode of machines at preauth, where their clients send it. A preauth costs a look in memory; what
// is new is written later, together, by Run. So it may be lost with the process, and the host sends it again. Names are the
// callers' word: they are cleaned, counted and never believed. The zero value with Store and Now is ready; nil notes nothing.
type Recorder struct {
	Store Store
	Now   func() time.Time
	Log   *slog.Logger // nil: slog.Default

	mu    sync.Mutex
	heard map[hostKey]application.Host // as last noted
	news  map[hostKey]application.Host // to be written
	noted map[string][]time.Time       // by application, of the last hour
}

// failModes are the words of Duo Unix, and those of the Authentication Proxy.
var failModes = map[string]application.FailMode{"open": application.FailsOpen, "closed": application.FailsClosed,
	"safe": application.FailsOpen, "secure": application.FailsClosed}

type hostKey struct{ application, name string }

// Hear takes the parameters hostname and failmode of a preauth. Callers that send no fail mode have none.
func (r *Recorder) Hear(app application.Application, hostname, failmode string) {
	mode, known := failModes[failmode]
	if r == nil || !known {
		return
	}
	now := r.Now()
	h := application.Host{ApplicationID: app.ID, Name: application.CleanHost(hostname), FailMode: mode, Seen: now}
	key := hostKey{h.ApplicationID, h.Name}
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.heard[key]; ok && !noteworthy(old, h) {
		return
	}
	if !r.room(app.ID, now) {
		return
	}
	if r.heard == nil || len(r.heard) >= maxHeard {
		r.heard = map[hostKey]application.Host{}
	}
	if r.news == nil {
		r.news = map[hostKey]application.Host{}
	}
	r.heard[key], r.news[key] = h, h
}

// room takes one of the hostNews places of an application. This only spares this node's memory and writes, so it is counted
// here: the database keeps application.MaxHosts at most. r.mu is held.
func (r *Recorder) room(applicationID string, now time.Time) bool {
	before := r.noted[applicationID]
	for len(before) > 0 && now.Sub(before[0]) >= time.Hour {
		before = before[1:]
	}
	if len(before) >= hostNews {
		return false
	}
	if r.noted == nil {
		r.noted = map[string][]time.Time{}
	}
	r.noted[applicationID] = append(before, now)
	return true
}

func noteworthy(old, now application.Host) bool {
	return old.FailMode != now.FailMode || now.Seen.Sub(old.Seen) >= hostRenewed
}

// Run writes what was heard every ten seconds, and once more when ctx ends.
func (r *Recorder) Run(ctx context.Context) {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-ctx.Done():
			over = true
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteEvery/2)
		if err := r.Flush(within); err != nil {
			r.log().Error("hosts were not noted", "error", err)
		}
		cancel()
	}
}

// Flush writes what was heard, where the database does not know it: after a restart every host is news to us only. What
// could not be written is tried again.
func (r *Recorder) Flush(ctx context.Context) error {
	r.mu.Lock()
	news := r.news
	r.news = nil
	r.mu.Unlock()
	of := map[string][]application.Host{}
	for key, h := range news {
		of[key.application] = append(of[key.application], h)
	}
	for id, hosts := range of {
		if err := r.note(ctx, id, hosts); err != nil {
			r.again(of)
			return err
		}
		delete(of, id)
	}
	return nil
}

// again puts back what is left to write, unless something newer was heard.
func (r *Recorder) again(of map[string][]application.Host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.news == nil {
		r.news = map[hostKey]application.Host{}
	}
	for _, hosts := range of {
		for _, h := range hosts {
			key := hostKey{h.ApplicationID, h.Name}
			if _, newer := r.news[key]; !newer && len(r.news) < maxHeard {
				r.news[key] = h
			}
		}
	}
}

func (r *Recorder) note(ctx context.Context, applicationID string, hosts []application.Host) error {
	known, err := r.Store.Hosts(ctx, applicationID)
	if err != nil {
		return err
	}
	before := map[string]application.Host{}
	for _, h := range known {
		before[h.Name] = h
	}
	var write []application.Host
	for _, h := range hosts {
		if old, ok := before[h.Name]; !ok || noteworthy(old, h) {
			write = append(write, h)
		}
	}
	if len(write) == 0 {
		return nil
	}
	return r.Store.NoteHosts(ctx, applicationID, write)
}

func (r *Recorder) log() *slog.Logger {
	if r.Log != nil {
		return r.Log
	}
	return slog.Default()
}
