package command

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"

	"countersign/internal/server"
	"countersign/internal/server/config"
	"countersign/internal/server/tlscert"
)

type serveCommand struct{}

// servingDoc is printed when the server can be reached.
type servingDoc struct {
	URL    string `json:"url"`
	Listen string `json:"listen"`
	CAFile string `json:"ca_file"` // "" unless the server is its own authority
}

// Run serves until it is told to stop, then lets requests on their way finish.
func (serveCommand) Run(r *run) (err error) {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	log := r.logger(cfg.Log)
	cert, err := r.certificate(cfg, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return err
	}
	defer listener.Close() // closed by Serve before; an error of the second time says nothing
	s, err := server.Open(r.ctx, cfg, server.Options{
		Now: r.Now, Rand: r.Rand, Log: log, HSTS: cfg.TLS.Mode != config.TLSLocal && strings.HasPrefix(cfg.PublicURL, "https://"),
	})
	if err != nil {
		return err
	}
	defer func() {
		if closing := s.Close(); err == nil {
			err = closing
		}
	}()
	doc := servingDoc{URL: cfg.PublicURL, Listen: listener.Addr().String()}
	var secure *tls.Config
	if cert != nil {
		doc.CAFile, secure = cert.CAFile, cert.Config()
	}
	if err := r.show(doc, func(p *page) { p.line("serve.ready", "url", doc.URL, "listen", doc.Listen) }); err != nil {
		return err
	}
	return s.Serve(r.ctx, server.Listen{Listener: listener, TLS: secure})
}

// certificate finds where the certificate comes from; nil behind a proxy, which does TLS.
func (r *run) certificate(cfg config.Config, log *slog.Logger) (*tlscert.Source, error) {
	switch cfg.TLS.Mode {
	case config.TLSFiles:
		return tlscert.Files(tlscert.FileOptions{CertFile: cfg.TLS.CertFile, KeyFile: cfg.TLS.KeyFile, Now: r.Now, Log: log})
	case config.TLSACME:
		return tlscert.ACME(tlscert.ACMEOptions{
			Hosts: cfg.Hostnames(), CacheDir: filepath.Join(cfg.DataDir, "acme"), Email: cfg.TLS.ACMEEmail, DirectoryURL: cfg.TLS.ACMEDirectory,
		})
	case config.TLSProxy:
		return nil, nil
	}
	o := tlscert.LocalOptions{Dir: filepath.Join(cfg.DataDir, "tls"), Now: r.Now, Log: log}
	for _, name := range cfg.Hostnames() {
		if _, err := netip.ParseAddr(name); err == nil {
			o.IPs = append(o.IPs, net.ParseIP(name))
		} else {
			o.Names = append(o.Names, name)
		}
	}
	return tlscert.Local(o)
}

// logger writes the server's log to standard error.
func (r *run) logger(l config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo // the configuration was checked
	}
	o := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(r.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(r.Stderr, o))
}
