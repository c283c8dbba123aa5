package command

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/internal/server/config"
	"countersign/internal/server/tlscert"
)

// expirySoon is how long before its end a certificate is reported with a warning.
const expirySoon = 14 * 24 * time.Hour

// certificate checks the chain that the running server sends to browsers: its names, its end, and who trusts it.
// From that it concludes whether a phone can use the instance.
func (d *report) certificate(r *run, cfg config.Config) {
	if cfg.TLS.Mode == config.TLSFiles {
		if _, err := tls.LoadX509KeyPair(cfg.TLS.CertFile, cfg.TLS.KeyFile); err != nil {
			d.add("tls", fail, "files", "error", err)
			return
		}
	}
	u, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return // cannot happen: the configuration was validated
	}
	trusted := false
	if u.Scheme == "https" {
		trusted = d.chain(r, cfg, u)
	} else {
		d.add("tls", warn, "plain", "url", cfg.PublicURL)
	}
	d.phone(u, trusted)
}

// chain checks the certificate at the public address and returns whether the system's authorities trust it.
func (d *report) chain(r *run, cfg config.Config, u *url.URL) bool {
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "443")
	}
	leaf, rest, err := served(r.ctx, address, u.Hostname())
	if err != nil {
		d.add("tls", warn, "unreached", "url", cfg.PublicURL, "error", err)
		return false
	}
	ends := leaf.NotAfter.UTC().Format(time.DateOnly)
	switch now := r.Now(); {
	case now.After(leaf.NotAfter):
		d.add("tls", fail, "ended", "date", ends)
		return false
	case now.Before(leaf.NotBefore):
		d.add("tls", fail, "early", "date", leaf.NotBefore.UTC().Format(time.DateOnly))
		return false
	case now.Add(expirySoon).After(leaf.NotAfter):
		d.add("tls", warn, "ending", "date", ends)
	}
	for _, name := range cfg.Hostnames() {
		if leaf.VerifyHostname(name) != nil {
			d.add("tls", fail, "name", "name", name)
			return false
		}
	}
	options := x509.VerifyOptions{Intermediates: rest, DNSName: u.Hostname(), CurrentTime: r.Now()}
	if _, err := leaf.Verify(options); err == nil {
		d.add("tls", fine, "good", "date", ends)
		return true
	}
	own := localCA(cfg)
	if pem, err := os.ReadFile(own); err == nil {
		options.Roots = x509.NewCertPool()
		options.Roots.AppendCertsFromPEM(pem)
		if _, err := leaf.Verify(options); err == nil {
			d.add("tls", fine, "own", "file", own, "date", ends)
			return false
		}
	}
	d.add("tls", fail, "untrusted")
	return false
}

// localCA returns the file with the certificate of the instance's own authority, or "" when the certificate comes
// from elsewhere.
func localCA(cfg config.Config) string {
	if cfg.TLS.Mode != config.TLSLocal {
		return ""
	}
	return filepath.Join(cfg.DataDir, "tls", tlscert.CAFileName)
}

// served connects to address and returns the certificate chain it sends, unverified. name goes into SNI.
func served(ctx context.Context, address, name string) (leaf *x509.Certificate, rest *x509.CertPool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}} // the caller verifies
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	rest = x509.NewCertPool()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	for _, c := range chain[1:] {
		rest.AddCert(c)
	}
	return chain[0], rest, nil
}

// phone checks whether a real phone can use this instance. It needs a public name, and a certificate that phones
// trust without any installation (RULE-41).
func (d *report) phone(u *url.URL, trusted bool) {
	name := strings.ToLower(u.Hostname())
	_, err := netip.ParseAddr(name)
	here := name == "localhost" || strings.HasSuffix(name, ".localhost")
	switch {
	case err == nil, here, !strings.Contains(name, "."):
		d.add("phone", warn, "name", "name", name)
	case u.Scheme != "https", !trusted:
		d.add("phone", warn, "certificate", "name", name)
	default:
		d.add("phone", fine, "good", "name", name)
	}
}
