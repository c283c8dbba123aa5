package web

import (
	"context"
	"net/http"
	"strings"
)

// HeaderOptions choose what Headers sends in addition to the fixed set.
type HeaderOptions struct {
	HSTS bool // Strict-Transport-Security (RFC 6797) for two years; only when the site will always have TLS
}

// Headers sets the security headers of every answer. Pages replace the content policy with one that names their form
// targets. Every other answer keeps the strict default.
func Headers(o HeaderOptions, next http.Handler) http.Handler {
	policy := Policy()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-store") // static files replace it
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// No referrer goes to other origins. It is not "no-referrer", because then browsers without Sec-Fetch-Site send
		// "Origin: null" with a form, which SameOrigin refuses.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", permissions(r.URL.Path))
		if o.HSTS {
			h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

// permissions is the Permissions-Policy of a path. Only the phone app may use the camera, to scan a pairing code.
func permissions(path string) string {
	camera := "camera=()"
	if strings.HasPrefix(path, "/app/") {
		camera = "camera=(self)"
	}
	return camera + ", microphone=(), geolocation=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)"
}

// Policy returns the Content-Security-Policy of a page. Chromium applies form-action to every redirect after a form, so
// a page whose form leads to the application names the application's origin in targets. A target that is not a plain http
// or https origin is left out.
func Policy(targets ...string) string { return policy("'none'", targets) }

func policy(ancestors string, targets []string) string {
	var b strings.Builder
	b.WriteString("default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"manifest-src 'self'; worker-src 'self'; base-uri 'none'; frame-ancestors " + ancestors + "; form-action 'self'")
	for _, t := range targets {
		if origin(t) {
			b.WriteString(" " + t)
		}
	}
	return b.String()
}

type ancestorKey struct{}

// Embed allows the pages of one origin, and of no other, to show this answer in a frame (AC-047). It sets the headers now
// and returns the request with which a page must be written to keep them. An ancestor that is not a plain
// scheme://host[:port] allows nobody.
func Embed(w http.ResponseWriter, r *http.Request, ancestor string) *http.Request {
	if !origin(ancestor) {
		return r
	}
	h := w.Header()
	h.Del("X-Frame-Options") // it cannot name an origin
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Content-Security-Policy", policy(ancestor, nil))
	return r.WithContext(context.WithValue(r.Context(), ancestorKey{}, ancestor))
}

// policyOf is Policy for an answer to r, which Embed may have allowed in a frame.
func policyOf(r *http.Request, targets []string) string {
	if ancestor, ok := r.Context().Value(ancestorKey{}).(string); ok {
		return policy(ancestor, targets)
	}
	return Policy(targets...)
}

// origin reports whether t is http(s)://host[:port], without a character that could end the directive.
func origin(t string) bool {
	rest, ok := strings.CutPrefix(t, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(t, "http://")
	}
	return ok && rest != "" && !strings.ContainsAny(rest, "/?#;,'\" \t\r\n*@")
}
