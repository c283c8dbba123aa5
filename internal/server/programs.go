package server

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"countersign/internal/api/auth"
	"countersign/internal/api/reply"
	"countersign/internal/api/unix"
)

// signedDoors are where programs call whose requests are signed.
var signedDoors = []string{auth.At, unix.At}

// forProgram reports a path of a signed door.
func forProgram(path string) bool {
	return slices.ContainsFunc(signedDoors, func(at string) bool { return strings.HasPrefix(path, at) })
}

// meansProgram reports a path that belongs to a signed door, written plainly or not.
func meansProgram(r *http.Request) bool { return forProgram(path.Clean("/" + r.URL.Path)) }

// plainly answers a program that wrote its path with doubled slashes or dots, for which there would be a redirect that
// no signature survives and no such client follows.
func plainly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if meansProgram(r) && path.Clean(r.URL.Path) != strings.TrimSuffix(r.URL.Path, "/") {
			reply.Fail(w, reply.ErrNotFound)
			return
		}
		next.ServeHTTP(w, r)
	})
}
