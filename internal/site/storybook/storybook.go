// Package storybook shows every page of the prompt and the portal in every state, with made-up
// people and no database: /  lists them, /{name} shows one, ?theme=dark|light and ?dir=rtl vary it.
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

// Now is the moment all stories are told at.
var Now = time.Date(2026, 11, 21, 14, 2, 30, 0, time.UTC)

// Story is one page in one state.
type Story struct {
	Name string // address, e.g. "push-delivered"
	Page web.Page
}

// Renderer gives a renderer with the clock of the stories, and its static files.
func Renderer() (*web.Renderer, *web.Assets, error) {
	assets, err := web.NewAssets(web.Static(), control.Files(), prompt.Files(), frame.Files())
	if err != nil {
		return nil, nil, err
	}
	pages, err := web.New(web.Config{Assets: assets, Templates: []fs.FS{control.Files(), prompt.Files(), portal.Files(), frame.Files()},
		Now: func() time.Time { return Now }})
	return pages, assets, err
}

// index is the page that lists the stories, outside the product's own layout.
var index = template.Must(template.New("index").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>countersign storybook</title>
<link rel="stylesheet" href="{{.Style}}"><body class="wide"><main><h1>Every page in every state</h1><ul class="rows">{{range .Stories}}<li><a class="row" href="/{{.Name}}"><span>{{.Name}}</span></a> <a href="/{{.Name}}?theme=dark">dark</a> <a href="/{{.Name}}?dir=rtl">right to left</a></li>{{end}}</ul></main></body></html>`))

// Handler serves the storybook. It panics when a template does not parse.
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
		style, _ := assets.Path("style.css") // there is one, or NewAssets had failed the layout
		_ = index.Execute(w, struct {
			Style   string
			Stories []Story
		}{style, stories}) // the visitor may be gone
	})
	return web.Headers(web.HeaderOptions{}, mux)
}

// varied is a page with another theme.
type varied struct {
	page  web.Page
	theme string
}

// Frame implements web.Page.
func (v varied) Frame(w web.Words) web.Frame {
	f := v.page.Frame(w)
	f.Theme, f.Scripts = v.theme, nil // a story stands still: no script asks for its status
	return f
}

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
	_, _ = w.Write(html) // the visitor may be gone
}
