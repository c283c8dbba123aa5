package tlscert

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ACMEOptions describe an account at a certificate authority (RFC 8555).
type ACMEOptions struct {
	Hosts        []string     // DNS names to get certificates for; a handshake for any other name fails
	CacheDir     string       // folder for certificates and the account key, mode 0700
	Email        string       // where the authority writes to; optional
	DirectoryURL string       // empty: Let's Encrypt
	Client       *http.Client // nil: the default; needed for an authority whose own certificate is private
}

// ACME gets a certificate at the first handshake for a name and renews it 30 days before it ends. Using it means that
// the operator agrees with the authority's terms. The authority must reach the server on port 443 (tls-alpn-01, RFC
// 8737) or port 80 (http-01, RFC 8555 8.3; see HTTPHandler). It is an error when o.Hosts is empty or holds an address.
func ACME(o ACMEOptions) (*Source, error) {
	if len(o.Hosts) == 0 {
		return nil, errors.New("ACME needs at least one host name")
	}
	for _, host := range o.Hosts {
		if net.ParseIP(host) != nil {
			return nil, errors.New("ACME certificates are for names; " + host + " is an address")
		}
	}
	manager := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		HostPolicy: autocert.HostWhitelist(o.Hosts...),
		Cache:      autocert.DirCache(o.CacheDir),
		Email:      o.Email,
	}
	if o.DirectoryURL != "" || o.Client != nil {
		manager.Client = &acme.Client{DirectoryURL: o.DirectoryURL, HTTPClient: o.Client}
	}
	config := manager.TLSConfig()
	config.MinVersion = tls.VersionTLS12
	return &Source{config: config, http01: manager.HTTPHandler}, nil
}
