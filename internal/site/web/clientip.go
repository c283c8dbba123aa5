package web

import (
	"net/http"
	"net/netip"
	"strings"
)

// ClientIP returns the address that a request comes from. That is the peer of the connection or, when the peer is a
// trusted proxy, the right-most address in X-Forwarded-For that is not a trusted proxy. When that header is malformed
// before such an address is found, the result is the peer, never "no address" (AC-045). A peer without an address (a
// unix socket) is the zero Addr.
func ClientIP(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, ok := address(r.RemoteAddr)
	if !ok || !within(peer, trusted) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	client := peer
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := address(strings.TrimSpace(hops[i]))
		if !ok {
			return peer
		}
		if client = hop; !within(hop, trusted) {
			return hop
		}
	}
	return client
}

// address reads an IP address, with or without port and brackets. It refuses an address with a zone.
func address(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		a = withPort.Addr()
	}
	if a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
