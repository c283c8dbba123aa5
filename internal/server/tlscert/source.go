// Package tlscert provides the server's TLS certificate from one of three places: files that the operator keeps up to
// date (Files), an authority that speaks ACME (ACME), or an authority of the server's own in the data folder (Local).
package tlscert

import (
	"crypto/tls"
	"net/http"
)

// Source gives certificates to listeners. It is safe for concurrent use. The certificate may change while a listener
// uses it; connections that exist keep theirs.
type Source struct {
	// CAFile is the PEM file of the authority that clients must trust. It is empty for Files and ACME, where clients
	// trust the authority already or the operator takes care of it.
	CAFile string

	config *tls.Config
	http01 func(http.Handler) http.Handler // nil: no ACME
}

// Config returns a new configuration for a listener: TLS 1.2 or later, HTTP/2 and HTTP/1.1.
func (s *Source) Config() *tls.Config { return s.config.Clone() }

// HTTPHandler is the handler for a plain HTTP listener on port 80. It answers ACME's http-01 challenges and gives
// every other request to fallback.
func (s *Source) HTTPHandler(fallback http.Handler) http.Handler {
	if s.http01 == nil {
		return fallback
	}
	return s.http01(fallback)
}

// newSource makes a Source from a function that returns the certificate for a handshake.
func newSource(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *Source {
	return &Source{config: &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1", "http/1.0"},
		GetCertificate: get,
	}}
}
