package webpush

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
)

// services are the push services of the common browsers: Chrome and Edge on Android (FCM), Firefox, Safari, and
// Edge on Windows.
var services = []string{
	"fcm.googleapis.com",
	"updates.push.services.mozilla.com",
	"*.push.apple.com",
	"*.notify.windows.com",
}

// CheckEndpoint implements flow.Doorbell: it returns ErrEndpoint when endpoint may not be registered. It must be
// an https URL on port 443 of a well-known push service, without user, fragment or a number as its host, or be
// one of AllowHosts. No name is looked up here. The addresses of a name are checked when it is dialed, because
// they change.
func (d *Doorbell) CheckEndpoint(endpoint string) error {
	if len(endpoint) > 1024 || strings.ContainsFunc(endpoint, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return ErrEndpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Opaque != "" || u.User != nil || u.Fragment != "" || u.Host == "" || strings.HasSuffix(endpoint, "#") {
		return ErrEndpoint
	}
	if d.exception(u) {
		return nil
	}
	host := strings.ToLower(u.Hostname())
	if u.Scheme != "https" || (u.Port() != "" && u.Port() != "443") || strings.HasSuffix(u.Host, ":") {
		return ErrEndpoint
	}
	if !plainName(host) || slices.ContainsFunc(d.OwnHosts, func(own string) bool { return strings.EqualFold(hostname(own), host) }) {
		return ErrEndpoint
	}
	if !slices.ContainsFunc(services, func(pattern string) bool { return matches(pattern, host) }) {
		return ErrEndpoint
	}
	return nil
}

func (d *Doorbell) exception(u *url.URL) bool {
	return (u.Scheme == "https" || u.Scheme == "http") && d.allowed(dialAddress(u))
}

func (d *Doorbell) allowed(address string) bool {
	return slices.ContainsFunc(d.AllowHosts, func(a string) bool { return strings.EqualFold(a, address) })
}

// dialAddress returns host:port as the transport dials it.
func dialAddress(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func hostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return dialAddress(u)
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// plainName accepts DNS names of at least two labels. The last label must not begin with a digit, because
// resolvers and C libraries read several notations as addresses (127.1, 0x7f.1, 2130706433, 017700000001).
func plainName(host string) bool {
	labels := strings.Split(host, ".")
	if len(host) > 253 || len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
			return false
		}
	}
	last := labels[len(labels)-1]
	return last[0] > '9' && last != "localhost" && last != "local" && last != "internal"
}

// matches compares host with one pattern, in which "*." stands for one or more labels.
func matches(pattern, host string) bool {
	if suffix, wild := strings.CutPrefix(pattern, "*"); wild {
		return strings.HasSuffix(host, suffix) && len(host) > len(suffix)
	}
	return pattern == host
}

// httpClient returns the one client, which connects through dial only.
func (d *Doorbell) httpClient() *http.Client {
	d.once.Do(func() {
		d.client = &http.Client{
			Timeout: totalTimeout,
			// A redirect is never followed: its target is unchecked.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy:                  nil, // also not from the environment: a proxy would dial without the checks
				DialContext:            d.dial,
				TLSClientConfig:        &tls.Config{RootCAs: d.RootCAs, MinVersion: tls.VersionTLS12},
				TLSHandshakeTimeout:    connectTimeout,
				ForceAttemptHTTP2:      true,
				MaxConnsPerHost:        maxPerHost,
				MaxIdleConns:           32,
				IdleConnTimeout:        connectTimeout * 12,
				MaxResponseHeaderBytes: maxAnswer,
				DisableCompression:     true,
			},
		}
	})
	return d.client
}

// dial looks the name up itself, checks every address it finds, and connects to a checked address. So no second
// look-up can return another address.
func (d *Doorbell) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if d.allowed(address) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || port != "443" {
		return nil, ErrEndpoint
	}
	resolve := d.Resolve
	if resolve == nil {
		resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	found, err := resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	own := ownAddresses()
	for _, addr := range found {
		if !public(addr) || slices.Contains(own, addr.Unmap()) {
			return nil, ErrEndpoint // no push service has such an address, so the others are not trusted either
		}
	}
	dialer := &net.Dialer{Control: controlPublic}
	err = &net.DNSError{Err: "no addresses", Name: host}
	for _, addr := range found {
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, network, netip.AddrPortFrom(addr.Unmap(), 443).String()); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// controlPublic checks once more, just before connect(2), the address that the kernel gets.
func controlPublic(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !public(to.Addr()) || to.Port() != 443 {
		return ErrEndpoint
	}
	return nil
}

// ownAddresses returns the addresses of this machine, the public ones included.
func ownAddresses() []netip.Addr {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var own []netip.Addr
	for _, address := range interfaces {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil {
			own = append(own, prefix.Addr().Unmap())
		}
	}
	return own
}
