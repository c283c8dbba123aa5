// Package storybook shows every page in every state, with invented people and without a database. It serves three
// purposes: people look at a page while they change it, the browser tests check every page for accessibility, and the
// tests of this package check rules that hold for all pages.
//
// "/" lists the stories and /{name} shows one. ?theme=dark or light and ?dir=rtl vary it. Texts are those of the product's
// catalogue, in the language of the browser. Forms and links lead nowhere.
package storybook

import (
	"bytes"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"countersign/internal/site/control"
	"countersign/internal/site/frame"
	"countersign/internal/site/portal"
	"countersign/internal/site/prompt"
	"countersign/internal/site/web"
)

// Now is the time of all stories, so that pages with times always look the same.
var Now = time.Date(2026, 11, 21, 14, 2, 30, 0, time.UTC)

// Story is one page in one state. Page is the same struct that the product renders.
type Story struct {
	Name string // address, e.g. "push-delivered"
	Page web.Page
}

// Renderer returns a renderer whose clock stands at Now, and its static files.
func Renderer() (*web.Renderer, *web.Assets, error) {
	assets, err := web.NewAssets(web.Static(), control.Files(), prompt.Files(), frame.Files())
	if err != nil {
		return nil, nil, err
	}
	pages, err := web.New(web.Config{Assets: assets, Templates: []fs.FS{control.Files(), prompt.Files(), portal.Files(), frame.Files()},
		Now: func() time.Time { return Now }})
	return pages, assets, err
}

// index is the page that lists the stories. It does not use the product's layout, so that a broken layout can still be
// found from here.
var index = template.Must(template.New("index").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>countersign storybook</title>
<link rel="stylesheet" href="{{.Style}}"><body class="wide"><main><h1>Every page in every state</h1><ul class="rows">{{range .Stories}}<li><a class="row" href="/{{.Name}}"><span>{{.Name}}</span></a> <a href="/{{.Name}}?theme=dark">dark</a> <a href="/{{.Name}}?dir=rtl">right to left</a></li>{{end}}</ul></main></body></html>`))

// Handler serves the storybook, with the product's security headers. It panics when a template does not parse.
func Handler() http.Handler {
	pages, assets, err := Renderer()
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", assets)
	stories := Stories()
	for _, s := range stories {
		mux.HandleFunc("GET /"+s.Name, func(w http.ResponseWriter, r *http.Request) { show(w, r, pages, s.Page) })
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		style, _ := assets.Path("style.css") // it exists: the layout uses it
		_ = index.Execute(w, struct {
			Style   string
			Stories []Story
		}{style, stories}) // the browser may have gone
	})
	return web.Headers(web.HeaderOptions{}, mux)
}

// varied is a page with another theme and without scripts.
type varied struct {
	page  web.Page
	theme string
}

// Frame implements web.Page.
func (v varied) Frame(w web.Words) web.Frame {
	f := v.page.Frame(w)
	f.Theme, f.Scripts = v.theme, nil // a script would ask a server for news that does not exist
	return f
}

// show writes one story in the variation that the query asks for.
func show(w http.ResponseWriter, r *http.Request, pages *web.Renderer, page web.Page) {
	html, err := pages.RenderAs(pages.Words(r), varied{page, r.FormValue("theme")}, page)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.FormValue("dir") == "rtl" {
		html = bytes.Replace(html, []byte(`dir="ltr">`), []byte(`dir="rtl">`), 1)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(html) // the browser may have gone
}
