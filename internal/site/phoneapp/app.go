// Package phoneapp serves the phone app, a web app that can be installed. It keeps its key in the browser and makes
// passcodes without a connection. The app itself is in assets/ and talks to the server by the phone protocol. This side
// serves the page with its texts (the shell), the manifest, the service worker, and the landing page of pairing links.
// Opening any of these addresses changes nothing on the server.
package phoneapp

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"countersign/internal/base/message"
	"countersign/internal/site/web"
)

//go:embed assets/*.js assets/*.css
var assets embed.FS

//go:embed app.html
var shellText string

var shellTemplate = template.Must(template.New("app").Parse(shellText))

// policy is the Content-Security-Policy of every answer here. Nothing is inline and nothing comes from another host. The
// worker and blob: URLs for the camera's picture are allowed.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; " +
	"connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// code is the form of a pairing code in an address.
var code = regexp.MustCompile(`^[A-Za-z0-9_-]{4,128}$`)

// App serves the app. It is safe for concurrent use.
type App struct {
	Organisation func() string // name that is shown when a phone pairs; nil: none

	files   map[string]file // below /app/, by name
	version string          // hash over all files and texts; a new one makes browsers replace their cache
	worker  []byte          // sw.js with its list of files
}

// file is one static file.
type file struct {
	body []byte
	kind string // media type; "": not served
	tag  string // ETag
}

// Route is one address: the method, the pattern of net/http.ServeMux without it, and what the route does.
type Route struct {
	Method  string
	Pattern string
	Name    string
}

// kinds are the media types by extension. Other files are not served.
var kinds = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png"}

// icons are the files of site/web that the app uses too.
var icons = []string{"favicon.svg", "icon-192.png", "icon-512.png", "icon-maskable-512.png", "apple-touch-icon.png"}

// New reads the embedded files and builds the worker. organization may be nil.
func New(organization func() string) (*App, error) {
	a := &App{Organisation: organization, files: map[string]file{}}
	if err := a.take(assets, "assets", "", "*"); err != nil {
		return nil, err
	}
	if err := a.take(web.Static(), ".", "", "tokens.css"); err != nil {
		return nil, err
	}
	for _, icon := range icons {
		if err := a.take(web.Static(), ".", "icons/", icon); err != nil {
			return nil, err
		}
	}
	// The version covers everything that the worker keeps: the page, the files and the texts.
	whole := sha256.New()
	whole.Write([]byte(shellText))
	var shell []string
	for _, name := range a.names() {
		fmt.Fprintf(whole, "%s %s\n", name, a.files[name].tag)
		shell = append(shell, "/app/"+name)
	}
	texts, err := json.Marshal(message.English().Under("phoneapp."))
	if err != nil {
		return nil, err
	}
	whole.Write(texts)
	a.version = hex.EncodeToString(whole.Sum(nil))[:16]
	list, err := json.Marshal(append([]string{"/app/"}, shell...))
	if err != nil {
		return nil, err
	}
	a.worker = fmt.Appendf(nil, "const VERSION = %q;\nconst ASSETS = %s;\n%s", a.version, list, a.files["sw.js"].body)
	return a, nil
}

