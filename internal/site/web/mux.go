package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"countersign/internal/base/errs"
)

// Route is one address of a set of pages.
type Route struct{ Method, Pattern, Name string }

// Mux serves a set of pages, and remembers their addresses.
type Mux struct {
	site   *Site
	mux    *http.ServeMux
	routes []Route
}

// Mux makes an empty one.
func (s *Site) Mux() *Mux { return &Mux{site: s, mux: http.NewServeMux()} }

// Add serves route with h.
func (m *Mux) Add(route Route, h Handler) {
	m.routes = append(m.routes, route)
	m.mux.Handle(route.Method+" "+route.Pattern, m.site.Handle(h))
}

// Routes lists the addresses in the order they were added.
func (m *Mux) Routes() []Route { return m.routes }

var (
	errUnknown = errs.New(errs.NotFound, "page.unknown")
	errMethod  = errs.New(errs.Invalid, "method")
)

// ServeHTTP serves the page of the address, or a message page: 404, or 405 with Allow.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, pattern := m.mux.Handler(r)
	if pattern != "" {
		m.mux.ServeHTTP(w, r)
		return
	}
	probe := headOnly{header: http.Header{}} // which methods there are, the standard library tells in its answer alone
	h.ServeHTTP(&probe, r)
	if probe.code == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		m.site.Refuse(errMethod).ServeHTTP(w, r)
		return
	}
	m.site.Refuse(errUnknown).ServeHTTP(w, r)
}

// headOnly is an answer of which only the head is wanted.
type headOnly struct {
	header http.Header
	code   int
}

func (h *headOnly) Header() http.Header         { return h.header }
func (h *headOnly) Write(b []byte) (int, error) { return len(b), nil }
func (h *headOnly) WriteHeader(code int)        { h.code = code }

// Move sends the browser on to a path, with a GET.
func Move(w http.ResponseWriter, r *http.Request, path string) error {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

// JSON answers a script.
func JSON(w http.ResponseWriter, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(body)
}

// Hold bounds a request that waits for news: by longest, or, where it is 0, by the usual time.
func Hold(r *http.Request, longest time.Duration) (context.Context, context.CancelFunc) {
	if longest == 0 {
		longest = 25 * time.Second
	}
	return context.WithTimeout(r.Context(), longest)
}
