package web

import (
	"net/http"
	"net/netip"
	"strings"
)

// ClientIP is the address the request comes from: the connection's peer, or, when the peer is a
// trusted proxy, the right-most address of X-Forwarded-For that is not one. Anything malformed
// on the way gives the connection's peer, never "no address" (AC-045). An unreadable peer (a
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

// address reads an IP address with or without port and brackets; a zone is refused.
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
