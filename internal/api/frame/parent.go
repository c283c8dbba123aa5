package frame

import (
	"net"
	"net/url"
	"strings"

	"countersign/internal/domain/audit"
)

// framer says whose page may frame a sign-in: the origin of the page the client names, when the application lists
// no host names, or when its host is one of them (RULE-28). A listed host means its https pages: anybody on the
// way can put a page of any host together over http. An application that is on http says so with port 80; on loopback
// http is as good, as for redirects (RULE-27). A Referer, when the browser sent one, must be of the same origin.
// reason is the log's, "" when the origin is good.
func framer(parent, referer string, hosts []string) (origin, reason string) {
	if parent == "" {
		return "", audit.NoReferrer
	}
	origin, ok := originOf(parent)
	if !ok {
		return "", audit.InvalidReferrer
	}
	if referer != "" {
		if from, ok := originOf(referer); !ok || from != origin {
			return "", audit.InvalidReferrer
		}
	}
	if len(hosts) == 0 {
		return origin, ""
	}
	u, err := url.Parse(origin)
	if err != nil {
		return "", audit.InvalidReferrer
	}
	for _, h := range hosts {
		if listed(u, strings.ToLower(h)) {
			return origin, ""
		}
	}
	return "", audit.InvalidReferrer
}

func listed(u *url.URL, host string) bool {
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return u.Port() == "" && host == u.Host+":80"
	}
	return host == u.Host || host == u.Hostname()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// originOf is scheme://host[:port] of an address, as browsers write it. Only what every reader reads alike is
// an origin: http or https, a plain host in ASCII, no user part. What follows may be anything a page's address holds.
func originOf(address string) (string, bool) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return "", false
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	if len(rest) > 300 || strings.ContainsAny(rest, "\\\t\r\n ") {
		return "", false
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme = strings.ToLower(u.Scheme)
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if scheme != "https" && scheme != "http" || !plainHost(host) || strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	if strings.Contains(host, ":") {
		ip := net.ParseIP(host)
		if ip == nil {
			return "", false
		}
		host = "[" + ip.String() + "]"
	}
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return scheme + "://" + host, true
	}
	return scheme + "://" + host + ":" + port, true
}

func plainHost(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' && c != ':' {
			return false
		}
	}
	return true
}
