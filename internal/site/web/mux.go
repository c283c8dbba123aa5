package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"countersign/internal/base/errs"
)

// Route is one address of a site: the method, the pattern of net/http.ServeMux without it, and what the route does.
type Route struct{ Method, Pattern, Name string }

// Mux is the router of a site. It also lists its routes.
type Mux struct {
	site   *Site
	mux    *http.ServeMux
	routes []Route
}

// Mux makes a router without routes.
func (s *Site) Mux() *Mux { return &Mux{site: s, mux: http.NewServeMux()} }

// Add serves route with h, through the site's funnel. It panics when the pattern is invalid or taken.
func (m *Mux) Add(route Route, h Handler) {
	m.routes = append(m.routes, route)
	m.mux.Handle(route.Method+" "+route.Pattern, m.site.Handle(h))
}

// Serve serves a request with what was found for it: a sign-in, a session.
type Serve[V any] func(found V, w http.ResponseWriter, r *http.Request) error

// Below is one address below others.
type Below[V any] struct {
	Route
	Serve Serve[V]
}

// Get is an address that shows something.
func Get[V any](pattern, name string, serve Serve[V]) Below[V] {
	return Below[V]{Route{http.MethodGet, pattern, name}, serve}
}

// Post is an address that changes something.
func Post[V any](pattern, name string, serve Serve[V]) Below[V] {
	return Below[V]{Route{http.MethodPost, pattern, name}, serve}
}

// Mount serves lists of addresses below one. with finds what a request is about, serves it, and does what follows from
// an error.
func Mount[V any](m *Mux, below string, with func(Serve[V]) Handler, lists ...[]Below[V]) {
	for _, list := range lists {
		for _, b := range list {
			m.Add(Route{Method: b.Method, Pattern: below + b.Pattern, Name: b.Name}, with(b.Serve))
		}
	}
}

// Routes lists the addresses in the order they were added.
func (m *Mux) Routes() []Route { return m.routes }

var (
	errUnknown = errs.New(errs.NotFound, "page.unknown")
	errMethod  = errs.New(errs.Invalid, "method")
)

// ServeHTTP serves the route of the request. Where there is none it writes a message page: 404, or 405 with Allow.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, pattern := m.mux.Handler(r)
	if pattern != "" {
		m.mux.ServeHTTP(w, r)
		return
	}
	probe := headOnly{header: http.Header{}} // only the standard library's own answer says which methods exist
	h.ServeHTTP(&probe, r)
	if probe.code == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		m.site.Refuse(errMethod).ServeHTTP(w, r)
		return
	}
	m.site.Refuse(errUnknown).ServeHTTP(w, r)
}

// headOnly is a ResponseWriter that keeps status and header and drops the body.
type headOnly struct {
	header http.Header
	code   int
}

func (h *headOnly) Header() http.Header         { return h.header }
func (h *headOnly) Write(b []byte) (int, error) { return len(b), nil }
func (h *headOnly) WriteHeader(code int)        { h.code = code }

// Move sends the browser on to an address, with a GET. A script that posted a form gets the address as JSON and goes there
// itself: a redirect after a form is held against the page's form-action, hop by hop, and the application may have hops of
// its own.
func Move(w http.ResponseWriter, r *http.Request, path string) error {
	if r.Method == http.MethodPost && r.Header.Get("X-Requested-With") == "countersign" {
		return JSON(w, struct {
			Next string `json:"next"`
		}{path})
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

// JSON answers a script with the JSON of body and status 200.
func JSON(w http.ResponseWriter, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(body)
}

// Nothing answers a script that waits for no answer.
func Nothing(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Hold returns the context of a long poll: that of r, which ends after longest, or after 25 seconds when longest is 0.
func Hold(r *http.Request, longest time.Duration) (context.Context, context.CancelFunc) {
	if longest == 0 {
		longest = 25 * time.Second
	}
	return context.WithTimeout(r.Context(), longest)
}
