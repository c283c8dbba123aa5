package server

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"countersign/internal/flow"
)

// health answers machines that watch: alive means the process answers, ready means that it can
// serve people now. Neither says more.
type health struct {
	DB       flow.DB
	draining atomic.Bool
}

func (h *health) alive(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	if h.draining.Load() {
		plain(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if _, err := h.DB.Read().LoadSettings(ctx); err != nil {
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