// take adds the files of a folder that match a pattern, under their names with prefix. It is an error if there is none.
func (a *App) take(fsys fs.FS, dir, prefix, pattern string) error {
	names, err := fs.Glob(fsys, path.Join(dir, pattern))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("phone app: no file %s", pattern)
	}
	for _, name := range names {
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		a.files[prefix+path.Base(name)] = file{body, kinds[path.Ext(name)], `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return nil
}

// names lists the files that the worker keeps, sorted. The worker itself is not among them.
func (a *App) names() []string {
	var names []string
	for name := range a.files {
		if name != "sw.js" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// routes are all addresses. /a/{code} is the address in a pairing link and its QR code.
var routes = []struct {
	Route
	serve func(*App, http.ResponseWriter, *http.Request)
}{
	{Route{"GET", "/app/{$}", "phone app"}, (*App).shell},
	{Route{"GET", "/app/manifest.webmanifest", "phone app: manifest"}, (*App).manifest},
	{Route{"GET", "/app/sw.js", "phone app: worker"}, (*App).serveWorker},
	{Route{"GET", "/app/{file...}", "phone app: files"}, (*App).file},
	{Route{"GET", "/a/{$}", "pairing: type the code"}, (*App).shell},
	{Route{"GET", "/a/{code}", "pairing: landing of a link"}, (*App).shell},
}

// Routes lists the addresses in the order of routes.
func (a *App) Routes() []Route {
	var list []Route
	for _, r := range routes {
		list = append(list, r.Route)
	}
	return list
}

// Handler serves all routes, and redirects /app and /a to their folders.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.Method+" "+r.Pattern, func(w http.ResponseWriter, req *http.Request) { r.serve(a, w, req) })
	}
	mux.Handle("GET /app", http.RedirectHandler("/app/", http.StatusSeeOther))
	mux.Handle("GET /a", http.RedirectHandler("/a/", http.StatusSeeOther))
	return mux
}

// headers sets the headers of every answer. The browser asks for a file again each time, but the worker keeps them all.
func headers(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Permissions-Policy", "camera=(self), microphone=(), geolocation=()")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-cache")
}

// page is the data of app.html. Data goes into the page as JSON.
type page struct {
	Lang, Dir, Manifest string
	T                   struct{ Name, Skip, Loading, NoScript string }
	Data                data
}

// data is what the scripts read from the page.
type data struct {
	Texts        map[string]string `json:"texts"`
	Organisation string            `json:"organisation"`
	Version      string            `json:"version"`
}

// shell serves the one page of the app. The scripts choose the screen by the address. A page with a pairing code in its
// address is not stored in any cache.
func (a *App) shell(w http.ResponseWriter, r *http.Request) {
	pairing := r.PathValue("code")
	if pairing == "" {
		pairing = r.URL.Query().Get("p")
	}
	m := message.For(r.Header.Get("Accept-Language"))
	p := page{Lang: m.Lang, Dir: m.Dir, Manifest: "/app/manifest.webmanifest",
		Data: data{Texts: m.Under("phoneapp."), Version: a.version}}
	if code.MatchString(pairing) {
		p.Manifest += "?p=" + pairing
	}
	if a.Organisation != nil {
		p.Data.Organisation = a.Organisation()
	}
	p.T.Name, p.T.Skip = m.Text("phoneapp.name"), m.Text("phoneapp.skip")
	p.T.Loading, p.T.NoScript = m.Text("phoneapp.loading"), m.Text("phoneapp.noscript")
	var b bytes.Buffer
	if err := shellTemplate.Execute(&b, p); err != nil {
		http.Error(w, m.Text("error.internal"), http.StatusInternalServerError)
		return
	}
	headers(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Vary", "Accept-Language")
	if r.PathValue("code") != "" || r.URL.Query().Has("p") {
		w.Header().Set("Cache-Control", "no-store")
	}
	w.Write(b.Bytes())
}

// manifest serves the web app manifest (W3C). Its id is always the same, so there is one app. A pairing link adds its code
// to start_url, so that the icon which an iPhone puts on its home screen continues the pairing.
func (a *App) manifest(w http.ResponseWriter, r *http.Request) {
	m := message.For(r.Header.Get("Accept-Language"))
	start := "/app/"
	if p := r.URL.Query().Get("p"); code.MatchString(p) {
		start += "?p=" + p
		w.Header().Set("Cache-Control", "no-store") // the code must not stay in a cache
	}
	type icon struct {
		Src     string `json:"src"`
		Sizes   string `json:"sizes"`
		Type    string `json:"type"`
		Purpose string `json:"purpose"`
	}
	raw, err := json.Marshal(struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		ShortName   string `json:"short_name"`
		Description string `json:"description"`
		Lang        string `json:"lang"`
		Dir         string `json:"dir"`
		StartURL    string `json:"start_url"`
		Scope       string `json:"scope"`
		Display     string `json:"display"`
		Background  string `json:"background_color"`
		Theme       string `json:"theme_color"`
		Icons       []icon `json:"icons"`
	}{"/app/", m.Text("phoneapp.name"), m.Text("phoneapp.short_name"), m.Text("phoneapp.description"), m.Lang, m.Dir, start, "/app/", "standalone", "#f6f7f9", "#f6f7f9",
		[]icon{{"/app/icons/icon-192.png", "192x192", "image/png", "any"}, {"/app/icons/icon-512.png", "512x512", "image/png", "any"},
			{"/app/icons/icon-maskable-512.png", "512x512", "image/png", "maskable"}, {"/app/icons/favicon.svg", "any", "image/svg+xml", "any"}}})
	if err != nil {
		http.Error(w, m.Text("error.internal"), http.StatusInternalServerError)
		return
	}
	cache := w.Header().Get("Cache-Control") // headers replaces it
	headers(w)
	if cache != "" {
		w.Header().Set("Cache-Control", cache)
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	w.Write(raw)
}

// serveWorker serves the service worker. Its text changes with the version, by which browsers notice an update.
func (a *App) serveWorker(w http.ResponseWriter, _ *http.Request) {
	headers(w)
	w.Header().Set("Content-Type", kinds[".js"])
	w.Write(a.worker)
}

// file serves one static file, or 304 when the browser has it.
func (a *App) file(w http.ResponseWriter, r *http.Request) {
	f, ok := a.files[r.PathValue("file")]
	if !ok || f.kind == "" {
		http.NotFound(w, r)
		return
	}
	headers(w)
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("ETag", f.tag)
	if strings.Contains(r.Header.Get("If-None-Match"), f.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(f.body)
}
