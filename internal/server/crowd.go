package server

import (
	"cmp"
	"net/http"
	"strings"

	"countersign/internal/api/oidc"
	"countersign/internal/api/reply"
	"countersign/internal/server/config"
	"countersign/internal/server/listener"
)

// newLimiter returns the limiter for the connections of this process.
func newLimiter(c config.Config, o Options) *listener.Limiter {
	return listener.New(listener.LimitsOf(cmp.Or(o.Connections, listener.Places(listener.Files()))), c.TrustedProxies, o.Now, o.Log)
}

// signedCall reports whether a request is for one of the addresses that are served also when connections are scarce: those
// that decide whether a host or an application lets people in, and health probes.
func signedCall(r *http.Request) bool {
	return forProgram(r.URL.Path) || strings.HasPrefix(r.URL.Path, oidc.At) || r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
}

// busy answers a request for which there is no room.
func busy(w http.ResponseWriter, r *http.Request) {
	if forProgram(r.URL.Path) {
		reply.Fail(w, reply.ErrTooManyRequests)
		return
	}
	w.Header().Set("Retry-After", reply.ErrTooManyRequests.RetryAfter())
	plain(w, http.StatusTooManyRequests, "Too many connections. Try again in a moment.\n")
}
