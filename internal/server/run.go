package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"

	"countersign/internal/base/errs"
	"countersign/internal/server/config"
	"countersign/internal/server/listener"
	"countersign/internal/server/tlscert"
)

// Run opens an instance and serves it on the configured address until ctx ends. A wrong configuration or a wrong master
// key ends it with that error. While the database cannot be reached, takes long to open or is replaced by an empty one,
// Run listens, answers signed calls with 429, and tries again. The reason is that a client which cannot connect may let
// people in (FAIL-3, AC-020).
func Run(ctx context.Context, c config.Config, o Options) (err error) {
	o = o.withDefaults()
	o.MustExist = true
	o.limiter = newLimiter(c, o)
	ctx, cancel := context.WithCancel(ctx)
	w := startOpening(ctx, c, o)
	defer func() {
		cancel()
		err = errors.Join(err, w.end())
	}()
	if w.soon() && w.err != nil || ctx.Err() != nil {
		return nil // end returns the reason
	}
	main := Listen{}
	var certs *tlscert.Source
	if c.TLS.Mode != config.TLSProxy {
		if certs, err = Certificates(c, o); err != nil {
			return err
		}
		main.TLS = certs.Config()
	}
	if main.Listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen); err != nil {
		return listening(c.Listen, err)
	}
	defer main.Listener.Close()                                                   // after Serve it is closed already
	if err := w.bridge(ctx, main); err != nil || ctx.Err() != nil || w.s == nil { // end returns the reason
		return err
	}
	if certs != nil {
		defer w.s.redirect(ctx, certs)()
	}
	o.Log.Info("serving", "listen", main.Listener.Addr().String(), "public_url", c.PublicURL, "tls", c.TLS.Mode, "database", c.DatabaseName(),
		"connections", w.s.limiter.Places, "open_files", listener.Files())
	return w.s.Serve(ctx, main)
}

// Reasons why the server cannot listen on an address. Argument: "address".
var (
	errAddressUsed   = errs.New(errs.Conflict, "server.address_used")
	errAddressDenied = errs.New(errs.Forbidden, "server.address_denied")
	errAddressWrong  = errs.New(errs.Invalid, "server.address_wrong")
)

// listening returns the error for an address on which the server cannot listen.
func listening(address string, err error) error {
	why := errAddressWrong
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = errAddressUsed
	case errors.Is(err, os.ErrPermission):
		why = errAddressDenied
	}
	return why.Arg("address", address).With(err)
}

// Certificates returns the source of the certificate by the TLS mode of the configuration. It is not called in proxy
// mode, which has none.
func Certificates(c config.Config, o Options) (*tlscert.Source, error) {
	o = o.withDefaults()
	switch c.TLS.Mode {
	case config.TLSFiles:
		return tlscert.Files(tlscert.FileOptions{CertFile: c.TLS.CertFile, KeyFile: c.TLS.KeyFile, Names: c.Hostnames(), Now: o.Now, Log: o.Log})
	case config.TLSACME:
		return tlscert.ACME(tlscert.ACMEOptions{Hosts: c.Hostnames(), CacheDir: filepath.Join(c.DataDir, "acme"),
			Email: c.TLS.ACMEEmail, DirectoryURL: c.TLS.ACMEDirectory})
	}
	local := tlscert.LocalOptions{Dir: filepath.Join(c.DataDir, "tls"), Now: o.Now, Log: o.Log}
	for _, name := range c.Hostnames() {
		if ip, err := netip.ParseAddr(name); err == nil {
			local.IPs = append(local.IPs, ip.AsSlice())
		} else {
			local.Names = append(local.Names, name)
		}
	}
	return tlscert.Local(local)
}

// redirect listens on port 80 when the server is on port 443. It redirects browsers to the public address and answers
// the challenges of an ACME authority. When it may not listen there, it does nothing. The caller calls stop.
func (s *Server) redirect(ctx context.Context, certs *tlscert.Source) (stop func()) {
	host, port, err := net.SplitHostPort(s.Config.Listen)
	if err != nil || port != "443" {
		return func() {}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, "80"))
	if err != nil {
		s.Log.Info("port 80 is not served; people must type https", "error", err)
		return func() {}
	}
	front := s.front(context.WithoutCancel(ctx), Listen{})
	front.Handler = certs.HTTPHandler(redirector(s.Config.PublicURL))
	go func() {
		if err := front.Serve(s.limiter.Listen(l)); !errors.Is(err, http.ErrServerClosed) {
			s.Log.Warn("port 80 is not served any more", "error", err)
		}
	}()
	return func() { _ = front.Close() } // without draining: a redirect takes no time
}

// onlyProxies refuses plain HTTP from every address that is not one of the trusted proxies. Health probes are answered.
func onlyProxies(trusted []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err == nil && r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			known := false
			for _, network := range trusted {
				known = known || network.Contains(peer.Addr().Unmap())
			}
			if !known {
				plain(w, http.StatusForbidden, "Use https.\n")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
