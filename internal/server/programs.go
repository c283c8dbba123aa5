package server

import (
	"net/http"
	"path"
	"strings"

	"countersign/internal/api/auth"
	"countersign/internal/api/reply"
	"countersign/internal/api/unix"
)

// forProgram reports a path that belongs to a signed door, written plainly or not.
func forProgram(r *http.Request) bool {
	at := path.Clean("/" + r.URL.Path)
	return strings.HasPrefix(at, auth.At) || strings.HasPrefix(at, unix.At)
}

// plainly answers a program that wrote its path with doubled slashes or dots, for which there would be a redirect that
// no signature survives and no such client follows.
func plainly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if forProgram(r) && path.Clean(r.URL.Path) != strings.TrimSuffix(r.URL.Path, "/") {
			reply.Fail(w, reply.ErrNotFound)
			return
		}
		next.ServeHTTP(w, r)
	})
}
