package oidc

import "strings"

// ours reports whether host is one of the names under which clients call. Clients sign what
// they were configured with: with or without port, with or without ":443", in any case
// (WIRE-3, WIRE-4).
func (d *Door) ours(host string) bool {
	for _, h := range d.APIHosts {
		if sameHost(h, host) {
			return true
		}
	}
	return false
}

// sameHost compares a configured host with one that was presented. A presented name without
// port stands for the configured port.
func sameHost(configured, presented string) bool {
	if presented == "" {
		return false
	}
	configured = strings.TrimSuffix(strings.ToLower(configured), ":443")
	presented = strings.TrimSuffix(strings.ToLower(presented), ":443")
	if configured == presented {
		return true
	}
	return presented == bare(presented) && presented == bare(configured)
}

// bare is the host without its port, IPv6 brackets kept.
func bare(host string) string {
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || strings.IndexByte(host[colon:], ']') >= 0 {
		return host
	}
	return host[:colon]
}

// at takes the host out of an address of ours: https://HOST + path. False when the address is
// another's.
func (d *Door) at(address, path string) (host string, ok bool) {
	rest, ok := strings.CutPrefix(address, "https://")
	if !ok {
		return "", false
	}
	host, ok = strings.CutSuffix(rest, path)
	if !ok || strings.IndexByte(host, '/') >= 0 {
		return "", false
	}
	return host, d.ours(host)
}
