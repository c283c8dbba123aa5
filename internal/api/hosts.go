package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/base/quota"
	"countersign/internal/domain/application"
	"countersign/internal/flow"
)

const (
	noteEvery   = 10 * time.Second // how often what was heard is written
	hostRenewed = 24 * time.Hour   // how often a host that changes nothing is noted
	hostNews    = 300              // of one application in an hour: a fleet is noted within a few, a flood is not
	maxHeard    = 50_000           // names in memory; beyond it all are heard anew
)

// Hosts notes which machines let people in when they cannot ask us (security 2, P4): their clients tell it at preauth. A
// preauth costs a look in memory; what is new is written later, together, by Run. So it may be lost with the process, and the
// host tells it again. Names are the callers' word: they are cleaned, counted and never believed. The zero value with DB and Now is
// ready; nil notes nothing.
type Hosts struct {
	DB  flow.DB
	Now func() time.Time
	Log *slog.Logger // nil: slog.Default

	mu    sync.Mutex
	heard map[hostKey]application.Host // as last noted
	news  map[hostKey]application.Host // to be written
	quota quota.Quota
}

// failModes are the words of Duo Unix, and those of the Authentication Proxy.
var failModes = map[string]application.FailMode{"open": application.FailsOpen, "closed": application.FailsClosed,
	"safe": application.FailsOpen, "secure": application.FailsClosed}

type hostKey struct{ application, name string }

// Hear takes the parameters hostname and failmode of a preauth. Callers that tell no fail mode have none.
func (b *Hosts) Hear(app application.Application, hostname, failmode string) {
	mode, told := failModes[failmode]
	if b == nil || !told {
		return
	}
	now := b.Now()
	h := application.Host{ApplicationID: app.ID, Name: application.CleanHost(hostname), FailMode: mode, Seen: now}
	key := hostKey{h.ApplicationID, h.Name}
	b.mu.Lock()
	defer b.mu.Unlock()
	if old, ok := b.heard[key]; ok && !noteworthy(old, h) {
		return
	}
	b.quota.Limit, b.quota.Window = hostNews, time.Hour
	if !b.quota.Take(app.ID, now) {
		return
	}
	if b.heard == nil || len(b.heard) >= maxHeard {
		b.heard = map[hostKey]application.Host{}
	}
	if b.news == nil {
		b.news = map[hostKey]application.Host{}
	}
	b.heard[key], b.news[key] = h, h
}

func noteworthy(old, now application.Host) bool {
	return old.FailMode != now.FailMode || now.Seen.Sub(old.Seen) >= hostRenewed
}

// Run writes what was heard every ten seconds, and once more when ctx ends.
func (b *Hosts) Run(ctx context.Context) {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-ctx.Done():
			over = true
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteEvery/2)
		if err := b.Note(within); err != nil {
			b.log().Error("hosts were not noted", "error", err)
		}
		cancel()
	}
}

// Note writes what was heard, where the database does not know it: after a restart every host is news to us only. What
// could not be written is tried again.
func (b *Hosts) Note(ctx context.Context) error {
	b.mu.Lock()
	news := b.news
	b.news = nil
	b.mu.Unlock()
	of := map[string][]application.Host{}
	for key, h := range news {
		of[key.application] = append(of[key.application], h)
	}
	for id, hosts := range of {
		if err := b.note(ctx, id, hosts); err != nil {
			b.again(of)
			return err
		}
		delete(of, id)
	}
	return nil
}

// again puts back what is left to write, unless something newer was heard.
func (b *Hosts) again(of map[string][]application.Host) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.news == nil {
		b.news = map[hostKey]application.Host{}
	}
	for _, hosts := range of {
		for _, h := range hosts {
			key := hostKey{h.ApplicationID, h.Name}
			if _, newer := b.news[key]; !newer && len(b.news) < maxHeard {
				b.news[key] = h
			}
		}
	}
}

func (b *Hosts) note(ctx context.Context, applicationID string, hosts []application.Host) error {
	known, err := b.DB.Read().Hosts(ctx, applicationID)
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
	return b.DB.Write(ctx, func(st flow.Store) error {
		for _, h := range write {
			if err := st.SeeHost(ctx, h); err != nil {
				return err
			}
		}
		_, err := st.ForgetHosts(ctx, applicationID, application.MaxHosts)
		return err
	})
}

func (b *Hosts) log() *slog.Logger {
	if b.Log != nil {
		return b.Log
	}
	return slog.Default()
}
