// Package tlscert knows where the TLS certificate of the server comes from: files an operator
// keeps up to date (Files), a certificate authority that speaks ACME (ACME), or a small authority
// of our own in the data folder (Local).
package tlscert

import (
	"crypto/tls"
	"net/http"
)

// Source gives certificates to listeners. Certificates change while it is in use; connections that
// stand keep theirs.
type Source struct {
	// CAFile is the PEM file clients must be told to trust; empty when the world trusts the
	// certificate already or the operator knows better.
	CAFile string

	config *tls.Config
	http01 func(http.Handler) http.Handler
}

// Config gives a fresh configuration for a listener: TLS 1.2 or later, HTTP/2 and HTTP/1.1.
func (s *Source) Config() *tls.Config { return s.config.Clone() }

// HTTPHandler is what a plain HTTP listener on port 80 should serve, if there is one: answers to
// ACME's http-01 challenges, everything else goes to fallback.
func (s *Source) HTTPHandler(fallback http.Handler) http.Handler {
	if s.http01 == nil {
		return fallback
	}
	return s.http01(fallback)
}

func newSource(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *Source {
	return &Source{config: &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1", "http/1.0"},
		GetCertificate: get,
	}}
}
