package reply

import (
	"net/http"
	"net/url"
	"strings"
)

// Origin is where this request came to, for addresses in its answer. The name was found to be one of ours
// before any door sees it (AC-044). A plain connection is a proxy's, except in a demo whose public address is plain.
func Origin(r *http.Request, publicURL string) string {
	if u, err := url.Parse(publicURL); err == nil && r.TLS == nil && u.Scheme == "http" && strings.EqualFold(u.Host, r.Host) {
		return publicURL
	}
	return "https://" + r.Host
}
