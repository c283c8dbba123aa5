package web

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"countersign/internal/base/message"
)

// Page is what the renderer can show: a struct with a template of its own.
type Page interface {
	// Frame returns what the layout shows around the page.
	Frame(w Words) Frame
}

// Frame is what the layout needs to know about a page.
type Frame struct {
	Screen      string   // name of the screen, in data-screen of <body>, for scripts and browser tests
	Template    string   // name of the page's own template, such as "prompt/push"
	Layout      string   // name of the layout around it; "" means "layout"
	Title       string   // plain text of <title>; the organization's name is added
	Scripts     []string // assets that are loaded as modules, such as "push.js"
	FormTargets []string // other origins to which a form on this page may lead (CSP form-action)
	Wide        bool     // a page with a list instead of the card of 400 px
	Org         Org
	Help        Help
	Theme       string  // "light" or "dark"; "" follows the browser
	Ending      *Ending // nil: the page does not close by itself
	Beside      any     // data for the site's own layout
}

// Org is the organization as pages show it.
type Org struct {
	Name string
}

// Help is the organization's help line at the foot of every page.
type Help struct {
	Text string // such as "IT desk 555-0100"; "" shows no line
}

// Link is a named address on this host.
type Link struct {
	Text string
	Path string
}

// Config is what a Renderer needs.
type Config struct {
	Assets    *Assets
	Templates []fs.FS // folders with *.tmpl files, in addition to the shared ones
	Now       func() time.Time
	Zone      func() *time.Location // the organization's time zone; nil: UTC
}

// Renderer holds the templates of the sites. It is safe for concurrent use.
type Renderer struct {
	cfg  Config
	root *template.Template
	sets sync.Map // *message.Catalogue -> *sets
}

// set is one escaped copy of the templates in one language. Escaping costs more than rendering, so sets are kept. A set
// serves one request at a time: its functions use words, which are those of the request.
type set struct {
	*template.Template
	words Words
}

// New parses the shared templates and those of cfg. The error names a template that does not parse.
func New(cfg Config) (*Renderer, error) {
	p := &Renderer{cfg: cfg}
	root := template.New("").Funcs(p.funcs(&set{}))
	for _, fsys := range append([]fs.FS{shared}, cfg.Templates...) {
		names, err := fs.Glob(fsys, "*.tmpl")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			raw, err := fs.ReadFile(fsys, name)
			if err != nil {
				return nil, err
			}
			if _, err := root.New("file " + name).Parse(string(raw)); err != nil {
				return nil, fmt.Errorf("template %s: %w", name, err)
			}
		}
	}
	p.root = root
	return p, nil
}

// sets are the copies of one language.
type sets struct {
	free chan *set
	made atomic.Int32
}

// take returns a copy that nobody uses. It makes one while there are fewer than processors, else it waits: making one costs
// as much as a hundred pages, and a rush of pages must leave processors to others.
func (s *sets) take(make func() *set) *set {
	select {
	case one := <-s.free:
		return one
	default:
	}
	if int(s.made.Add(1)) <= cap(s.free) {
		return make()
	}
	s.made.Add(-1)
	return <-s.free
}

// setsOf returns the sets of a language.
func (p *Renderer) setsOf(c *message.Catalogue) *sets {
	if known, ok := p.sets.Load(c); ok {
		return known.(*sets)
	}
	known, _ := p.sets.LoadOrStore(c, &sets{free: make(chan *set, max(2, runtime.GOMAXPROCS(0)))})
	return known.(*sets)
}

// escape makes a set of a language.
func (p *Renderer) escape(c *message.Catalogue) *set {
	s := &set{}
	// Clone fails only after a template was executed, and root never is.
	s.Template = template.Must(p.root.Clone()).Funcs(p.funcs(s))
	for _, t := range s.Templates() {
		if t.Tree != nil {
			p.fold(t.Tree.Root, Words{Catalogue: c})
		}
	}
	return s
}

// Words returns the words for a request: the language of its Accept-Language header, the clock and the time zone.
func (p *Renderer) Words(r *http.Request) Words {
	w := Words{Catalogue: message.For(r.Header.Get("Accept-Language")), Now: p.cfg.Now()}
	if p.cfg.Zone != nil {
		w.Zone = p.cfg.Zone()
	}
	return w
}

// Write renders page to a buffer and sends it with status and the page's content policy. When rendering fails, it sends
// nothing and returns the error.
func (p *Renderer) Write(w http.ResponseWriter, r *http.Request, status int, page Page) error {
	words := p.Words(r)
	frame := page.Frame(words)
	html, err := p.Render(words, page)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", words.catalogue().Lang)
	h.Set("Vary", "Accept-Language")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policyOf(r, frame.FormTargets))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = w.Write(html)
	return err
}

// view is the data of the layout.
type view struct {
	Frame
	Lang, Dir string
	Body      template.HTML
}

// Render returns the whole page as HTML.
func (p *Renderer) Render(words Words, page Page) ([]byte, error) {
	return p.RenderAs(words, page, page)
}

// RenderAs is Render with the frame of the page around instead of the page's own, for the storybook.
func (p *Renderer) RenderAs(words Words, around, page Page) ([]byte, error) {
	frame := around.Frame(words)
	if frame.Ending != nil {
		frame.Scripts = append(frame.Scripts[:len(frame.Scripts):len(frame.Scripts)], "ending.js")
	}
	c := words.catalogue()
	sets := p.setsOf(c)
	set := sets.take(func() *set { return p.escape(c) })
	defer func() { sets.free <- set }()
	set.words = words
	var body, whole bytes.Buffer
	if err := set.ExecuteTemplate(&body, frame.Template, page); err != nil {
		return nil, err
	}
	v := view{Frame: frame, Lang: c.Lang, Dir: c.Dir, Body: template.HTML(body.String())} // safe: a template has escaped it
	if err := set.ExecuteTemplate(&whole, cmp.Or(frame.Layout, "layout"), v); err != nil {
		return nil, err
	}
	return whole.Bytes(), nil
}

// funcs are the functions that templates may call. Those that are methods of Words are documented there.
func (p *Renderer) funcs(s *set) template.FuncMap {
	return template.FuncMap{
		"words":   func() Words { return s.words },
		"t":       func(key string, pairs ...any) template.HTML { return s.words.T(key, pairs...) },
		"s":       func(key string, pairs ...any) string { return s.words.S(key, pairs...) },
		"n":       func(key string, n int, pairs ...any) template.HTML { return s.words.N(key, n, pairs...) },
		"clock":   func(t time.Time) template.HTML { return s.words.Clock(t) },
		"seconds": func(t time.Time) template.HTML { return s.words.Seconds(t) },
		"day":     func(t time.Time) template.HTML { return s.words.Day(t) },
		"ago":     func(t time.Time) template.HTML { return s.words.Ago(t) },
		"left":    func(t time.Time) int { return s.words.Left(t) },
		"icon":    Icon,
		"mark":    func() template.HTML { return mark },
		"asset":   func(name string) (string, error) { return p.cfg.Assets.Path(name) },
		"spaced":  func(text string) string { return strings.Join(strings.Split(text, ""), " ") },
		"chars":   func(text string) []string { return strings.Split(text, "") },
	}
}
