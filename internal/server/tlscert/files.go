package tlscert

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often Files checks at most whether its files have changed.
const lookEvery = time.Second

// FileOptions describe a certificate that another program renews.
type FileOptions struct {
	CertFile string   // PEM, leaf first, then the intermediates
	KeyFile  string   // PEM
	Names    []string // the server's host names; the log reports those that the certificate does not contain
	Now      func() time.Time
	Log      *slog.Logger // gets renewals and problems; may be nil
}

// Files serves a certificate from two files. When the files change, the new pair is used for handshakes that begin a
// second later. The last valid pair stays in use while the files cannot be read or do not belong together, as between
// two writes. The error says what is wrong with the files now.
func Files(o FileOptions) (*Source, error) {
	f := &files{FileOptions: o}
	if f.Log == nil {
		f.Log = slog.New(slog.DiscardHandler)
	}
	f.certInfo, f.keyInfo = f.stat()
	pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %s with key %s: %w; correct tls.cert_file and tls.key_file", o.CertFile, o.KeyFile, err)
	}
	f.pair, f.looked = &pair, o.Now()
	f.judge()
	return newSource(f.get), nil
}

// files is the state behind a Source of Files.
type files struct {
	FileOptions

	mu                sync.Mutex
	pair              *tls.Certificate
	looked            time.Time
	certInfo, keyInfo os.FileInfo // as of looked; nil: the file could not be read
}

// get returns the certificate for a handshake, after a look at the files when the last one is older than lookEvery.
func (f *files) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.Now()
	if since := now.Sub(f.looked); since >= 0 && since < lookEvery {
		return f.pair, nil
	}
	f.looked = now
	cert, key := f.stat()
	if same(cert, f.certInfo) && same(key, f.keyInfo) {
		return f.pair, nil
	}
	f.certInfo, f.keyInfo = cert, key
	pair, err := tls.LoadX509KeyPair(f.CertFile, f.KeyFile)
	if err != nil {
		f.Log.Error("the TLS certificate has changed and cannot be used; the old one stays", "cert_file", f.CertFile, "error", err)
		return f.pair, nil
	}
	f.pair = &pair
	f.Log.Info("the TLS certificate has been renewed", "cert_file", f.CertFile, "not_after", pair.Leaf.NotAfter)
	f.judge()
	return f.pair, nil
}

// judge logs an error when clients will refuse the certificate, because it is not valid now or lacks a name. It is
// served all the same.
func (f *files) judge() {
	leaf, now := f.pair.Leaf, f.Now()
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		f.Log.Error("the TLS certificate is not valid now; put a new one in its place", "cert_file", f.CertFile, "not_before", leaf.NotBefore, "not_after", leaf.NotAfter)
	}
	for _, name := range f.Names {
		if err := leaf.VerifyHostname(name); err != nil {
			f.Log.Error("the TLS certificate is not for this server; put one in its place that names it", "cert_file", f.CertFile, "name", name, "error", err)
		}
	}
}

func (f *files) stat() (cert, key os.FileInfo) {
	cert, _ = os.Stat(f.CertFile)
	key, _ = os.Stat(f.KeyFile)
	return cert, key
}

// same reports whether a file is unchanged between two looks.
func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
