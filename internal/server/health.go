package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/settings"
	"countersign/internal/flow"
)

// probe is what health tries of a database: one read and one change.
type probe interface {
	LoadSettings(ctx context.Context) (settings.Settings, error)
	SpendAssertion(ctx context.Context, applicationID string, digest []byte, expires time.Time) error
}

// health answers the probes of orchestrators and load balancers. Alive means that the process answers. Ready means that
// it can serve people now. The answers say nothing else, because anybody may ask.
type health struct {
	DB       flow.Part[probe]
	Deadline time.Duration // of an answer; 0: 2 s
	draining atomic.Bool   // the server stops: not ready

	mu      sync.Mutex
	written time.Time // when writable last wrote
	takes   error     // the result of that
}

// probeEvery is how long the result of one trial to write is used again, so that probes cannot load the database.
const probeEvery = 5 * time.Second

const readyTime = 2 * time.Second // after that the answer is no

// writable tries to write a row. A database that is full or can only be read lets nobody sign in. The row is deleted
// with the spent assertions. ctx has the deadline of the answer.
func (h *health) writable(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if age := now.Sub(h.written); age >= 0 && age < probeEvery {
		return h.takes
	}
	until, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), until) // a probe that is cancelled must not count as a failure
	defer cancel()
	h.takes = h.DB.Write(ctx, func(st probe) error {
		return st.SpendAssertion(ctx, application.PortalID, []byte("ready "+rand.Text()), now)
	})
	h.written = now
	return h.takes
}

func (h *health) alive(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

// ready answers 200 when the database can be read and written, and 503 when not or when the server stops.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	if h.draining.Load() {
		plain(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(h.Deadline, readyTime))
	defer cancel()
	_, err := h.DB.Read().LoadSettings(ctx)
	if err == nil {
		err = h.writable(ctx)
	}
	if err != nil {
		plain(w, http.StatusServiceUnavailable, "database\n")
		return
	}
	plain(w, http.StatusOK, "ok\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client may have gone
}
