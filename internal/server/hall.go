package server

import (
	"net/http"
	"time"

	"countersign/internal/server/config"
	"countersign/internal/site/web"
)

// Handler is the whole program as one handler: what every request passes, outermost first, then
// the rooms of mount.go.
func (s *Server) Handler() http.Handler {
	var h http.Handler = s.mux
	h = web.Headers(web.HeaderOptions{HSTS: s.hsts}, h)
	h = hurry(h)
	h = s.requestLog.Wrap(h)
	h = s.hosts.guard(h)
	if s.Config.TLS.Mode == config.TLSProxy {
		h = onlyProxies(s.Config.TrustedProxies, h)
	}
	return h
}

// hurry gives a body a limited time to arrive. Requests without one, which may wait for long, are
// left alone.
func hurry(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// A writer without deadlines, as in tests without a network, needs none.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
		}
		next.ServeHTTP(w, r)
	})
}
