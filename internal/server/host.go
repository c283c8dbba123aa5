package server

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"countersign/internal/api/reply"
)

// hostNames are those this instance answers to, in lower case, each as host:port and, where the
// port is the scheme's own, also without it.
type hostNames struct {
	publicURL string
	names     map[string]bool
	portless  map[string]string // API hosts without their port, and with it
	elsewhere map[string]bool   // pages asked for under these are sent on to publicURL
}

// newHostNames takes the public address, further names for programs ("api.example.edu",
// "localhost:8443") and names to be sent on from.
func newHostNames(publicURL string, apiHosts, elsewhere []string) *hostNames {
	h := &hostNames{publicURL: publicURL, names: map[string]bool{}, portless: map[string]string{}, elsewhere: map[string]bool{}}
	port := "443"
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		if u.Scheme == "http" {
			port = "80"
		}
		h.add(u.Host, port)
	}
	for _, name := range apiHosts {
		h.add(name, "443")
	}
	for _, name := range apiHosts {
		name = strings.ToLower(name)
		if bare, _, err := net.SplitHostPort(name); err == nil && !strings.Contains(bare, ":") && !h.names[bare] && h.portless[bare] == "" {
			h.portless[bare] = name
		}
	}
	for _, name := range elsewhere {
		if !h.names[name] {
			h.elsewhere[name] = true
		}
	}
	return h
}

func (h *hostNames) add(name, standard string) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" {
		return
	}
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		h.names[name] = true
		h.names[net.JoinHostPort(strings.Trim(name, "[]"), standard)] = true
		return
	}
	h.names[net.JoinHostPort(host, port)] = true
	if port == standard {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		h.names[host] = true
	}
}

// guard answers 421 to a request for any other name, so that no page or mail ever carries a name
// a stranger chose (AC-044). Health checks come from machines that know an address only. Some clients and
// proxies leave the port of an API host out (WIRE-3): to everybody behind, it was there.
func (h *hostNames) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.elsewhere[r.Host] && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			http.Redirect(w, r, h.publicURL+onward(r), http.StatusTemporaryRedirect)
			return
		}
		if full := h.portless[strings.ToLower(r.Host)]; full != "" {
			r = r.WithContext(r.Context()) // a copy
			r.Host = full
		}
		if !h.names[r.Host] && !h.names[strings.ToLower(r.Host)] && r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			if meansProgram(r) {
				reply.Fail(w, reply.ErrHost)
				return
			}
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusMisdirectedRequest)
			_, _ = w.Write([]byte("This server does not answer to that name.\n")) // a visitor who left is no error
			return
		}
		next.ServeHTTP(w, r)
	})
}

// onward returns path and query of a request for a redirect to another address. A request line without a path, which no
// browser sends, becomes "/": its text would otherwise become part of the host.
func onward(r *http.Request) string {
	if at := r.URL.RequestURI(); strings.HasPrefix(at, "/") {
		return at
	}
	return "/"
}
