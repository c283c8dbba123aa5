package server

import (
	"errors"
	"io"
	"net/http"
	"time"

	"countersign/internal/api/oidc"
	"countersign/internal/server/config"
	"countersign/internal/server/listener"
	"countersign/internal/site/web"
)

// Handler is the whole program as one handler: what every request passes, outermost first, then
// the groups of mount.go.
func (s *Server) Handler() http.Handler {
	h := plainly(s.mux)
	h = web.Headers(web.HeaderOptions{HSTS: s.hsts}, h)
	h = limitBody(s.deadline, h)
	h = listener.Handler(signedCall, http.HandlerFunc(busy), h)
	h = s.requestLog.Wrap(h)
	h = s.hosts.guard(h)
	if s.Config.TLS.Mode == config.TLSProxy {
		h = onlyProxies(s.Config.TrustedProxies, h)
	}
	return h
}

// limitBody gives a body a limited time to arrive. Requests without one, which may wait for long, are left alone, and
// so are those whose body is here: the server would take the end of that time for a visitor who left.
func limitBody(deadline time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// A writer without deadlines, as in tests without a network, needs none.
			connection := http.NewResponseController(w)
			_ = connection.SetReadDeadline(time.Now().Add(bodyLimit(deadline, r.URL.Path)))
			r.Body = &arriving{ReadCloser: r.Body, here: func() { _ = connection.SetReadDeadline(time.Time{}) }}
		}
		next.ServeHTTP(w, r)
	})
}

// bodyLimit is how long a body may take. The signed doors and the health check answer by a deadline, 0 for two seconds,
// whatever hangs (FAIL-2), but an answer goes out only once the rest of the body is here or given up; hence a little more than that.
func bodyLimit(deadline time.Duration, path string) time.Duration {
	if forProgram(path) || path == oidc.HealthPath {
		return max(deadline, signedBody)
	}
	return bodyTime
}

// arriving is a request body that calls here once all of it was read.
type arriving struct {
	io.ReadCloser
	here func()
}

func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) && a.here != nil {
		a.here()
		a.here = nil
	}
	return n, err
}
