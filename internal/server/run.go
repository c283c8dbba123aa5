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

// Run opens an instance and serves it on the configured address until ctx ends. A wrong configuration, key or
// database ends it. While the database is merely away or takes its time to open, or an empty one is in its place, it listens and says so, and
// tries on: a host that cannot reach anybody lets its people in (security 0, AC-020).
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
		return nil // end says why
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
	defer main.Listener.Close()                                                   // nothing, when it was served
	if err := w.bridge(ctx, main); err != nil || ctx.Err() != nil || w.s == nil { // end says why
		return err
	}
	if certs != nil {
		defer w.s.redirect(ctx, certs)()
	}
	o.Log.Info("serving", "listen", main.Listener.Addr().String(), "public_url", c.PublicURL, "tls", c.TLS.Mode, "database", c.DatabaseName(),
		"connections", w.s.limiter.Places, "open_files", listener.Files())
	return w.s.Serve(ctx, main)
}

// Why an address cannot be listened on; argument "address".
var (
	errAddressUsed   = errs.New(errs.Conflict, "server.address_used")
	errAddressDenied = errs.New(errs.Forbidden, "server.address_denied")
	errAddressWrong  = errs.New(errs.Invalid, "server.address_wrong")
)

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

// Certificates is where the configuration takes its certificate from; not for proxy mode.
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

// redirect sends visitors of port 80 to the public address when the server is on port 443, and
// answers an ACME authority there. Without a right to port 80 it does nothing. It gives the way
// to stop it.
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
	return func() { _ = front.Close() } // nobody waits for a redirect
}

// onlyProxies lets nobody but the trusted proxies speak plain HTTP to a server that is behind one.
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
