package server

import (
	"io/fs"
	"net/http"
	"strings"
	"time"

	"countersign/internal/api/auth"
	"countersign/internal/api/frame"
	"countersign/internal/api/oidc"
	"countersign/internal/api/unix"
	"countersign/internal/base/errs"
	"countersign/internal/site/control"
	framepages "countersign/internal/site/frame"
	"countersign/internal/site/phoneapp"
	"countersign/internal/site/portal"
	"countersign/internal/site/prompt"
	"countersign/internal/site/web"
)

// Route is one address of the program, for `countersign routes` and for tests.
type Route struct {
	Method  string // "" any
	Pattern string // of net/http.ServeMux, without the method
	Name    string // what it does
	Package string // the package that serves it
}

// Group is a part of the program with addresses of its own.
type Group struct {
	At      []string // patterns of the whole program
	Name    string   // the package
	Handler http.Handler
	Routes  []Route
	Browser bool // only browsers come here: writes from other sites are refused (AC-046)
}

// allGroups is the list of them: which path goes where.
func (s *Server) allGroups() ([]Group, error) {
	door := s.oidcDoor()
	pages := s.promptPages(door)
	own := s.portalPages()
	phones := s.phoneDoor()
	frameDoor, framePages := s.frameDoor()
	direct, err := s.authDoor()
	if err != nil {
		return nil, err
	}
	legacy := s.unixDoor()
	legacy.Logo = direct.Logo
	app, err := phoneapp.New(s.organization)
	if err != nil {
		return nil, err
	}
	return []Group{
		{Name: "api/oidc", At: []string{oidc.At}, Handler: door.Handler(), Routes: list(door.Routes())},
		{Name: "api/auth", At: []string{auth.At, auth.QRAt}, Handler: direct.Handler(), Routes: list(direct.Routes())},
		{Name: "api/phone", At: []string{"/phone/v1/"}, Handler: phones.Handler(), Routes: list(phones.Routes())},
		{Name: "api/unix", At: []string{unix.At}, Handler: legacy.Handler(), Routes: list(legacy.Routes())},
		browserGroup("site/prompt", pages.Handler(), prompt.At, "/enroll/", "/enrolled"),
		{Name: "api/frame", At: []string{frame.At}, Handler: frameDoor.Handler(), Routes: list(frameDoor.Routes())},
		browserGroup("site/frame", framePages.Handler(), framepages.At),
		browserGroup("site/portal", own.Handler(), portal.At, portal.At+"/"),
		{Name: "site/phoneapp", At: []string{"/app/", "/app", "/a/", "/a"}, Handler: app.Handler(), Routes: list(app.Routes()), Browser: true},
		{Name: "site/web", At: []string{"/static/"}, Handler: s.Assets, Routes: []Route{{"GET", "/static/{file}", "style sheets, scripts, pictures", ""}}},
		{Name: "server", At: []string{"/healthz"}, Handler: http.HandlerFunc(s.health.alive), Routes: []Route{{"GET", "/healthz", "the process answers", ""}}},
		{Name: "server", At: []string{"/readyz"}, Handler: http.HandlerFunc(s.health.ready), Routes: []Route{{"GET", "/readyz", "it can serve people now", ""}}},
	}, nil
}

func browserGroup(name string, pages *web.Mux, at ...string) Group {
	return Group{Name: name, At: at, Handler: pages, Routes: list(pages.Routes()), Browser: true}
}

// mount builds what all pages share (templates, assets, cookies) and then the router with every group.
func (s *Server) mount(o Options) error {
	folders := append([]fs.FS{control.Files(), prompt.Files(), portal.Files(), framepages.Files()}, o.Files...)
	var err error
	if s.Assets, err = web.NewAssets(append([]fs.FS{web.Static()}, folders...)...); err != nil {
		return err
	}
	zone, err := time.LoadLocation(s.Config.Organization.TimeZone)
	if err != nil {
		return err
	}
	pages, err := web.New(web.Config{Assets: s.Assets, Templates: folders, Now: s.now, Zone: func() *time.Location { return zone }})
	if err != nil {
		return err
	}
	s.cookies = web.Cookies{Plain: strings.HasPrefix(s.Config.PublicURL, "http://")}
	s.Site = &web.Site{Pages: pages, Log: s.Log, Frame: s.frame}

	if s.groups, err = s.allGroups(); err != nil {
		return err
	}
	if o.Groups != nil {
		more, err := o.Groups(s)
		if err != nil {
			return err
		}
		s.groups = append(s.groups, more...)
	}
	s.mux = http.NewServeMux()
	for _, group := range s.groups {
		h := group.Handler
		if group.Browser {
			h = web.SameOrigin(h, s.Site.Refuse(web.ErrForeignForm))
		}
		for _, at := range group.At {
			s.mux.Handle(at, h)
		}
	}
	s.mux.Handle("/", s.Site.Refuse(errs.New(errs.NotFound, "page.unknown")))
	return nil
}

// Routes lists every address, one group after the other.
func (s *Server) Routes() []Route {
	var all []Route
	for _, group := range s.groups {
		for _, r := range group.Routes {
			r.Package = group.Name
			all = append(all, r)
		}
	}
	return all
}

// list converts the routes of a package. Each package has a route type of its own, with the same fields.
func list[R ~struct{ Method, Pattern, Name string }](own []R) []Route {
	all := make([]Route, len(own))
	for i, r := range own {
		one := struct{ Method, Pattern, Name string }(r)
		all[i] = Route{Method: one.Method, Pattern: one.Pattern, Name: one.Name}
	}
	return all
}
