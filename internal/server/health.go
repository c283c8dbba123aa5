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
	"countersign/internal/flow"
)

// health answers machines that watch: alive means the process answers, ready means that it can
// serve people now. Neither says more.
type health struct {
	DB       flow.DB
	Deadline time.Duration // of an answer; 0: 2 s
	draining atomic.Bool

	mu      sync.Mutex
	written time.Time // when it was last tried whether the database takes a change
	takes   error     // what came of it
}

// probeEvery is how long one trial to write stands for the next ones: anybody may ask.
const probeEvery = 5 * time.Second

const readyTime = 2 * time.Second // after that the answer is no

// writable tries whether the database takes a change: one that can be read only, or is full, lets nobody sign in. The
// row it writes is swept with the spent assertions. ctx has the deadline of the answer.
func (h *health) writable(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if age := now.Sub(h.written); age >= 0 && age < probeEvery {
		return h.takes
	}
	until, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), until) // who leaves early proves nothing
	defer cancel()
	h.takes = h.DB.Write(ctx, func(st flow.Store) error {
		return st.SpendAssertion(ctx, application.PortalID, []byte("ready "+rand.Text()), now)
	})
	h.written = now
	return h.takes
}

func (h *health) alive(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

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
	_, _ = w.Write([]byte(text)) // a visitor who left is no error
}
