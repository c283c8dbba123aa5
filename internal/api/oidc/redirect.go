package oidc

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"countersign/internal/domain/application"
)

const maxRedirect = 1024 // bytes

// ours in the query of the way back; an application's own query must not hold them.
var reserved = []string{"state", "code", "duo_code", "error", "error_description"}

// returnable reports whether a browser may be sent to an address that came in a signed request
// (RULE-27, AC-015): https, or http to this very machine; exactly one of the application's
// addresses when it lists any. Only one spelling of an address is taken, so that nobody reads
// it differently from us: plain ASCII, no user part, no fragment, no encoded or odd host.
func returnable(address string, app application.Application) bool {
	if !wellFormed(address) {
		return false
	}
	if len(app.RedirectURIs) == 0 {
		return true
	}
	for _, listed := range app.RedirectURIs {
		if listed == address {
			return true
		}
	}
	return false
}

func wellFormed(address string) bool {
	if len(address) == 0 || len(address) > maxRedirect {
		return false
	}
	for i := 0; i < len(address); i++ {
		if c := address[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\\#\"<>^`{|}", c) >= 0 {
			return false
		}
	}
	rest, secure := strings.CutPrefix(address, "https://")
	if !secure {
		var ok bool
		if rest, ok = strings.CutPrefix(address, "http://"); !ok {
			return false
		}
	}
	authority := rest
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		authority = rest[:end]
	}
	host, ok := splitAuthority(authority)
	if !ok || !secure && !loopback(host) {
		return false
	}
	u, err := url.Parse(address)
	if err != nil || u.Host != authority || u.User != nil || u.Opaque != "" {
		return false
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return false
	}
	for _, name := range reserved {
		if q.Has(name) {
			return false
		}
	}
	return true
}

// splitAuthority takes host and port apart and refuses anything that is not a name of letters,
// digits, hyphens and dots, an IPv4 address in four decimals, or a bracketed IPv6 address.
func splitAuthority(authority string) (host string, ok bool) {
	host = authority
	if strings.HasPrefix(authority, "[") {
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return "", false
		}
		a, err := netip.ParseAddr(authority[1:end])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", false
		}
		rest := authority[end+1:]
		return authority[1:end], rest == "" || rest[0] == ':' && port(rest[1:])
	}
	if colon := strings.IndexByte(authority, ':'); colon >= 0 {
		if !port(authority[colon+1:]) {
			return "", false
		}
		host = authority[:colon]
	}
	if host == "" || len(host) > 253 {
		return "", false
	}
	last := ""
	for _, label := range strings.Split(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", false
		}
		for i := 0; i < len(label); i++ {
			c := label[i]
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "", false
			}
		}
		last = label
	}
	if last[0] >= '0' && last[0] <= '9' { // browsers read such hosts as IPv4, in many spellings
		a, err := netip.ParseAddr(host)
		return host, err == nil && a.Is4()
	}
	return host, true
}

func port(s string) bool {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return false
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// withQuery adds name, value pairs to an address and keeps the query it has.
func withQuery(address string, pairs ...string) string {
	var b strings.Builder
	b.WriteString(address)
	sep := byte('?')
	if strings.IndexByte(address, '?') >= 0 {
		sep = '&'
		if strings.HasSuffix(address, "?") || strings.HasSuffix(address, "&") {
			sep = 0
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if sep != 0 {
			b.WriteByte(sep)
		}
		sep = '&'
		b.WriteString(pairs[i])
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}
