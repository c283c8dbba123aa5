package tlscert

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Files of a local authority, all in LocalOptions.Dir, with their modes.
const (
	CAFileName      = "ca.pem"      // 0644; clients must trust it
	caKeyFileName   = "ca-key.pem"  // 0400
	leafFileName    = "tls.pem"     // 0644
	leafKeyFileName = "tls-key.pem" // 0400
)

// LocalOptions describe the certificate of a server that is its own authority.
type LocalOptions struct {
	Dir   string   // created if missing, mode 0700
	Names []string // DNS names, wildcards allowed
	IPs   []net.IP
	Now   func() time.Time
	Log   *slog.Logger // gets renewals and failures; may be nil
}

// DemoNames and DemoIPs are the names of a server that people open on the same machine.
var (
	DemoNames = []string{"localhost", "*.localhost"}
	DemoIPs   = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
)

// Local makes an authority (for ten years) and a certificate (for 397 days) on the first start, and keeps both in
// files. A new certificate is made when fewer than 30 days are left, at the start or while running. At the start it is
// also made when the names have changed or its files are damaged. The authority is never replaced, because clients
// trust it. When it is damaged, incomplete or has ended, the error says which files to restore or remove.
func Local(o LocalOptions) (*Source, error) {
	if len(o.Names)+len(o.IPs) == 0 {
		return nil, errors.New("a certificate needs at least one name or address")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	l := &local{LocalOptions: o}
	var err error
	if l.ca, err = l.authority(); err != nil {
		return nil, err
	}
	if l.leaf = l.stored(); l.leaf == nil || l.soon() {
		if err := l.renew(); err != nil {
			return nil, err
		}
	}
	source := newSource(l.get)
	source.CAFile = l.path(CAFileName)
	return source, nil
}

// local is the state behind a Source of Local.
type local struct {
	LocalOptions
	ca *x509.Certificate

	mu    sync.Mutex
	leaf  *tls.Certificate
	retry time.Time // when to try again after a renewal that failed
}

func (l *local) path(name string) string { return filepath.Join(l.Dir, name) }

// get returns the certificate for a handshake and renews it when it ends soon.
func (l *local) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.Now(); l.soon() && !now.Before(l.retry) {
		if err := l.renew(); err != nil {
			l.retry = now.Add(time.Hour)
			l.Log.Error("the TLS certificate could not be renewed", "not_after", l.leaf.Leaf.NotAfter, "error", err)
		}
	}
	return l.leaf, nil
}

// soon reports whether the certificate should be renewed. Near the authority's own end a new certificate would not
// last longer.
func (l *local) soon() bool {
	leaf := l.leaf.Leaf
	return l.Now().Add(renewBefore).After(leaf.NotAfter) && leaf.NotAfter.Before(l.ca.NotAfter)
}

// stored returns the certificate on disk if it is valid, was issued by this authority and has exactly the names of
// the options, and nil otherwise.
func (l *local) stored() *tls.Certificate {
	pair, err := tls.LoadX509KeyPair(l.path(leafFileName), l.path(leafKeyFileName))
	if err != nil || pair.Leaf.CheckSignatureFrom(l.ca) != nil || l.Now().Before(pair.Leaf.NotBefore) {
		return nil
	}
	if !sameSet(pair.Leaf.DNSNames, l.Names) || !sameSet(texts(pair.Leaf.IPAddresses), texts(l.IPs)) {
		return nil
	}
	return &pair
}

func texts(ips []net.IP) []string {
	out := make([]string, 0, len(ips))
	for _, ip := range ips {
		out = append(out, ip.String())
	}
	return out
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// renew makes and stores a certificate. The key is written first: a crash between the two files leaves a pair that
// does not match, which the next start makes again.
func (l *local) renew() error {
	signer, err := l.signer()
	if err != nil {
		return err
	}
	key, der, err := issueLeaf(l.LocalOptions, l.ca, signer)
	if err != nil {
		return err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return err
	}
	if err := replaceFile(l.path(leafKeyFileName), keyPEM, 0o400); err != nil {
		return err
	}
	if err := replaceFile(l.path(leafFileName), certPEM, 0o644); err != nil {
		return err
	}
	l.leaf = &pair
	l.Log.Info("a TLS certificate has been made", "names", l.Names, "not_after", pair.Leaf.NotAfter)
	return nil
}

// authority reads ca.pem, or makes a new authority when there is none. A key without a certificate does not count: a
// crash at the very first start leaves it, and no client trusts it yet.
func (l *local) authority() (*x509.Certificate, error) {
	raw, err := os.ReadFile(l.path(CAFileName))
	if errors.Is(err, fs.ErrNotExist) {
		return l.found()
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s is not a PEM file: restore it from a backup, or remove it and %s and give clients the new file", l.path(CAFileName), caKeyFileName)
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !ca.IsCA {
		return nil, fmt.Errorf("%s is not a certificate authority: restore it from a backup, or remove it and %s and give clients the new file", l.path(CAFileName), caKeyFileName)
	}
	if !l.Now().Before(ca.NotAfter) {
		return nil, fmt.Errorf("%s ended on %s: remove it and %s, start again and give clients the new file", l.path(CAFileName), ca.NotAfter.Format(time.DateOnly), caKeyFileName)
	}
	return ca, nil
}

// found makes a new authority and writes its files, the key first.
func (l *local) found() (*x509.Certificate, error) {
	key, der, err := issueCA(l.Now())
	if err != nil {
		return nil, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	if err := replaceFile(l.path(caKeyFileName), keyPEM, 0o400); err != nil {
		return nil, err
	}
	if err := replaceFile(l.path(CAFileName), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// signer reads the authority's key. It is needed only to renew, so a server runs without it until then.
func (l *local) signer() (*ecdsa.PrivateKey, error) {
	path := l.path(caKeyFileName)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the key of %s: %w; restore it, or remove %s, start again and give clients the new file", l.path(CAFileName), err, CAFileName)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s is not a PEM file", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(l.ca.PublicKey) {
		return nil, fmt.Errorf("%s is not the key of %s", path, CAFileName)
	}
	return key, nil
}
