package outage

import (
	"context"
	"time"

	"countersign/internal/domain/application"
)

const (
	lookEvery  = time.Second
	lookTime   = 5 * time.Second // longer than a request waits: a database that is merely slow is not lost
	renewEvery = 5 * time.Minute
)

// Watch looks each second, while a lookup has failed, whether the database answers again, so that an outage has a
// beginning and an end on a quiet node too; and renews what is kept every five minutes. It ends with ctx.
func (m *Monitor) Watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		m.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look is one round of Watch: it asks the database for all applications, when there is a reason to.
func (m *Monitor) Look(ctx context.Context) {
	at := m.Now()
	m.mu.Lock()
	idle := m.since.IsZero() && !m.renewed.IsZero() && at.Sub(m.renewed) < renewEvery
	m.mu.Unlock()
	if idle || m.All == nil {
		return
	}
	asking, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	all, err := m.All(asking)
	if err != nil {
		if ctx.Err() == nil && Unanswered(err) {
			_ = m.Failed(err) // noted; nobody is answered here
		}
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.since, m.last, m.renewed = time.Time{}, time.Time{}, at
	there := map[string]bool{}
	for _, app := range all {
		there[app.ID] = true
		if app.Type == application.TypeAuthAPI || app.Type == application.TypeUnix {
			m.keep(app.ID, &app, at)
		}
	}
	for id := range m.kept {
		if !there[id] {
			m.keep(id, nil, at)
		}
	}
}
